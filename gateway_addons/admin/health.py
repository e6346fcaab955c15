"""Is each dependency there, since when, and what was its last error."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gateway_addons.core.errors import DependencyFailure

CHECK_TIMEOUT_S = 3.0


@dataclass(slots=True)
class Dependency:
    """One thing the gateway depends on; `check` raises `DependencyFailure` when it is not there."""

    check: Callable[[], Awaitable[None]]
    up: bool | None = None
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    last_error: str | None = None
    last_error_at: datetime | None = None

    async def look(self) -> None:
        """Look now, and remember when it changed."""
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                await self.check()
            up = True
        except (DependencyFailure, TimeoutError) as e:
            up = False
            self.last_error, self.last_error_at = str(e) or "no answer in time", datetime.now(UTC)
        if up != self.up:
            self.up, self.since = up, datetime.now(UTC)

    def document(self) -> dict[str, Any]:
        """What `/health/ready` says of it."""
        return {
            "up": bool(self.up), "since": self.since.isoformat(timespec="milliseconds"), "last_error": self.last_error,
            "last_error_at": self.last_error_at.isoformat(timespec="milliseconds") if self.last_error_at else None,
        }


class Readiness:
    """All dependencies; ready when every one is there."""

    def __init__(self, dependencies: Mapping[str, Dependency]) -> None:
        self._dependencies = dependencies

    async def look(self) -> tuple[bool, dict[str, Any]]:
        """Look at everything at once: (ready, one document for each dependency)."""
        await asyncio.gather(*(d.look() for d in self._dependencies.values()))
        return (all(d.up for d in self._dependencies.values()),
                {name: d.document() for name, d in self._dependencies.items()})
