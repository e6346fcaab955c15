"""Expiry ahead: one alert each time that what ends has come nearer than one of the configured numbers of days."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from gateway_addons.core.detection.alert import Alert
from gateway_addons.core.detection.rules import ExpiryAhead

MAX_SUBJECTS = 100_000


@dataclass(frozen=True, slots=True)
class Ending:
    """Something that ends: `subject` names it for good (it is told once for each bound), `on` is its last day."""

    subject: str
    what: str
    on: date
    clause: str


class Endings:
    """Remembers which bound was told for which ending."""

    def __init__(self, rule: ExpiryAhead) -> None:
        self._rule = rule
        self._bounds = sorted(set(rule.days))
        self._told: dict[str, int] = {}

    def look(self, endings: Sequence[Ending], now: datetime, today: date) -> Iterator[Alert]:
        """Alerts for what has crossed a bound since the last look; what is past counts as the nearest bound."""
        current: dict[str, int] = {}
        for ending in endings[:MAX_SUBJECTS]:
            left = (ending.on - today).days
            bound = next((b for b in self._bounds if left <= b), None)
            if bound is None:
                continue
            name = f"{ending.subject}@{ending.on.isoformat()}"
            told = self._told.get(name)
            current[name] = bound
            if told is not None and told <= bound:
                continue
            when = f"dans {left} jour(s)" if left > 0 else ("aujourd'hui" if left == 0 else f"depuis {-left} jour(s)")
            yield Alert(rule=self._rule.id, kind=self._rule.kind, severity=self._rule.severity, at=now, subject=ending.subject,
                        message=f"{ending.what} : fin le {ending.on.isoformat()}, {when}",
                        details={"clause": ending.clause, "jours": str(left)})
        self._told = current

    def state(self) -> dict[str, Any]:
        """What a restart needs, so that nothing is told twice."""
        return dict(self._told)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` told. Raises `ValueError`, `TypeError` for anything else."""
        self._told = {str(name): int(bound) for name, bound in state.items()}
