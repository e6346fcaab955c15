"""What the operator sees of the shared registers: how many entries, how fresh, and an alert while a copy fails."""

import time
from typing import Literal

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end


class RegisterTrace:
    """Counts failures, logs each change once; implements `core.ports.RegisterWatch`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._log = structlog.get_logger("poterne.register")
        self._entries = Gauge("poterne_register_entries", "Entries in force.", ("register",), registry=registry)
        self._refreshed = Gauge("poterne_register_refreshed_timestamp_seconds",
                                "When the register was last compared with Redis, as Unix time.", ("register",), registry=registry)
        self._failures = Counter("poterne_register_failures", "Looks at a copy (redis, mirror) that failed.",
                                 ("register", "copy"), registry=registry)
        self._degraded = Gauge("poterne_register_degraded", "1 while a copy (redis, mirror) fails.", ("register", "copy"),
                               registry=registry)
        self._told: dict[tuple[str, str], str] = {}

    def failed(self, register: str, copy: Literal["redis", "mirror"], why: str) -> None:
        """Count it; the alert is logged when it begins and when its cause changes."""
        self._failures.labels(register, copy).inc()
        self._degraded.labels(register, copy).set(1)
        if self._told.get((register, copy)) != why:
            self._told[register, copy] = why
            self._log.error("register_degraded", register=register, copy=copy, why=why)

    def recovered(self, register: str, copy: Literal["redis", "mirror"]) -> None:
        """Log the end of the alert."""
        self._degraded.labels(register, copy).set(0)
        if self._told.pop((register, copy), None) is not None:
            self._log.warning("register_recovered", register=register, copy=copy)

    def refreshed(self, register: str, entries: int) -> None:
        """Tell how fresh it is."""
        self._entries.labels(register).set(entries)
        self._refreshed.labels(register).set(time.time())
