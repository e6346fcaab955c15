"""The operator's view of all windows in Redis: use now and over the last hour, and the reset of one."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import RedisError

from gateway_addons.adapters.quota.redis_quota import KEY_PREFIX, USE_SUFFIX, RedisQuota, extra_key, window_keys
from gateway_addons.core.decision import ExtraWindow, QuotaToCharge
from gateway_addons.core.errors import QuotaUnavailable
from gateway_addons.core.ports import WindowUse

MINUTE_US = 60_000_000
HOUR_MINUTES = 60
SCAN_TIMEOUT_S = 30.0
_HEAD, _TAIL = f"{KEY_PREFIX}{{".encode(), f"}}{USE_SUFFIX}".encode()


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """One contract: `used` of `limit` calls in the last `window_s`; calls of the last sixty minutes, this one included;
    `extra` its other windows that were charged in the last hour.
    """

    environment: str
    contract: str
    limit: int
    window_s: int
    used: int
    free_in_s: float
    accepted_last_hour: int
    refused_last_hour: int
    busiest_minute: int
    extra: tuple[WindowUse, ...] = ()


class QuotaRegister:
    """Reads and resets windows; every read is bounded in time."""

    def __init__(self, client: "Redis | RedisCluster", timeout_s: float) -> None:
        self._redis = client
        self._timeout_s = timeout_s
        self._quota = RedisQuota(client, timeout_s)

    async def uses(self, contract: str | None = None) -> list[QuotaUse]:
        """All windows that were charged in the last hour, or those of one contract, in order.

        Raises:
            QuotaUnavailable: Redis did not answer.
        """
        try:
            async with asyncio.timeout(SCAN_TIMEOUT_S):
                keys = {k async for k in self._redis.scan_iter(match=f"{KEY_PREFIX}{{*}}{USE_SUFFIX}", count=1000)}
                names = sorted(k.removeprefix(_HEAD).removesuffix(_TAIL).decode() for k in keys)
                chosen = [n for n in names if contract is None or n.partition(":")[2] == contract]
                found = [await self._use(name) for name in chosen]
        except (RedisError, TimeoutError, OSError, ValueError) as e:
            raise QuotaUnavailable(f"Redis: {type(e).__name__}") from e
        return [use for use in found if use is not None]

    async def _use(self, key: str) -> QuotaUse | None:
        told = cast("Mapping[bytes, bytes]", await self._redis.hgetall(window_keys(key)[1]))
        if b"limit" not in told or b"window" not in told:
            return None
        limit, window_s = int(told[b"limit"]), int(told[b"window"]) // 1_000_000
        now = await self._quota.look(QuotaToCharge(key=key, limit=limit, window_s=window_s, extra=_extra(told)))
        minute = (now.at_us - int(told.get(b"behind", b"0"))) // MINUTE_US
        accepted, refused = _last_hour(told, b"a", minute), _last_hour(told, b"r", minute)
        environment, _, contract = key.partition(":")
        return QuotaUse(environment, contract, limit, window_s, limit - now.remaining, now.retry_s, sum(accepted.values()),
                        sum(refused.values()), max(accepted.values(), default=0), now.extra)

    async def reset(self, environment: str, contract: str) -> int:
        """Forget what is counted now, in all windows; returns how many calls those were. The hour's use stays.

        Raises:
            QuotaUnavailable: Redis did not answer.
        """
        key = f"{environment}:{contract}"
        calls, use = window_keys(key)
        try:
            async with asyncio.timeout(self._timeout_s), self._redis.pipeline(transaction=True) as both:
                told = cast("Mapping[bytes, bytes]", await self._redis.hgetall(use))
                both.llen(calls)
                for one in (calls, *(extra_key(key, window.name) for window in _extra(told))):
                    both.delete(one)
                length, *_ = await both.execute()
        except (RedisError, TimeoutError, OSError, ValueError) as e:
            raise QuotaUnavailable(f"Redis: {type(e).__name__}") from e
        return int(length)

    async def close(self) -> None:
        """Give the connections back."""
        await self._quota.close()


def _extra(told: Mapping[bytes, bytes]) -> list[ExtraWindow]:
    """The other windows of the contract, as they were when they were charged last."""
    found = []
    for name, text in sorted(told.items()):
        if name.startswith(b"x:"):
            limit, window_us, unit, _ = text.decode().split(" ")
            found.append(ExtraWindow.model_validate({
                "name": name[2:].decode(), "limit": int(limit), "window_s": int(window_us) // 1_000_000, "unit": unit}))
    return found


def _last_hour(told: Mapping[bytes, bytes], kind: bytes, minute: int) -> dict[int, int]:
    """Calls by minute; `kind` is `a` for accepted, `r` for refused."""
    minutes = {int(n[1:]): int(v) for n, v in told.items() if n[:1] == kind and n[1:].isdigit()}
    return {at: calls for at, calls in minutes.items() if minute - HOUR_MINUTES < at <= minute}
