"""Detection at work: follows the journal, asks the rules, keeps the alerts, delivers them. A process of its own, so that
nothing of it is on the path of a call, and a sink that hangs keeps nobody waiting (clause 8-e).
"""

import asyncio
import fcntl
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from gateway_addons.adapters.alerts.dispatch import Dispatch, open_sinks
from gateway_addons.adapters.alerts.outbox import Outbox
from gateway_addons.adapters.journal.follow import Follower
from gateway_addons.adapters.journal.reader import CALL, Record
from gateway_addons.core.detection.alert import Alert
from gateway_addons.core.detection.engine import Detection
from gateway_addons.core.detection.events import event_name
from gateway_addons.core.detection.expiry import Ending
from gateway_addons.core.detection.journal_stop import SEEN
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.incident.statistics import RunningClock
from gateway_addons.detection.memory import Memory, load, save
from gateway_addons.detection.unkept import CANNOT_KEEP, Unkept
from gateway_addons.settings.detection import DetectionSettings

LOOK_S = 0.5
RECORDS_AT_ONCE = 2000
SAVE_EVERY_S = 10.0
ENDINGS_EVERY_S = 3600.0
DELAYS_EVERY_S = 60.0
HEALTH_EVERY_S = 5.0
NOT_KEPT_S = 60.0
TIMES_SEEN = 2
LOOK_BACK = timedelta(minutes=15)
"""On a first start older records teach the rules, and alert nobody."""

KEEP_ALERTS = timedelta(days=366)
PARIS = ZoneInfo("Europe/Paris")
JOURNAL = "journal"
"""The journal's name among what the gateway depends on."""

UNREADABLE = "journal-illisible"
"""The rule's name on the alert for a journal that cannot be read."""

log = structlog.get_logger("poterne.detection")

