"""What a charge costs beside a bare round trip to the same Redis, taken in turns in one run, and memory per consumer.

python -m benchmarks.quota_cost [--rounds 4000]
"""

import argparse
import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from redis.asyncio import Redis

from benchmarks.redis_process import RESULTS, machine, running_redis
from gateway_addons.adapters.quota.redis_quota import RedisQuota, window_keys
from gateway_addons.adapters.redis_client import single
from gateway_addons.core.decision import QuotaToCharge

CONSUMERS = (10, 100_000)
LIMIT, WINDOW_S = 200, 60
AT_ONCE = 32


def _quota(consumer: int, limit: int = LIMIT) -> QuotaToCharge:
    return QuotaToCharge(key=f"production:CONV-INFINOE-{consumer:06d}", limit=limit, window_s=WINDOW_S)


async def _time_us(call: Callable[[], Awaitable[object]]) -> float:
    start = time.perf_counter_ns()
    await call()
    return (time.perf_counter_ns() - start) / 1000


async def _cost(url: str, consumers: int, rounds: int) -> dict[str, Any]:
    client, store = single(url, 5.0), RedisQuota(single(url, 5.0), 5.0)
    await client.flushall()
    for first in range(0, consumers, AT_ONCE):
        await asyncio.gather(*(store.charge(_quota(c)) for c in range(first, min(first + AT_ONCE, consumers))))
    one_call = sum([await client.memory_usage(key, samples=0) or 0 for key in window_keys(_quota(0).key)])
    stride = itertools.cycle(range(0, consumers, max(1, consumers // 997)))
    bare, charge = list[float](), list[float]()
    await client.config_resetstat()
    for _ in range(rounds):  # in turns, so that both see the same machine
        bare.append(await _time_us(client.ping))
        chosen = _quota(next(stride))
        charge.append(await _time_us(lambda chosen=chosen: store.charge(chosen)))  # type: ignore[misc]
    in_redis = (await client.info("commandstats"))["cmdstat_evalsha"]["usec_per_call"]
    await client.aclose()
    await store.close()
    return {"consumers": consumers, "bare_median_us": _at(bare, 50), "charge_median_us": _at(charge, 50),
            "bare_p99_us": _at(bare, 99), "charge_p99_us": _at(charge, 99), "script_in_redis_us": round(in_redis, 1),
            "bytes_per_consumer_after_one_call": one_call}


async def _memory(client: Redis, store: RedisQuota, limit: int) -> dict[str, int]:
    """Memory of one consumer that used all of its limit, as MEMORY USAGE tells for both keys."""
    quota = _quota(limit, limit)
    for first in range(0, limit, AT_ONCE):
        await asyncio.gather(*(store.charge(quota) for _ in range(min(AT_ONCE, limit - first))))
    sizes = [await client.memory_usage(key, samples=0) for key in window_keys(quota.key)]
    return {"limit": limit, "bytes": sum(size or 0 for size in sizes)}


def _at(values: list[float], percent: int) -> float:
    return round(statistics.quantiles(values, n=100)[percent - 1], 1)


async def measure(url: str, rounds: int) -> dict[str, Any]:
    """All figures; microseconds and bytes."""
    costs = [await _cost(url, consumers, rounds) for consumers in CONSUMERS]
    client, store = single(url, 5.0), RedisQuota(single(url, 5.0), 5.0)
    full = [await _memory(client, store, limit) for limit in (200, 1000, 100_000)]
    await client.aclose()
    await store.close()
    return {"machine": machine(), "rounds": rounds, "cost": costs, "full_window": full}


def main() -> None:
    """Measure, print and keep the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=4000)
    with TemporaryDirectory() as folder, running_redis(Path(folder)) as url:
        result = asyncio.run(measure(url, parser.parse_args().rounds))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "quota_cost.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for row in result["cost"]:
        print("  ".join(f"{name}={value}" for name, value in row.items()))
    for row in result["full_window"]:
        print(f"a full window of {row['limit']} calls: {row['bytes']} bytes")


if __name__ == "__main__":
    main()
