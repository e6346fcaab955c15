"""An alert: what detection saw, in the words an operator reads and with the records that show it (clause 8-e)."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from gateway_addons.core.facts import rfc3339

Severity = Literal["info", "warning", "critical"]

MAX_EVIDENCE = 10
"""How many records' ids an alert names at most; the journal has all of them."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. `subject` is whom it is about (a contract, an address, a certificate...); `evidence` are request ids.

    Nothing of a body, no secret and no token is in it; an address or a client id is as the journal's record has it, that is
    masked when the journal masks it.
    """

    rule: str
    kind: str
    severity: Severity
    at: datetime
    subject: str
    message: str
    count: int = 1
    evidence: tuple[str, ...] = ()
    details: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The alert as JSON has it."""
        return asdict(self) | {"at": rfc3339(self.at), "evidence": list(self.evidence)}
