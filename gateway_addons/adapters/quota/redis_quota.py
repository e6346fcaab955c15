"""The quota's sliding windows in Redis: exact, atomic, one round trip for each call, on Redis's clock (clause 9.2, AMB-3)."""

import asyncio
import hashlib
from functools import lru_cache
from importlib import resources
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import NoScriptError

from gateway_addons.adapters.redis_client import close
from gateway_addons.adapters.redis_line import line_to
from gateway_addons.core.decision import QuotaToCharge
from gateway_addons.core.errors import QuotaUnavailable
from gateway_addons.core.ports import QuotaCharge, WindowUse

KEY_PREFIX = "poterne:quota:"
USE_SUFFIX = ":use"

SCRIPT = resources.files(__package__).joinpath("redis_quota.lua").read_text(encoding="utf-8")
_DIGEST = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()  # how EVALSHA names a script


@lru_cache(maxsize=4096)
def window_keys(key: str) -> tuple[str, str]:
    """The list and the hash of one contract; the hash tag keeps all its keys in one slot of a Redis Cluster."""
    return f"{KEY_PREFIX}{{{key}}}", f"{KEY_PREFIX}{{{key}}}{USE_SUFFIX}"


def extra_key(key: str, name: str) -> str:
    """The list of one of the other windows of a contract."""
    return f"{KEY_PREFIX}{{{key}}}:x:{name}"


class RedisQuota:
    """The `QuotaStore` on Redis; implements `core.ports.QuotaStore`."""

    def __init__(self, client: "Redis | RedisCluster", timeout_s: float) -> None:
        self._redis, self._line = client, line_to(client)
        self._timeout_s = timeout_s

    async def charge(self, quota: QuotaToCharge, body_bytes: int = 0) -> QuotaCharge:
        """Count this call in all of its windows, if it fits into each; else in none.

        Raises:
            QuotaUnavailable: no answer within the time-out, or not the answer of the script.
        """
        return await self._ask(quota, body_bytes, "charge")

    async def look(self, quota: QuotaToCharge) -> QuotaCharge:
        """What a call without a body would be told now, without counting it. Raises `QuotaUnavailable`."""
        return await self._ask(quota, 0, "look")

    async def _ask(self, quota: QuotaToCharge, body_bytes: int, purpose: str) -> QuotaCharge:
        asked = _question(quota, body_bytes, purpose)
        until = asyncio.get_running_loop().time() + self._timeout_s
        try:
            try:
                answer = await self._line.ask(until, "EVALSHA", _DIGEST, *asked)
            except NoScriptError:  # a Redis that was restarted, or a replica that was promoted
                answer = await self._line.ask(until, "EVAL", SCRIPT, *asked)
        except Exception as e:  # also what redis-py does not foresee of a cluster that changes: TypeError, IndexError
            raise QuotaUnavailable(f"Redis: {type(e).__name__}") from e
        return _charge(quota, answer)

    async def healthy(self) -> None:
        """Does Redis answer? Raises `QuotaUnavailable`."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._redis.ping()
        except Exception as e:
            raise QuotaUnavailable(f"Redis does not answer: {type(e).__name__}") from e

    async def close(self) -> None:
        """Give the connections back."""
        await self._line.close()
        await close(self._redis)


def _question(quota: QuotaToCharge, body_bytes: int, purpose: str) -> list[str | int]:
    """What EVALSHA is given: how many keys, the keys, and for each window its limit, length, unit and name."""
    extra = [extra_key(quota.key, window.name) for window in quota.extra]
    asked: list[str | int] = [2 + len(extra), *window_keys(quota.key), *extra,
                              purpose, body_bytes, quota.limit, quota.window_s * 1_000_000, "calls", ""]
    for window in quota.extra:
        asked += [window.limit, window.window_s * 1_000_000, window.unit, window.name]
    return asked


def _charge(quota: QuotaToCharge, answer: Any) -> QuotaCharge:
    try:
        accepted, at_us, *told = map(int, answer)
        used, fits_us, whole_us = told[::3], told[1::3], told[2::3]
        extra = tuple(
            WindowUse(w.name, w.unit, w.limit, w.window_s, max(0, w.limit - used[i]), max(0, whole_us[i]) / 1_000_000)
            for i, w in enumerate(quota.extra, start=1)) if quota.extra else ()
        if len(told) != 3 * (1 + len(quota.extra)):
            raise ValueError("another number of windows")
        return QuotaCharge(
            accepted=accepted == 1, limit=quota.limit, window_s=quota.window_s, remaining=max(0, quota.limit - used[0]),
            reset_s=max(0, whole_us[0]) / 1_000_000, retry_s=max(0, *fits_us) / 1_000_000, at_us=at_us, extra=extra,
        )
    except (TypeError, ValueError, LookupError) as e:
        raise QuotaUnavailable("Redis: not the script's answer") from e
