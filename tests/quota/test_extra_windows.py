"""Several windows at once: all or none are charged, bytes are weighed exactly, and the answers tell the truth of each."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_addons.adapters.quota.quota_register import QuotaRegister
from gateway_addons.adapters.quota.redis_quota import RedisQuota, extra_key
from gateway_addons.adapters.redis_client import single
from gateway_addons.addons.answer import rate_limit_headers
from gateway_addons.core.decision import ExtraWindow, QuotaToCharge
from gateway_addons.core.errors import QuotaUnavailable
from gateway_addons.core.quota import LocalWindows, never_fits
from tests.support.servers import redis_server

KEY = "production:C"
CALLS = ExtraWindow(name="comptable.creer.calls", limit=3, window_s=60, unit="calls")
BYTES = ExtraWindow(name="*.*.bytes", limit=1000, window_s=60, unit="bytes")
SECOND = 1_000_000


def quota(*extra: ExtraWindow, limit: int = 10) -> QuotaToCharge:
    return QuotaToCharge(key=KEY, limit=limit, window_s=60, extra=list(extra))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[RedisQuota]:
    with redis_server(tmp_path) as server:
        one = RedisQuota(single(server.url, 2.0), 2.0)
        yield one
        await one.close()


async def test_all_or_none(store: RedisQuota) -> None:
    told = [await store.charge(quota(CALLS, BYTES), size) for size in (400, 400, 400, 200)]
    assert [t.accepted for t in told] == [True, True, False, True]
    assert [t.remaining for t in told] == [9, 8, 8, 7]
    assert [[w.remaining for w in t.extra] for t in told] == [[2, 600], [1, 200], [1, 200], [0, 0]]
    assert (await store.charge(quota(), 5000)).remaining == 6, "a call that the limits do not concern"
    refused = await store.charge(quota(CALLS))
    assert not refused.accepted
    assert 59 < refused.retry_s <= 60
    assert (await store.charge(quota(limit=4), 0)).accepted is False


async def test_the_operator_sees_and_resets_all_windows(store: RedisQuota) -> None:
    await store.charge(quota(CALLS, BYTES), 400)
    await store.charge(quota(), 0)
    register = QuotaRegister(store._redis, 2.0)
    (use,) = await register.uses()
    assert use.used == 2
    assert [(w.name, w.unit, w.limit, w.remaining) for w in use.extra] == [(BYTES.name, "bytes", 1000, 600), (CALLS.name, "calls", 3, 2)]
    assert await register.reset("production", "C") == 2
    told = await store.charge(quota(CALLS, BYTES), 1000)
    assert (told.accepted, told.remaining, [w.remaining for w in told.extra]) == (True, 9, [2, 0])


async def test_a_running_total_that_starts_again_is_still_exact(store: RedisQuota) -> None:
    key, turn = extra_key(KEY, BYTES.name), 1 << 51
    first = await store.charge(quota(BYTES), 300)
    await store._redis.lset(key, 0, f"{first.at_us} 300 {turn - 100}")
    for size, remaining in ((300, 400), (400, 0)):
        told = await store.charge(quota(BYTES), size)
        assert (told.accepted, told.extra[0].remaining) == (True, remaining)
    newest: Any = await store._redis.lindex(key, 0)
    assert newest.split()[2] == b"600"
    assert not (await store.charge(quota(BYTES), 1)).accepted


async def test_memory_of_a_window_of_bytes_is_bounded_by_the_calls(store: RedisQuota) -> None:
    wide = ExtraWindow(name="*.*.bytes", limit=1 << 40, window_s=60, unit="bytes")
    for _ in range(40):
        await store.charge(quota(wide), 1)
    assert await store._redis.llen(extra_key(KEY, wide.name)) == 10


@pytest.mark.parametrize("place", ["x", "1 2", "1 x 2", ""])
async def test_nonsense_in_a_window_is_a_failure_not_a_pass(store: RedisQuota, place: str) -> None:
    await store._redis.lpush(extra_key(KEY, BYTES.name), place)
    with pytest.raises(QuotaUnavailable):
        await store.charge(quota(BYTES), 5)


def test_headers_tell_of_each_window() -> None:
    charge = LocalWindows(1).charge(quota(CALLS, BYTES), 0, 900)
    assert rate_limit_headers(charge) == {
        "RateLimit-Policy": '"appels";q=10;w=60, "comptable.creer.calls";q=3;w=60, "*.*.bytes";q=1000;w=60;qu="content-bytes"',
        "RateLimit": '"appels";r=9;t=60, "comptable.creer.calls";r=2;t=60, "*.*.bytes";r=100;t=60;poterne-warning',
    }


def test_a_body_that_no_wait_would_let_in_is_known_beforehand() -> None:
    assert never_fits(quota(CALLS, BYTES), 1001)
    assert not never_fits(quota(CALLS, BYTES), 1000)
    assert not never_fits(quota(CALLS), 1001)


@given(share=st.sampled_from([0.25, 0.5, 1.0]), steps=st.lists(st.tuples(
    st.booleans(), st.sampled_from([0, 1, 5 * SECOND, 60 * SECOND - 1, 60 * SECOND]), st.integers(0, 600), st.booleans()), max_size=60))
def test_the_local_share_is_exact(share: float, steps: list[tuple[bool, int, int, bool]]) -> None:
    windows, now, passed = LocalWindows(share), 0, list[tuple[int, int, bool]]()
    mine = {"": int(10 * share), CALLS.name: int(3 * share), BYTES.name: int(1000 * share)}

    def used(name: str, at: int) -> int:
        return sum(size if name == BYTES.name else 1 for t, size, limited in passed
                   if at - 60 * SECOND < t <= at and (not name or limited))

    for noted, pause, size, limited in steps:
        now += pause
        asked = quota(*((CALLS, BYTES) if limited else ()))
        if noted:
            windows.note(asked, now, size)
            passed.append((now, size, limited))
            continue
        names = ["", *(w.name for w in asked.extra)]
        told = windows.charge(asked, now, size)
        fits = all(used(n, now) + (size if n == BYTES.name else 1) <= mine[n] for n in names)
        assert told.accepted == fits
        if fits:
            passed.append((now, size, limited))
        assert [told.remaining, *(w.remaining for w in told.extra)] == [max(0, mine[n] - used(n, now)) for n in names]
        if not fits and size <= mine[BYTES.name] and all(mine.values()):
            then = now + round(told.retry_s * SECOND)
            for at, expected in ((then - 1, False), (then, True)):
                assert all(used(n, at) + (size if n == BYTES.name else 1) <= mine[n] for n in names) is expected


class Obedient:
    """A consumer that heeds the answers' headers alone: it calls when each window that it knows of has room, or was left alone
    for `t` seconds; after a 429 it waits as `Retry-After` says."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[int, int, int]] = {}
        self.asleep_until = 0

    def moment(self, now: int, names: dict[str, int]) -> int:
        """When it makes its next call, which weighs so much in each window."""
        waits = [free_at for name, weight in names.items()
                 for remaining, free_at, _ in [self.known.get(name, (weight, now, 0))] if remaining < weight]
        return max([now, self.asleep_until, *waits])

    def told(self, now: int, headers: dict[str, str]) -> None:
        for item in headers["RateLimit"].split(", "):
            name, *parameters = item.split(";")
            told = dict(p.split("=") for p in parameters if "=" in p)
            self.known[name.strip('"')] = int(told["r"]), now + int(told["t"]) * SECOND, now
        if "Retry-After" in headers:
            self.asleep_until = now + int(headers["Retry-After"]) * SECOND


@given(st.lists(st.tuples(st.integers(0, 20 * SECOND), st.integers(0, 1000), st.sampled_from([(), (CALLS,), (BYTES,), (CALLS, BYTES)])),
                min_size=1, max_size=80))
def test_who_obeys_is_never_refused(calls: list[tuple[int, int, tuple[ExtraWindow, ...]]]) -> None:
    """On the plain model, which the script is held to elsewhere: one consumer, any calls, any pauses."""
    windows, client, now = LocalWindows(1), Obedient(), 0
    for pause, size, extra in calls:
        weights = {"appels": 1} | {w.name: size if w.unit == "bytes" else 1 for w in extra}
        now = client.moment(now + pause, weights)
        charge = windows.charge(quota(*extra), now, size)
        assert charge.accepted
        client.told(now, rate_limit_headers(charge))
