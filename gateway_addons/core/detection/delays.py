"""Delays of open incidents: one alert for each number of hours that has passed since the delay began (6.6-a, 10-D)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway_addons.core.detection.alert import Alert
from gateway_addons.core.detection.rules import IncidentClock
from gateway_addons.core.incident.statistics import RunningClock

_WORDS = {"cnil": "notification à la CNIL", "interruption": "interruption de service"}


class Delays:
    """Remembers how many hours were told for which incident."""

    def __init__(self, rule: IncidentClock) -> None:
        self._rule = rule
        self._told: dict[str, int] = {}

    def look(self, clocks: Sequence[RunningClock], now: datetime) -> Iterator[Alert]:
        """Alerts for the delays that have passed a mark since the last look."""
        current: dict[str, int] = {}
        for clock in clocks:
            if clock.name != self._rule.clock:
                continue
            elapsed_h = (now - clock.since).total_seconds() / 3600
            passed = max((h for h in self._rule.hours if elapsed_h >= h), default=0)
            current[clock.incident] = passed
            if passed <= self._told.get(clock.incident, 0):
                continue
            yield Alert(
                rule=self._rule.id, kind=self._rule.kind, severity=self._rule.severity, at=now, subject=clock.incident,
                message=f"{clock.incident} : {_WORDS[clock.name]}, {passed} h écoulées, échéance le {clock.due.isoformat()}",
                details={"depuis": clock.since.isoformat(), "echeance": clock.due.isoformat()},
            )
        self._told = current

    def state(self) -> dict[str, Any]:
        """What a restart needs, so that nothing is told twice."""
        return dict(self._told)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` told. Raises `ValueError`, `TypeError` for anything else."""
        self._told = {str(name): int(hours) for name, hours in state.items()}
