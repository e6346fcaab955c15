"""The window on a real Redis: never more than the limit in any window, never a refusal while fewer were accepted."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway_addons.adapters.quota.redis_quota import RedisQuota
from gateway_addons.adapters.redis_client import single
from gateway_addons.core.decision import QuotaToCharge
from gateway_addons.core.errors import QuotaUnavailable
from tests.support.servers import free_port, redis_server


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as started:
        yield started.url


@pytest.fixture
async def quota(url: str) -> AsyncIterator[RedisQuota]:
    store = RedisQuota(single(url, 2.0), 2.0)
    await store._redis.flushall()
    yield store
    await store.close()


def to_charge(limit: int, window_s: int = 60, key: str = "k") -> QuotaToCharge:
    return QuotaToCharge(key=key, limit=limit, window_s=window_s)


async def test_exactly_the_limit_however_concurrent(quota: RedisQuota) -> None:
    charges = await asyncio.gather(*(quota.charge(to_charge(200)) for _ in range(300)))
    assert sum(c.accepted for c in charges) == 200
    assert sorted(c.remaining for c in charges if c.accepted) == list(range(200))
    assert all(c.remaining == 0 and 0 < c.reset_s <= 60 for c in charges if not c.accepted)


async def test_the_window_slides(quota: RedisQuota) -> None:
    """Each acceptance and refusal is checked against a plain model over all intervals, on Redis's own times."""
    limit, window_s = 5, 1
    accepted: list[int] = []
    deadline = time.monotonic() + 3.5
    while time.monotonic() < deadline:
        charge = await quota.charge(to_charge(limit, window_s))
        now = await moment(quota)
        in_window = [t for t in accepted if t > now - 1_000_000]
        if charge.accepted:
            accepted.append(await newest(quota))
        else:
            assert len(in_window) >= limit - 1
        await asyncio.sleep(0.03)
    assert len(accepted) >= 3 * limit
    for first, last in zip(accepted, accepted[limit:], strict=False):
        assert last - first >= 1_000_000


async def moment(quota: RedisQuota) -> int:
    seconds, micros = await quota._redis.time()
    return int(seconds) * 1_000_000 + int(micros)


async def newest(quota: RedisQuota) -> int:
    value = await quota._redis.lindex("poterne:quota:{k}", 0)
    assert value is not None
    return int(value)


async def test_a_refused_call_is_not_charged_and_retry_after_is_true(quota: RedisQuota) -> None:
    assert (await quota.charge(to_charge(1, 1))).accepted
    refused = await quota.charge(to_charge(1, 1))
    assert not refused.accepted
    for _ in range(5):
        assert not (await quota.charge(to_charge(1, 1))).accepted
    await asyncio.sleep(refused.reset_s + 0.02)
    assert (await quota.charge(to_charge(1, 1))).accepted


async def test_windows_are_separate_and_expire(quota: RedisQuota) -> None:
    assert (await quota.charge(to_charge(1, 1, "a"))).accepted
    assert (await quota.charge(to_charge(1, 1, "b"))).accepted
    assert 0 < await quota._redis.pttl("poterne:quota:{a}") <= 2000


async def test_memory_is_bounded_by_the_limit(quota: RedisQuota) -> None:
    for _ in range(50):
        await quota.charge(to_charge(10))
    assert await quota._redis.llen("poterne:quota:{k}") == 10


async def test_a_lowered_limit_waits_for_enough_to_leave(quota: RedisQuota) -> None:
    for _ in range(4):
        await quota.charge(to_charge(10, 2))
        await asyncio.sleep(0.2)
    refused = await quota.charge(to_charge(2, 2))
    assert not refused.accepted
    await asyncio.sleep(refused.reset_s + 0.02)
    assert (await quota.charge(to_charge(2, 2))).accepted


async def test_wrong_type_at_the_key_is_a_failure_not_a_pass(quota: RedisQuota) -> None:
    await quota._redis.set("poterne:quota:{k}", "x")
    with pytest.raises(QuotaUnavailable):
        await quota.charge(to_charge(10))


async def test_no_redis_is_a_failure_in_bounded_time() -> None:
    store = RedisQuota(single(f"redis://127.0.0.1:{free_port()}/0", 0.5), 0.5)
    start = time.monotonic()
    with pytest.raises(QuotaUnavailable):
        await store.charge(to_charge(10))
    assert time.monotonic() - start < 2
    await store.close()


async def test_a_redis_that_hangs_is_a_failure_in_bounded_time() -> None:
    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    store = RedisQuota(single(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", 0.3), 0.3)
    start = time.monotonic()
    with pytest.raises(QuotaUnavailable):
        await store.charge(to_charge(10))
    assert time.monotonic() - start < 2
    await store.close()
    server.close()


async def test_wrong_password(url: str) -> None:
    store = RedisQuota(single(url.replace(":essai@", ":faux@"), 1.0), 1.0)
    with pytest.raises(QuotaUnavailable):
        await store.charge(to_charge(10))
    await store.close()


async def test_redis_comes_back_by_itself(tmp_path: Path) -> None:
    port = free_port()
    with redis_server(tmp_path, port) as started:
        store = RedisQuota(single(started.url, 1.0), 1.0)
        assert (await store.charge(to_charge(10))).accepted
    with pytest.raises(QuotaUnavailable):
        await store.charge(to_charge(10))
    with redis_server(tmp_path, port):
        assert (await store.charge(to_charge(10))).accepted
        await store.close()
