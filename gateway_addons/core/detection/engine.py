"""All rules together: a record goes in, alerts come out; what they have learnt can be kept across a restart."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from gateway_addons.core.detection.alert import Alert
from gateway_addons.core.detection.clock import ClockWatch
from gateway_addons.core.detection.delays import Delays
from gateway_addons.core.detection.events import Events
from gateway_addons.core.detection.expiry import Ending, Endings
from gateway_addons.core.detection.health import Health
from gateway_addons.core.detection.journal_stop import JournalStop
from gateway_addons.core.detection.networks import NetworksOfCertificates
from gateway_addons.core.detection.refusals import RefusalCounter
from gateway_addons.core.detection.rules import (
    ClockJump,
    ExpiryAhead,
    GatewayHealth,
    IncidentClock,
    JournalEvent,
    JournalStopped,
    MismatchedIdentities,
    NewNetwork,
    RepeatedRefusals,
    Rule,
    UnusualVolume,
)
from gateway_addons.core.detection.volume import VolumeByHour
from gateway_addons.core.incident.statistics import RunningClock

MAX_QUIET = 100_000
"""Subjects about which a rule is told to be quiet for a while."""


class Learning(Protocol):
    """A rule that has learnt something that a restart must not lose."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take it up again."""


class Detection:
    """The rules of one configuration. One instance sees all records in the order they were written."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = {rule.id: rule for rule in rules}
        if len(self._rules) != len(rules):
            raise ValueError("two rules have the same id")
        self._counters = [RefusalCounter(r) for r in rules if isinstance(r, RepeatedRefusals | MismatchedIdentities)]
        self._networks = {r.id: NetworksOfCertificates(r) for r in rules if isinstance(r, NewNetwork)}
        self._volumes = {r.id: VolumeByHour(r) for r in rules if isinstance(r, UnusualVolume)}
        self._clocks = [ClockWatch(r) for r in rules if isinstance(r, ClockJump)]
        self._endings = {r.id: Endings(r) for r in rules if isinstance(r, ExpiryAhead)}
        self._delays = {r.id: Delays(r) for r in rules if isinstance(r, IncidentClock)}
        self._events = [Events(r) for r in rules if isinstance(r, JournalEvent)]
        self._health = [Health(r) for r in rules if isinstance(r, GatewayHealth)]
        self._stops = [JournalStop(r) for r in rules if isinstance(r, JournalStopped)]
        self._quiet: OrderedDict[tuple[str, str], datetime] = OrderedDict()

    def observe(self, record: Mapping[str, Any], now: datetime) -> list[Alert]:
        """The alerts that one record of a call gives rise to.

        Raises:
            ValueError: the record has no time; it is not a record.
        """
        at = datetime.fromisoformat(str(record.get("horodatage")))
        found: list[Alert] = []
        for clock in self._clocks:
            found += clock.observe(record, at, now)
        for counter in self._counters:
            found += counter.observe(record, at)
        for network in self._networks.values():
            found += network.observe(record, at)
        for volume in self._volumes.values():
            found += volume.observe(record, at)
        return list(self._unless_quiet(found))

    def event(self, name: str, fields: Mapping[str, Any], at: datetime) -> list[Alert]:
        """The alerts that an act or an event gives rise to; `name` is `core.detection.events.event_name`'s."""
        return list(self._unless_quiet(a for watch in self._events for a in watch.observe(name, fields, at)))

    def health(self, away: Mapping[str, str], now: datetime) -> list[Alert]:
        """The alerts for what the gateway misses; `away` says what and why."""
        return [alert for watch in self._health for alert in watch.look(away, now)]

    def journal(self, stops: Mapping[str, str], now: datetime) -> list[Alert]:
        """The alerts for a journal that takes no record; `stops` are what stops it now and why."""
        return [alert for watch in self._stops for alert in watch.look(stops, now)]

    def tick(self, now: datetime, monotonic_s: float) -> list[Alert]:
        """The alerts that time itself gives rise to; `monotonic_s` never jumps."""
        return list(self._unless_quiet(a for clock in self._clocks for a in clock.tick(now, monotonic_s)))

    def endings(self, endings: Sequence[Ending], now: datetime, today: date) -> list[Alert]:
        """The alerts for what ends soon; looked at once in a while."""
        return [alert for watch in self._endings.values() for alert in watch.look(endings, now, today)]

    def delays(self, clocks: Sequence[RunningClock], now: datetime) -> list[Alert]:
        """The alerts for the delays of open incidents."""
        return [alert for watch in self._delays.values() for alert in watch.look(clocks, now)]

    def sinks_of(self, alert: Alert) -> tuple[str, ...]:
        """The names of the sinks that its rule asks for; empty means all."""
        rule = self._rules.get(alert.rule)
        return rule.sinks if rule is not None else ()

    def _unless_quiet(self, alerts: Iterable[Alert]) -> Iterator[Alert]:
        for alert in alerts:
            key = (alert.rule, alert.subject)
            last, quiet = self._quiet.get(key), timedelta(seconds=self._rules[alert.rule].quiet_s)
            if last is not None and timedelta(0) <= alert.at - last < quiet:  # a clock that went back does not silence
                continue
            self._quiet[key] = alert.at
            self._quiet.move_to_end(key)
            if len(self._quiet) > MAX_QUIET:
                self._quiet.popitem(last=False)
            yield alert

    def state(self) -> dict[str, Any]:
        """What the rules have learnt, as JSON; `restore` takes it up again."""
        return {"networks": {n: w.state() for n, w in self._networks.items()},
                "volumes": {n: w.state() for n, w in self._volumes.items()},
                "endings": {n: w.state() for n, w in self._endings.items()},
                "delays": {n: w.state() for n, w in self._delays.items()}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what was learnt before; a rule that is new has learnt nothing.

        Raises:
            ValueError, TypeError, AttributeError: not what `state` told.
        """
        kept: dict[str, Mapping[str, Learning]] = {
            "networks": self._networks, "volumes": self._volumes, "endings": self._endings, "delays": self._delays}
        for name, watches in kept.items():
            for rule, learnt in state.get(name, {}).items():
                watch = watches.get(rule)
                if watch is not None:
                    watch.restore(learnt)
