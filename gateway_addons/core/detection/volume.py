"""Volume out of the ordinary: the calls of a consumer in this hour, beside what it makes in this hour of the day (Paris)."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gateway_addons.core.detection.alert import Alert
from gateway_addons.core.detection.rules import UnusualVolume

PARIS = ZoneInfo("Europe/Paris")
MAX_CONSUMERS = 20_000
MEMORY_DAYS = 28
"""Days over which the usual volume of an hour is averaged; older days fade."""
_HOUR = timedelta(hours=1)


@dataclass(slots=True)
class _Consumer:
    """`hour` is the start of the hour that is being counted (UTC); `usual` the mean calls for each hour of the day."""

    hour: datetime
    calls: int = 0
    told: bool = False
    usual: list[float] = field(default_factory=lambda: [0.0] * 24)
    days: list[int] = field(default_factory=lambda: [0] * 24)


class VolumeByHour:
    """Counts the calls of each contract by hour and compares them with the same hour of other days."""

    def __init__(self, rule: UnusualVolume) -> None:
        self._rule = rule
        self._consumers: OrderedDict[str, _Consumer] = OrderedDict()

    def observe(self, record: Mapping[str, Any], at: datetime) -> Iterator[Alert]:
        """One alert an hour at most for each contract."""
        contract, environment = record.get("convention"), record.get("environnement")
        if not isinstance(contract, str):
            return
        name = f"{environment}:{contract}"
        hour = at.replace(minute=0, second=0, microsecond=0)
        consumer = self._consumers.pop(name, None) or _Consumer(hour)
        self._consumers[name] = consumer
        if len(self._consumers) > MAX_CONSUMERS:
            self._consumers.popitem(last=False)
        if hour > consumer.hour:
            _turn_over(consumer, hour)
        elif hour < consumer.hour:
            return  # a record that comes late belongs to an hour that was already judged
        consumer.calls += 1
        of_day = _hour_of_day(hour)
        usual = consumer.usual[of_day]
        if consumer.told or consumer.days[of_day] < self._rule.min_days:
            return
        if consumer.calls <= max(self._rule.min_calls, self._rule.factor * usual):
            return
        consumer.told = True
        yield Alert(
            rule=self._rule.id, kind=self._rule.kind, severity=self._rule.severity, at=at, subject=contract, count=consumer.calls,
            message=f"{contract} : {consumer.calls} appels depuis {of_day} h, contre {usual:.0f} d'ordinaire à cette heure",
            evidence=(str(record.get("requestId")),),
            details={"environnement": str(environment or ""), "habituel": f"{usual:.1f}"},
        )

    def state(self) -> dict[str, Any]:
        """What a restart needs."""
        return {name: [c.hour.isoformat(), c.calls, c.told, c.usual, c.days] for name, c in self._consumers.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` told. Raises `ValueError`, `TypeError` for anything else."""
        for name, (hour, calls, told, usual, days) in state.items():
            if len(usual) != 24 or len(days) != 24:
                raise ValueError("a day has 24 hours")
            self._consumers[str(name)] = _Consumer(datetime.fromisoformat(hour), int(calls), bool(told),
                                                   [float(u) for u in usual], [int(d) for d in days])


def _turn_over(consumer: _Consumer, hour: datetime) -> None:
    """Close the hour that was counted, and the empty ones since; after a month of silence nothing is usual any more."""
    if hour - consumer.hour > timedelta(days=MEMORY_DAYS):
        consumer.usual, consumer.days = [0.0] * 24, [0] * 24
    else:
        while consumer.hour < hour:
            _close(consumer, _hour_of_day(consumer.hour), consumer.calls)
            consumer.hour, consumer.calls = consumer.hour + _HOUR, 0
    consumer.hour, consumer.calls, consumer.told = hour, 0, False


def _close(consumer: _Consumer, of_day: int, calls: int) -> None:
    days = consumer.days[of_day] = min(consumer.days[of_day] + 1, MEMORY_DAYS)
    consumer.usual[of_day] += (calls - consumer.usual[of_day]) / days


def _hour_of_day(hour: datetime) -> int:
    return hour.astimezone(PARIS).hour
