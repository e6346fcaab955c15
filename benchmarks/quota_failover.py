"""What a failover of Redis costs the quota: whole gateways on Redis Sentinel, its master killed in the midst of a burst.

Two gateways of two workers each, real clients over mutual TLS, a master with a replica and three sentinels. The moment is
chosen for the worst: a consumer's places come free and its clients take them. The replica is read when the master is dead and
it is not yet promoted: what the master accepted and it lacks is lost, and counted. `--lag` cuts the replica off for so long
before, which makes a loss certain; without it the loss is what asynchronous replication makes of it.

    python -m benchmarks.quota_failover [--seconds 190] [--window 60] [--clients 24] [--lag 0]
"""

import argparse
import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from benchmarks.failover_check import Failover, check
from benchmarks.quota_gateways import Answer, events, journals, limits_of, load, overview, two_gateways
from benchmarks.redis_process import RESULTS
from gateway_addons.adapters.quota.redis_quota import window_keys
from tests.support.redis_group import MASTER, Replicated, replicated

DOWN_AFTER_MS = 1000
"""The sentinels' patience: time enough to read the replica before it is promoted."""
LOOKS_PER_WINDOW = 4
READ_S = 5.0


def measure(folder: Path, *, seconds: float, window_s: int, clients: int, limit: int | None = None,
            lag_s: float = 0.0) -> dict[str, Any]:
    """Run, kill the master after about a window, check all intervals, and tell."""
    with replicated(folder / "redis", down_after_ms=DOWN_AFTER_MS) as group:
        redis = {"url": "redis://:essai@ignored:1/0", "timeout_s": 0.5,
                 "sentinel": {"master": MASTER, "nodes": list(group.sentinels)}}
        with two_gateways(folder, window_s, limit, redis=redis) as (running, second):
            limits, files = limits_of(running, limit), journals(running, folder)

            async def history() -> tuple[list[Answer], Failover]:
                seen: dict[str, Counter[int]] = {}
                looking = asyncio.create_task(_look(group, limits, window_s, seen))
                try:
                    answers, (dead_us, known) = await asyncio.gather(
                        load(running, second, clients, seconds), _fail_over(group, list(limits), window_s, lag_s))
                finally:
                    looking.cancel()
                return answers, Failover(dead_us, known, seen)

            answers, failover = asyncio.run(history())
        logs = (folder / "first" / "demo" / "logs" / "gateway.log", folder / "second" / "gateway.log")
        alerts = {event: sum(_logged(log, event) for log in logs) for event in ("quota_degraded", "quota_recovered")}
    found = events(*files)
    after = [at for _, _, at in found if at > failover.dead_us]
    return overview(found, answers, window_s) | {
        "clients": clients, "limits": limits, "lag_s": lag_s, "alerts": alerts, "charges_after_the_failover": len(after),
        "without_charges_s": round((min(after) - failover.dead_us) / 1e6, 3) if after else None,
        "slowest_503_s": round(max((s for status, s in answers if status == 503), default=0.0), 3),
    } | check(found, limits, window_s * 1_000_000, failover)


def _logged(log: Path, event: str) -> int:
    """How often that event was logged, by all workers of a gateway."""
    lines = log.read_text(encoding="utf-8").splitlines()
    return sum(json.loads(line).get("event") == event for line in lines if line.startswith("{"))


async def _look(group: Replicated, keys: Iterable[str], window_s: int, seen: dict[str, Counter[int]]) -> None:
    """Read both servers' windows again and again: so a call that was charged, but whose answer was lost, is known too."""
    while True:
        for url in (group.master.url, group.replica.url):
            try:
                for key, times in (await _read(url, keys)).items():
                    seen[key] = seen.get(key, Counter()) | Counter(times)
            except (RedisError, OSError, TimeoutError):
                continue  # dead, or cut off: what it holds is read at the next look
        await asyncio.sleep(window_s / LOOKS_PER_WINDOW)


async def _read(url: str, keys: Iterable[str]) -> dict[str, list[int]]:
    async with asyncio.timeout(READ_S), Redis.from_url(url) as client:
        return {key: [int(at) for at in await client.lrange(window_keys(key)[0], 0, -1)] for key in keys}


async def _fail_over(group: Replicated, keys: list[str], window_s: int, lag_s: float) -> tuple[int, Mapping[str, list[int]]]:
    """Kill the master in the midst of a burst; when it was dead, and what the replica had then."""
    await asyncio.sleep(window_s * 1.1)
    oldest = min((await _read(group.master.url, keys[:1]))[keys[0]], default=0)
    free_in_s = oldest / 1e6 + window_s - time.time()
    await asyncio.sleep(min(max(0.0, free_in_s + (-0.05 if lag_s else 0.02)), window_s))
    replica = group.replica.process.pid
    if lag_s:
        os.kill(replica, signal.SIGSTOP)
        await _cut_off(group.master.url, window_keys(keys[0])[0], lag_s, window_s)
    dead_us = _kill(group)
    os.kill(replica, signal.SIGCONT)
    async with asyncio.timeout(READ_S), Redis.from_url(group.replica.url) as client:
        while (await client.info("replication")).get("master_link_status") != "down":
            await asyncio.sleep(0.01)
        known = await _read(group.replica.url, keys)
        if (await client.info("replication"))["role"] != "slave":
            raise RuntimeError("the replica was promoted before it was read: what it had then is not known")
    return dead_us, known


async def _cut_off(url: str, window: str, lag_s: float, at_most_s: float) -> None:
    """The replica's connection ends; back after `lag_s`, and when a call was accepted meanwhile."""
    async with asyncio.timeout(READ_S + at_most_s), Redis.from_url(url) as master:
        await master.execute_command("CLIENT", "KILL", "TYPE", "replica")  # type: ignore[no-untyped-call]
        newest = await master.lindex(window, 0)
        await asyncio.sleep(lag_s)
        while await master.lindex(window, 0) == newest:
            await asyncio.sleep(0.01)


def _kill(group: Replicated) -> int:
    """The moment after which the master answers nobody, in microseconds on this machine's clock, which is Redis's too."""
    group.kill_master()
    group.master.process.wait(READ_S)
    return time.time_ns() // 1000


def main() -> None:
    """Run, print and keep the result; fails when there is a violation."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=190)
    parser.add_argument("--window", type=int, default=60)
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--lag", type=float, default=0.0)
    given = parser.parse_args()
    with TemporaryDirectory(prefix="poterne-failover-") as folder:
        result = measure(Path(folder), seconds=given.seconds, window_s=given.window, clients=given.clients, lag_s=given.lag)
    RESULTS.mkdir(exist_ok=True)
    name = "quota_failover_cut_off.json" if given.lag else "quota_failover.json"
    (RESULTS / name).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for label, value in result.items():
        print(f"{label:26} {value}")
    if any(result["violations"].values()):
        raise SystemExit("the quota is not exact")


if __name__ == "__main__":
    main()
