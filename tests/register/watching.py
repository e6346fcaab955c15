"""A `RegisterWatch` that remembers, and registers on a real Redis."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gateway_addons.adapters.redis_client import single
from gateway_addons.adapters.register.shared_register import SharedRegister

TIMEOUT_S = 0.4
SECOND = 1.0
"""The bound of the feature: everybody knows within one."""


@dataclass
class Watching:
    failures: list[tuple[str, str]] = field(default_factory=list)
    recoveries: list[str] = field(default_factory=list)
    refreshes: int = 0

    def failed(self, register: str, copy: Literal["redis", "mirror"], why: str) -> None:
        self.failures.append((copy, why))

    def recovered(self, register: str, copy: Literal["redis", "mirror"]) -> None:
        self.recoveries.append(copy)

    def refreshed(self, register: str, entries: int) -> None:
        self.refreshes += 1


def register(url: str, mirror: Path, watch: Watching | None = None) -> SharedRegister:
    return SharedRegister(single(url, TIMEOUT_S), "essai", mirror, timeout_s=TIMEOUT_S, watch=watch or Watching())


@asynccontextmanager
async def running(*registers: SharedRegister) -> AsyncIterator[None]:
    """Opened and kept fresh."""
    async with AsyncExitStack() as stack:
        for one in registers:
            stack.push_async_callback(one.close)
            await one.open()
        tasks = [asyncio.create_task(one.run()) for one in registers]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def within(true: Callable[[], bool], limit_s: float = SECOND + 2 * TIMEOUT_S) -> float:
    """Wait until it is so; returns the seconds it took."""
    start = time.monotonic()
    while not true():
        if time.monotonic() > start + limit_s:
            raise AssertionError(f"not so after {limit_s} s")
        await asyncio.sleep(0.01)
    return time.monotonic() - start
