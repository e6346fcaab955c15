"""What may be used once: a client assertion's `jti` (RFC 7523 section 3), remembered by Redis for all gateways."""

import asyncio

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

from gateway_addons.adapters.redis_client import close
from gateway_addons.core.errors import RegisterUnavailable


class SingleUseInRedis:
    """Implements `client_authentication.SingleUse`. Nobody else can say, so that without Redis no assertion is believed."""

    def __init__(self, client: "Redis | RedisCluster", timeout_s: float) -> None:
        self._redis = client
        self._timeout_s = timeout_s

    async def claim(self, key: str, keep_s: float) -> bool:
        """True the first time. Raises `RegisterUnavailable`."""
        try:
            async with asyncio.timeout(self._timeout_s):
                first = await self._redis.set(f"poterne:once:{key}", "1", nx=True, px=max(1, int(keep_s * 1000)))
        except Exception as e:  # redis-py does not foresee all that a changing cluster does: TypeError, IndexError
            raise RegisterUnavailable(f"Redis: {type(e).__name__}") from e
        return bool(first)

    async def close(self) -> None:
        """Give the connections back."""
        await close(self._redis)
