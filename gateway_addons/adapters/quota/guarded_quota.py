"""What happens while Redis does not charge: the configured choice, at once told, and given up by itself when Redis is back.

`refuse`: the call is refused (503). `local`: this worker charges its share of the limit in its own memory. The share counts
also the calls that Redis let pass before, so in a window across a failure at most the limit and the other workers' shares
are accepted, and in a window across the recovery at most the limit and the shares: never unlimited, in no moment.
"""

import time
from collections.abc import Callable

from gateway_addons.adapters.quota.redis_quota import RedisQuota
from gateway_addons.core.decision import QuotaToCharge
from gateway_addons.core.errors import QuotaUnavailable
from gateway_addons.core.ports import QuotaCharge, QuotaWatch
from gateway_addons.core.quota import LocalWindows
from gateway_addons.settings.quota import Quota


def _monotonic_us() -> int:
    return time.monotonic_ns() // 1000


class GuardedQuota:
    """The `QuotaStore` of the gateway: Redis, and the configured choice for when it fails."""

    def __init__(
        self, redis: RedisQuota, settings: Quota, watch: QuotaWatch, clock_us: Callable[[], int] = _monotonic_us
    ) -> None:
        self._redis = redis
        self._choice = settings.on_failure
        self._local = LocalWindows(settings.local_share) if settings.on_failure == "local" else None
        self._watch = watch
        self._clock_us = clock_us
        self._down = False
        self._probing = False

    async def charge(self, quota: QuotaToCharge, body_bytes: int = 0) -> QuotaCharge:
        """Charge the shared windows; if that fails, do what is configured.

        Raises:
            QuotaUnavailable: Redis did not charge, and the choice is to refuse.
        """
        if self._local is not None and self._down and self._probing:
            # one call at a time finds out whether Redis is back, nobody else waits
            return self._share(self._local, quota, body_bytes)
        self._probing = True
        try:
            charge = await self._redis.charge(quota, body_bytes)
        except QuotaUnavailable as e:
            self._down = True
            self._watch.failed(str(e), self._choice)
            if self._local is None:
                raise QuotaUnavailable(f"{e}; on_failure: refuse") from e
            return self._share(self._local, quota, body_bytes)
        finally:
            self._probing = False
        if self._down:
            self._down = False
            self._watch.recovered()
        if self._local is not None and charge.accepted:
            self._local.note(quota, self._clock_us(), body_bytes)
        self._watch.charged(quota, charge)
        return charge

    def _share(self, local: LocalWindows, quota: QuotaToCharge, body_bytes: int) -> QuotaCharge:
        charge = local.charge(quota, self._clock_us(), body_bytes)
        self._watch.charged(quota, charge)
        return charge

    async def healthy(self) -> None:
        """Does Redis answer? Raises `QuotaUnavailable`."""
        await self._redis.healthy()

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.close()
