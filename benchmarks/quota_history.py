"""Is the quota exact? Many concurrent clients on two gateways with two workers each, one Redis, every acceptance stamped.

Each worker is a process of its own with the gateway's own adapter and connections; a window lasts some seconds, so that
several pass. Redis stamps each acceptance and refusal with the window's own clock, and then all intervals are checked:
more than the limit accepted in any window, or a refusal while fewer were accepted in the last one, is a violation.

    python -m benchmarks.quota_history [--seconds 22] [--window 5] [--limit 200]
"""

import argparse
import asyncio
import json
import multiprocessing
import time
from bisect import bisect_right
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.redis_process import RESULTS, machine, running_redis
from gateway_addons.adapters.quota.redis_quota import RedisQuota
from gateway_addons.adapters.redis_client import single
from gateway_addons.core.decision import QuotaToCharge

GATEWAYS, WORKERS, CLIENTS = 2, 2, 12
KEYS = ("production:A", "production:B", "sandbox:A")
BURST_PAUSES_S = (0.0, 0.002, 0.03, 0.4)

type Event = tuple[str, bool, int]


def worker(url: str, number: int, quota: tuple[int, int], seconds: float) -> list[Event]:
    """One worker process: its clients call as fast as they can, with pauses of several lengths."""
    return asyncio.run(_calls(url, number, *quota, seconds))


async def _calls(url: str, number: int, limit: int, window_s: int, seconds: float) -> list[Event]:
    store, events, end = RedisQuota(single(url, 5.0), 5.0), list[Event](), time.monotonic() + seconds

    async def client(name: int) -> None:
        key, turn = KEYS[name % len(KEYS)], name
        while time.monotonic() < end:
            for _ in range(1 + turn % 40):
                charge = await store.charge(QuotaToCharge(key=key, limit=limit, window_s=window_s))
                events.append((key, charge.accepted, charge.at_us))
            turn += 7
            await asyncio.sleep(BURST_PAUSES_S[turn % len(BURST_PAUSES_S)])

    await asyncio.gather(*(client(number * CLIENTS + i) for i in range(CLIENTS)))
    await store.close()
    return events


def violations(events: list[Event], limit: int, window_us: int) -> dict[str, int]:
    """Both directions, over every interval (t, t + window] that begins or ends at a call."""
    too_many = too_few = 0
    for key in {e[0] for e in events}:
        accepted = sorted(at for k, ok, at in events if k == key and ok)
        too_many += sum(last - first < window_us for first, last in zip(accepted, accepted[limit:], strict=False))
        for k, ok, at in events:
            if k == key and not ok:
                too_few += bisect_right(accepted, at) - bisect_right(accepted, at - window_us) < limit
    return {"accepted_above_the_limit": too_many, "refused_below_the_limit": too_few}


def main() -> None:
    """Run, check, print and keep the result; fails when there is a violation."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=22)
    parser.add_argument("--window", type=int, default=5)
    parser.add_argument("--limit", type=int, default=200)
    given = parser.parse_args()
    with TemporaryDirectory() as folder, running_redis(Path(folder)) as url:
        context = multiprocessing.get_context("spawn")
        with context.Pool(GATEWAYS * WORKERS) as pool:
            work = [(url, n, (given.limit, given.window), given.seconds) for n in range(GATEWAYS * WORKERS)]
            events = [event for part in pool.starmap(worker, work) for event in part]
    found = violations(events, given.limit, given.window * 1_000_000)
    accepted = Counter(key for key, ok, _ in events if ok)
    span_s = (max(at for *_, at in events) - min(at for *_, at in events)) / 1e6
    result = {
        "machine": machine(), "workers": GATEWAYS * WORKERS, "clients": GATEWAYS * WORKERS * CLIENTS, "limit": given.limit,
        "window_s": given.window, "windows": round(span_s / given.window, 2), "charges": len(events),
        "accepted": dict(sorted(accepted.items())), "refused": len(events) - accepted.total(), "violations": found,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "quota_history.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for name, value in result.items():
        print(f"{name:12} {value}")
    if any(found.values()):
        raise SystemExit("the quota is not exact")


if __name__ == "__main__":
    main()
