"""Events of the gateway itself and acts of operators: told when their name is one of those that a rule asks for (8-e, 8-h1)."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from gateway_addons.core.detection.alert import Alert
from gateway_addons.core.detection.rules import JournalEvent

INTERRUPTED = "appel.interrompu"
"""The name of a call that a crash cut off after it was announced."""


def event_name(kind: str, fields: Mapping[str, Any], *, interrupted: bool = False) -> str | None:
    """The name of a record that is not an ordinary call: an act's, an event's, or `journal.<kind>`; None for a call."""
    if interrupted:
        return INTERRUPTED
    if kind == "appel":
        return None
    return str(fields.get("acte") or fields.get("evenement") or f"journal.{kind}")


class Events:
    """Tells of the events that one rule is about."""

    def __init__(self, rule: JournalEvent) -> None:
        self._rule = rule

    def observe(self, name: str, fields: Mapping[str, Any], at: datetime) -> Iterator[Alert]:
        """An alert when the name fits one of the rule's patterns."""
        if not any(fnmatchcase(name, pattern) for pattern in self._rule.events):
            return
        about = {str(k): str(v) for k, v in (fields.get("sujet") or {}).items()}
        actor = (fields.get("acteur") or {}).get("nom")
        words = ", ".join(f"{k} {v}" for k, v in about.items())
        yield Alert(
            rule=self._rule.id, kind=self._rule.kind, severity=self._rule.severity, at=at, subject=f"{name} {words}"[:200],
            message=f"{name}" + (f" par {actor}" if actor else "") + (f" : {words}" if words else ""),
            evidence=(str(fields["requestId"]),) if fields.get("requestId") else (), details=about,
        )
