"""From the outbox to the sinks: each alert to each sink, again and again until it is taken or given up."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import structlog

from gateway_addons.adapters.alerts.log_sink import LogAlerts
from gateway_addons.adapters.alerts.mail_sink import MailAlerts
from gateway_addons.adapters.alerts.outbox import Due, Outbox
from gateway_addons.adapters.alerts.sink import AlertSink, SinkFailed
from gateway_addons.adapters.alerts.syslog_sink import SyslogAlerts
from gateway_addons.adapters.alerts.webhook_sink import WebhookAlerts
from gateway_addons.settings.detection import LogSink, MailSink, Sink, SyslogSink, WebhookSink

log = structlog.get_logger("poterne.alerts")


def open_sinks(sinks: Sequence[Sink]) -> dict[str, AlertSink]:
    """The sinks by name. Raises `OSError`, `ValueError` for a file that one of them needs and cannot use."""
    return {sink.name: _open(sink) for sink in sinks}


def _open(sink: Sink) -> AlertSink:
    match sink:
        case LogSink():
            return LogAlerts()
        case WebhookSink():
            return WebhookAlerts(sink)
        case SyslogSink():
            return SyslogAlerts(sink)
        case MailSink():
            return MailAlerts(sink)


class Dispatch:
    """Delivers what the outbox holds."""

    def __init__(self, outbox: Outbox, sinks: Mapping[str, AlertSink], give_up_after_s: float) -> None:
        self._outbox, self._sinks, self._give_up_after_s = outbox, sinks, give_up_after_s

    async def deliver_due(self) -> int:
        """Try everything that is due now, the sinks side by side; how many were taken."""
        due = self._outbox.due(time.time())
        by_sink: dict[str, list[Due]] = {}
        for one in due:
            by_sink.setdefault(one.sink, []).append(one)
        return sum(await asyncio.gather(*(self._to_sink(name, waiting) for name, waiting in by_sink.items())))

    async def straight(self, alert_id: str, document: Mapping[str, Any], sinks: Collection[str]) -> set[str]:
        """Once to each of these sinks, past the outbox; which of them took it, or are there no more."""

        async def to(name: str) -> bool:
            sink = self._sinks.get(name)
            try:
                if sink is not None:
                    await sink.send(alert_id, document)
            except SinkFailed:
                return False
            return True

        names = sorted(sinks)
        return {n for n, taken in zip(names, await asyncio.gather(*map(to, names)), strict=True) if taken}

    async def _to_sink(self, name: str, waiting: Sequence[Due]) -> int:
        """One sink, in order; after its first failure the rest waits for the next round, so that no time-out adds up."""
        taken = 0
        for one in waiting:
            try:
                sink = self._sinks.get(name)
                if sink is None:
                    raise SinkFailed("no sink of that name is configured any more")
                await sink.send(one.alert_id, one.document)
            except SinkFailed as e:
                if self._outbox.failed(one, str(e), time.time(), self._give_up_after_s):
                    log.error("alert_abandoned", sink=name, alert_id=one.alert_id, why=str(e))
                break
            self._outbox.delivered(one, time.time())
            taken += 1
        return taken
