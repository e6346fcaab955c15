"""The quota's sliding window in Redis: exact, atomic, one round trip for each call, on Redis's clock (clause 9.2, AMB-3)."""

import asyncio
from importlib import resources

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway_addons.core.decision import QuotaToCharge
from gateway_addons.core.errors import QuotaUnavailable
from gateway_addons.core.ports import QuotaCharge

KEY_PREFIX = "poterne:quota:"
MAX_CONNECTIONS = 32
"""Beyond as many charges at once the next waits for a connection, within the time-out."""


class RedisQuota:
    """The `QuotaStore` on Redis; implements `core.ports.QuotaStore`."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        pool = BlockingConnectionPool.from_url(
            url, max_connections=MAX_CONNECTIONS, timeout=timeout_s, socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0), protocol=3,
        )
        self._redis: Redis = Redis.from_pool(pool)
        script = resources.files(__package__).joinpath("redis_quota.lua").read_text(encoding="utf-8")
        self._script = self._redis.register_script(script)

    async def charge(self, quota: QuotaToCharge) -> QuotaCharge:
        """Count this call if fewer than `limit` were accepted in the last `window_s` seconds.

        The key carries a hash tag, so that one window is one slot of a Redis Cluster.

        Raises:
            QuotaUnavailable: no answer within the time-out, or not the answer of the script.
        """
        key = f"{KEY_PREFIX}{{{quota.key}}}"
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._script(keys=[key], args=[quota.limit, quota.window_s * 1_000_000])
        except (RedisError, TimeoutError, OSError) as e:
            raise QuotaUnavailable(f"Redis: {type(e).__name__}") from e
        try:
            accepted, used, wait_us = (int(x) for x in answer)
        except (TypeError, ValueError) as e:
            raise QuotaUnavailable("Redis: not the script's answer") from e
        return QuotaCharge(
            accepted=accepted == 1,
            limit=quota.limit,
            window_s=quota.window_s,
            remaining=max(0, quota.limit - used),
            reset_s=max(0, wait_us) / 1_000_000,
        )

    async def healthy(self) -> None:
        """Does Redis answer? Raises `QuotaUnavailable`."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._redis.ping()
        except (RedisError, TimeoutError, OSError) as e:
            raise QuotaUnavailable(f"Redis does not answer: {type(e).__name__}") from e

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()
