"""The quota's sliding window in Redis: exact, atomic, one round trip for each call, on Redis's clock (clause 9.2, AMB-3)."""

import asyncio
import hashlib
from importlib import resources
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import NoScriptError, RedisError

from gateway_addons.adapters.redis_client import close
from gateway_addons.core.decision import QuotaToCharge
from gateway_addons.core.errors import QuotaUnavailable
from gateway_addons.core.ports import QuotaCharge

KEY_PREFIX = "poterne:quota:"
USE_SUFFIX = ":use"
MAX_CHARGES = 32
"""Beyond as many charges at once the next waits for its turn, within the time-out."""

SCRIPT = resources.files(__package__).joinpath("redis_quota.lua").read_text(encoding="utf-8")
_DIGEST = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()  # how EVALSHA names a script


def window_keys(key: str) -> tuple[str, str]:
    """The list and the hash of one window; the hash tag keeps both in one slot of a Redis Cluster."""
    return f"{KEY_PREFIX}{{{key}}}", f"{KEY_PREFIX}{{{key}}}{USE_SUFFIX}"


class RedisQuota:
    """The `QuotaStore` on Redis; implements `core.ports.QuotaStore`."""

    def __init__(self, client: "Redis | RedisCluster", timeout_s: float) -> None:
        self._redis = client
        self._timeout_s = timeout_s
        self._turns = asyncio.Semaphore(MAX_CHARGES)

    async def charge(self, quota: QuotaToCharge) -> QuotaCharge:
        """Count this call if fewer than `limit` were accepted in the last `window_s` seconds.

        Raises:
            QuotaUnavailable: no answer within the time-out, or not the answer of the script.
        """
        return await self._ask(quota, "charge")

    async def look(self, quota: QuotaToCharge) -> QuotaCharge:
        """What a call would be told now, without counting it. Raises `QuotaUnavailable`."""
        return await self._ask(quota, "look")

    async def _ask(self, quota: QuotaToCharge, purpose: str) -> QuotaCharge:
        given = [*window_keys(quota.key), quota.limit, quota.window_s * 1_000_000, purpose]
        try:
            async with asyncio.timeout(self._timeout_s), self._turns:
                answer = await self._run(given)
        except (RedisError, TimeoutError, OSError) as e:
            raise QuotaUnavailable(f"Redis: {type(e).__name__}") from e
        try:
            accepted, used, next_us, whole_us, at_us = (int(x) for x in answer)
        except (TypeError, ValueError) as e:
            raise QuotaUnavailable("Redis: not the script's answer") from e
        return QuotaCharge(
            accepted=accepted == 1, limit=quota.limit, window_s=quota.window_s, remaining=max(0, quota.limit - used),
            reset_s=max(0, whole_us) / 1_000_000, retry_s=max(0, next_us) / 1_000_000, at_us=at_us,
        )

    async def _run(self, given: list[Any]) -> Any:
        try:
            return await self._redis.execute_command("EVALSHA", _DIGEST, 2, *given)
        except NoScriptError:  # a Redis that was restarted, or a replica that was promoted
            return await self._redis.execute_command("EVAL", SCRIPT, 2, *given)

    async def healthy(self) -> None:
        """Does Redis answer? Raises `QuotaUnavailable`."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._redis.ping()
        except (RedisError, TimeoutError, OSError) as e:
            raise QuotaUnavailable(f"Redis does not answer: {type(e).__name__}") from e

    async def close(self) -> None:
        """Give the connections back."""
        await close(self._redis)
