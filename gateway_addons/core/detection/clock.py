"""Clock jumps: times of the journal that go back or lie ahead, and jumps of the reader's own clock (clause 8-h3)."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from gateway_addons.core.detection.alert import Alert
from gateway_addons.core.detection.rules import ClockJump

MAX_WRITERS = 1024


class ClockWatch:
    """Compares times: of records among each other for each writer, with the reader's clock, and that with its monotonic one."""

    def __init__(self, rule: ClockJump) -> None:
        self._rule = rule
        self._latest: dict[str, datetime] = {}
        self._offset_s: float | None = None

    def observe(self, record: Mapping[str, Any], at: datetime, now: datetime) -> Iterator[Alert]:
        """An alert when a record is older than its writer's latest, or newer than now, by more than the bounds."""
        writer = str(record.get("redacteur") or "")
        ahead_s = (at - now).total_seconds()
        if ahead_s > self._rule.ahead_s:
            yield self._alert(at, writer, f"un enregistrement est daté de {ahead_s:.0f} s dans l'avenir", record)
            return  # it must not become the latest, or every good record after it would seem to go back
        latest = self._latest.get(writer)
        if latest is None and len(self._latest) >= MAX_WRITERS:
            self._latest.clear()
        if latest is not None and at < latest - timedelta(seconds=self._rule.back_s):
            behind_s = (latest - at).total_seconds()
            yield self._alert(at, writer, f"l'horloge a reculé de {behind_s:.0f} s", record)
            self._latest[writer] = at  # time goes on from here, so that one step back is one alert
        elif latest is None or at > latest:
            self._latest[writer] = at

    def tick(self, now: datetime, monotonic_s: float) -> Iterator[Alert]:
        """An alert when this machine's wall clock has moved otherwise than its monotonic one since the last tick."""
        offset_s = now.timestamp() - monotonic_s
        before, self._offset_s = self._offset_s, offset_s
        if before is None:
            return
        moved_s = offset_s - before
        if moved_s > self._rule.ahead_s or -moved_s > self._rule.back_s:
            yield self._alert(now, "", f"l'horloge de cette machine a sauté de {moved_s:+.0f} s", {})

    def _alert(self, at: datetime, writer: str, what: str, record: Mapping[str, Any]) -> Alert:
        evidence = (str(record["requestId"]),) if record.get("requestId") else ()
        return Alert(rule=self._rule.id, kind=self._rule.kind, severity=self._rule.severity, at=at, subject=writer or "horloge",
                     message=what + (f" ({writer})" if writer else ""), evidence=evidence)
