"""The health of the gateway as its operator's window tells it: one alert when something is away too long, one when it is back."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from gateway_addons.core.detection.alert import Alert
from gateway_addons.core.detection.rules import GatewayHealth


class Health:
    """Remembers since when each part has been away."""

    def __init__(self, rule: GatewayHealth) -> None:
        self._rule = rule
        self._since: dict[str, datetime] = {}
        self._told: set[str] = set()

    def look(self, away: Mapping[str, str], now: datetime) -> Iterator[Alert]:
        """`away` are the parts that are not there now, with why."""
        for name, why in away.items():
            since = self._since.setdefault(name, now)
            seconds = (now - since).total_seconds()
            if name not in self._told and seconds >= self._rule.for_s:
                self._told.add(name)
                yield Alert(rule=self._rule.id, kind=self._rule.kind, severity=self._rule.severity, at=now, subject=name,
                            message=f"{name} manque depuis {seconds:.0f} s : {why}", details={"depuis": since.isoformat()})
        for name in [n for n in self._since if n not in away]:
            since = self._since.pop(name)
            if name in self._told:
                self._told.discard(name)
                yield Alert(rule=self._rule.id, kind=self._rule.kind, severity="info", at=now, subject=f"{name} rétabli",
                            message=f"{name} est de retour après {(now - since).total_seconds():.0f} s")
