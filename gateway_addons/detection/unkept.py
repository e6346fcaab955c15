"""Alerts that the outbox could not keep, since its disk is full too: in memory, and straight to the sinks, until it can."""

import sqlite3
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from gateway_addons.adapters.alerts.dispatch import Dispatch
from gateway_addons.adapters.alerts.outbox import Outbox
from gateway_addons.core.detection.alert import Alert

MAX_UNKEPT = 1000
"""More are only logged."""

CANNOT_KEEP = (sqlite3.Error, OSError)

log = structlog.get_logger("poterne.alerts")


@dataclass
class _Waiting:
    alert: Alert
    sinks: set[str]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class Unkept:
    """Usually empty."""

    def __init__(self, outbox: Outbox, dispatch: Dispatch) -> None:
        self._outbox, self._dispatch = outbox, dispatch
        self._waiting: list[_Waiting] = []

    def __len__(self) -> int:
        """How many alerts wait here."""
        return len(self._waiting)

    def add(self, alert: Alert, sinks: Sequence[str], why: Exception) -> None:
        """The outbox does not take this one."""
        log.error("alert_not_kept", why=str(why), alert=alert.document())
        if len(self._waiting) < MAX_UNKEPT:
            self._waiting.append(_Waiting(alert, set(sinks)))

    async def deliver(self) -> None:
        """One round: back to the outbox if it takes them, else straight to the sinks that have not had them."""
        for one in list(self._waiting):
            if not self._kept(one):
                one.sinks -= await self._dispatch.straight(one.id, one.alert.document(), one.sinks)
            if not one.sinks:
                self._waiting.remove(one)

    def _kept(self, one: _Waiting) -> bool:
        try:
            self._outbox.put(one.alert, sorted(one.sinks), time.time())
        except CANNOT_KEEP:
            return False
        one.sinks.clear()
        return True
