"""Incidents counted by type and period (8-h2), and the clocks that run while one is open (6.6-a, 10-D)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway_addons.core.incident.model import Incident


@dataclass(frozen=True, slots=True)
class TypeCount:
    """Incidents of one type that were opened in a period; `handling_h` is the mean from opening to closing, in hours."""

    type: str
    opened: int
    still_open: int
    with_breach: int
    handling_h: float | None
    interruption_h: float


@dataclass(frozen=True, slots=True)
class RunningClock:
    """A delay that runs: `name` is `cnil` (72 h, 6.6-a) or `interruption` (24 h, 10-D); `since` is when it began."""

    incident: str
    name: str
    since: datetime
    due: datetime


INTERRUPTION_TARGET = timedelta(hours=24)
"""D=3: an interruption lasts 24 hours at most (10-D, AMB-11)."""


def by_type(incidents: Iterable[Incident], since: datetime, until: datetime) -> list[TypeCount]:
    """Counts for incidents opened in [since, until), most first."""
    groups: dict[str, list[Incident]] = {}
    for incident in incidents:
        if since <= incident.opened_at < until:
            groups.setdefault(incident.type, []).append(incident)
    counts = [_count(kind, group, until) for kind, group in groups.items()]
    return sorted(counts, key=lambda c: (-c.opened, c.type))


def _count(kind: str, group: list[Incident], until: datetime) -> TypeCount:
    closed = [(i.closed_at - i.opened_at).total_seconds() / 3600 for i in group if i.closed_at]
    down = [((i.ended_at or until) - i.began_at).total_seconds() / 3600 for i in group if i.type == "indisponibilite"]
    return TypeCount(kind, len(group), sum(i.open for i in group), sum(i.breach is not None for i in group),
                     sum(closed) / len(closed) if closed else None, sum(down))


def running(incidents: Iterable[Incident]) -> list[RunningClock]:
    """The delays that run now."""
    clocks = []
    for incident in incidents:
        breach = incident.breach
        if breach is not None and breach.must_be_notified and breach.notified_at is None:
            clocks.append(RunningClock(incident.id, "cnil", breach.known_at, breach.due))
        if incident.open and incident.type == "indisponibilite" and incident.ended_at is None:
            clocks.append(RunningClock(incident.id, "interruption", incident.began_at, incident.began_at + INTERRUPTION_TARGET))
    return clocks