type EndingsSource = Callable[[], Sequence[Ending]]
type ClocksSource = Callable[[], Sequence[RunningClock]]
type JournalSource = Callable[[], Mapping[str, str]]
type HealthSource = Callable[[], Awaitable[Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class Sources:
    """What detection looks at besides the records: what ends, which delays run, what the gateway misses, what stops the
    journal.
    """

    endings: EndingsSource
    clocks: ClocksSource
    health: HealthSource
    journal: JournalSource = dict


def outbox_file(state: Path) -> Path:
    """The alerts of the gateway whose state folder this is."""
    return state / "detection" / "alerts.sqlite"


@contextmanager
def alone(state: Path) -> Iterator[None]:
    """One detection at a time follows a journal. Raises `RuntimeError` when another one does."""
    folder = state / "detection"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as e:
        raise RuntimeError(f"another detection runs with {state}; stop it first") from e
    finally:
        os.close(lock)


class Watch:
    """One detection. What an alert is about is kept before the journal's position is, so a crash repeats and never loses."""

    def __init__(self, journal: Path, state: Path, settings: DetectionSettings, sources: Sources) -> None:
        """Raises `ValueError`, `OSError` for a sink's file or a kept state that cannot be used."""
        self._settings, self._sources = settings, sources
        self._memory_file = state / "detection" / "state.json"
        memory = load(self._memory_file)
        self._engine = Detection(settings.rules)
        self._engine.restore(memory.learnt)
        self._follower = Follower(journal, memory.positions)
        self._alert_from = datetime.now(UTC) - LOOK_BACK if memory.fresh else None
        self._outbox = Outbox(outbox_file(state))
        self._dispatch = Dispatch(self._outbox, open_sinks(settings.sinks), settings.give_up_after_s)
        self._saved_s = self._looked_s = self._delays_s = -ENDINGS_EVERY_S
        self._unkept = Unkept(self._outbox, self._dispatch)
        self._unreadable = False
        self._seen_by_workers = ""
        self._times_seen = 0
        self._not_saved = False

    async def run(self) -> None:
        """Until cancelled; what was seen is then kept."""
        aside = [asyncio.create_task(self._deliver()), asyncio.create_task(self._look_at_health())]
        try:
            while not any(task.done() for task in aside):
                busy = self.look()
                await asyncio.sleep(0 if busy else LOOK_S)
            for task in aside:
                if task.done():
                    task.result()
        finally:
            for task in aside:
                task.cancel()
            await asyncio.gather(*aside, return_exceptions=True)
            self.keep()
            self._outbox.close()

    def look(self) -> bool:
        """One look at the journal, the clock and, once in a while, at what ends; True when there is more to read."""
        now, monotonic_s = datetime.now(UTC), time.monotonic()
        records = self._read(now)
        alerts = [a for record in records for a in self._ask(record, now)]
        alerts += self._engine.tick(now, monotonic_s)
        alerts += self._engine.journal(self._journal_stops(), now)
        if monotonic_s - self._looked_s >= ENDINGS_EVERY_S:
            self._looked_s = monotonic_s
            alerts += self._look_at_endings(now)
            self._forget_before(now - KEEP_ALERTS)
        if monotonic_s - self._delays_s >= DELAYS_EVERY_S:
            self._delays_s = monotonic_s
            alerts += self._look_at_delays(now)
        for alert in alerts:
            self._put(alert)
        if alerts or monotonic_s - self._saved_s >= SAVE_EVERY_S:
            self._saved_s = monotonic_s
            self.keep()
        return len(records) >= RECORDS_AT_ONCE

    def keep(self) -> None:
        """Keep how far the journal was read and what was learnt; on a full disk the next time, and alerts may come again."""
        if self._unkept:
            return  # a crash must read again what these alerts came from
        try:
            save(self._memory_file, Memory(self._follower.positions(), self._engine.state()))
        except OSError as e:
            if not self._not_saved:
                log.error("state_not_kept", why=str(e))
            self._not_saved = True
        else:
            self._not_saved = False

    def _journal_stops(self) -> Mapping[str, str]:
        """What is seen from outside; else what the workers say, twice, since they look later than this process does."""
        stops = self._sources.journal()
        if stops:
            self._times_seen = 0
        return stops or ({SEEN: self._seen_by_workers} if self._times_seen >= TIMES_SEEN else {})

    def _read(self, now: datetime) -> list[Record]:
        try:
            records = self._follower.read(RECORDS_AT_ONCE)
        except JournalUnavailable as e:
            if not self._unreadable:  # told once, until it can be read again
                self._unreadable = True
                self._put(Alert(rule=UNREADABLE, kind="journal_unreadable", severity="critical", at=now, subject="journal",
                                message=f"le journal ne peut être lu : {e}"))
            return []
        self._unreadable = False
        return records

    def _ask(self, record: Record, now: datetime) -> list[Alert]:
        alerts: list[Alert] = []
        if record.kind == CALL:
            alerts += self._engine.observe(record.fields | {"redacteur": record.writer}, now)
        name = event_name(record.kind, record.fields, interrupted=record.interrupted)
        if name is not None:
            alerts += self._engine.event(name, record.fields, record.at)
        return [a for a in alerts if self._alert_from is None or a.at >= self._alert_from]

    def _look_at_endings(self, now: datetime) -> list[Alert]:
        today: date = now.astimezone(PARIS).date()
        try:
            return self._engine.endings(self._sources.endings(), now, today)
        except JournalUnavailable as e:  # told as what cannot be read; whatever else is watched goes on
            log.error("endings_not_looked_at", why=str(e))
            return []

    def _look_at_delays(self, now: datetime) -> list[Alert]:
        try:
            return self._engine.delays(self._sources.clocks(), now)
        except JournalUnavailable as e:
            log.error("delays_not_looked_at", why=str(e))
            return []

    def _forget_before(self, moment: datetime) -> None:
        try:
            self._outbox.forget_before(moment.isoformat())
        except CANNOT_KEEP as e:
            log.error("old_alerts_not_forgotten", why=str(e))

    def _put(self, alert: Alert) -> None:
        names = self._engine.sinks_of(alert) or tuple(sink.name for sink in self._settings.sinks)
        try:
            self._outbox.put(alert, names, time.time())
        except CANNOT_KEEP as e:
            self._unkept.add(alert, names, e)

    async def _deliver(self) -> None:
        while True:
            await self._unkept.deliver()
            try:
                taken = await self._dispatch.deliver_due()
            except CANNOT_KEEP as e:  # what was delivered cannot be marked so, and would be delivered again at once
                log.error("deliveries_not_kept", why=str(e))
                await asyncio.sleep(NOT_KEPT_S)
                continue
            if not taken:
                await asyncio.sleep(LOOK_S)

    def _hear(self, why: str | None) -> None:
        """The workers' word on the journal."""
        self._times_seen = self._times_seen + 1 if why else 0
        self._seen_by_workers = why or ""

    async def _look_at_health(self) -> None:
        while True:
            away = await self._sources.health()
            self._hear(away.get(JOURNAL))
            for alert in self._engine.health(away, datetime.now(UTC)):
                self._put(alert)
            await asyncio.sleep(HEALTH_EVERY_S)
