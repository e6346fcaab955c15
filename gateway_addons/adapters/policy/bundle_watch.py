"""Tells the operator when OPA refuses a bundle: the old revision goes on deciding, and OPA's health says nothing of it."""

import asyncio
from typing import Protocol

import structlog
from prometheus_client import CollectorRegistry, Gauge

from gateway_addons.adapters.policy.opa_admin import BundleStatus
from gateway_addons.core.errors import PolicyUnavailable

LOOK_S = 5.0

log = structlog.get_logger("poterne.policy")


class TellsStatus(Protocol):
    """Whoever knows which bundle is active, and what went wrong with the last one."""

    async def status(self) -> BundleStatus:
        """Raises `PolicyUnavailable`."""


class BundleWatch:
    """Looks every few seconds; one line in the log for each change, and a gauge to alert on."""

    def __init__(self, opa: TellsStatus, registry: CollectorRegistry) -> None:
        self._opa = opa
        self._refused = Gauge("poterne_policy_bundle_refused", "1 while OPA cannot take the bundle that it is offered.",
                              registry=registry)
        self.problem: str | None = None
        """Why OPA does not take the bundle that it is offered; None while it does."""

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Look once. An OPA that does not answer is another alert (readiness), not this one."""
        try:
            status = await self._opa.status()
        except PolicyUnavailable:
            return
        self._refused.set(1 if status.problem else 0)
        if status.problem == self.problem:
            return
        self.problem = status.problem
        if status.problem:
            log.error("policy_bundle_refused", why=status.problem, decides=status.active)
        else:
            log.info("policy_bundle_in_order", decides=status.active)
