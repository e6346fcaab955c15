"""What was done to the gateway, and not through it: by an operator, by a job, by the gateway itself (clause 8-h1)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from gateway_addons.core.facts import rfc3339

ActorType = Literal["humain", "robot", "lot"]


@dataclass(frozen=True, slots=True)
class Act:
    """One act. `kind` is dotted English (`quota.reset`); `author` is who answers for it; `about` says on what, and how it ended.

    Two acts with one `id` are one: its announcement and its outcome.
    """

    kind: str
    author: str
    reason: str
    about: Mapping[str, str]
    at: datetime
    actor: ActorType = "humain"
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    seen: Mapping[str, str] = field(default_factory=dict)
    """What the machine knows of who did it: user, sudo, host. `author` is only what was said."""

    def told(self, state: str, **more: str) -> "Act":
        """The same act with how it stands: `annonce` before it is done, then `fait` or `echec`."""
        return replace(self, about={**self.about, "etat": state, **more})

    def fields(self) -> dict[str, Any]:
        """The act as a line of the journal."""
        return {
            "type": "acte", "horodatage": rfc3339(self.at), "acte": self.kind, "acteId": self.id,
            "acteur": {"type": self.actor, "nom": self.author, **self.seen}, "motif": self.reason, "sujet": dict(self.about),
        }
