"""Two machines, each with its mirror, one real Redis: who knows what, when a copy fails, and after it is back."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from gateway_addons.core.errors import RegisterUnavailable
from tests.register.watching import Watching, register, running, within
from tests.support.servers import RedisServer, free_port, redis_server

HASH, VERSION = "poterne:register:{essai}", "poterne:register:{essai}:version"
CUT = {"why": "essai é"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as started:
        yield started
        os.kill(started.process.pid, signal.SIGCONT)


async def test_everybody_knows_within_a_second_and_after_a_restart(server: RedisServer, tmp_path: Path) -> None:
    here, neighbour = register(server.url, tmp_path / "here"), register(server.url, tmp_path / "here")
    far = register(server.url, tmp_path / "far")
    async with running(here, neighbour, far):
        reach = await here.put("cut", CUT, by="anne", expires_at=None)
        assert (reach.shared, reach.durable) == (True, True)
        assert here.entries()["cut"].value == CUT
        await within(lambda: "cut" in neighbour.entries() and "cut" in far.entries())
        assert far.entries()["cut"].by == "anne"
        assert far.age_s() < 2
        await far.healthy()
        await within(lambda: b"cut" in (tmp_path / "far").read_bytes())
    again = register("redis://127.0.0.1:9/0", tmp_path / "far")
    await again.open()
    assert again.entries()["cut"].value == CUT
    with pytest.raises(RegisterUnavailable, match="Redis"):
        await again.healthy()
    assert again.age_s() == float("inf")
    await again.close()


async def test_a_removal_outlives_every_old_copy(server: RedisServer, tmp_path: Path) -> None:
    here, far = register(server.url, tmp_path / "here"), register(server.url, tmp_path / "far")
    async with running(here, far):
        await here.put("cut", CUT, by="anne")
        await within(lambda: "cut" in far.entries())
    old = (tmp_path / "far").read_bytes()
    here, far = register(server.url, tmp_path / "here"), register(server.url, tmp_path / "far")
    async with running(here):
        await here.remove("cut", by="luc")
        async with Redis.from_url(server.url) as admin:
            await admin.flushall()
        (tmp_path / "far").write_bytes(old)
        async with running(far):
            await within(lambda: not far.entries() and not here.entries())
            await asyncio.sleep(0.5)
            assert not far.entries()
            assert not here.entries()
            await here.put("cut", CUT, by="anne")
            await within(lambda: "cut" in far.entries())


async def test_an_emptied_redis_is_filled_again(server: RedisServer, tmp_path: Path) -> None:
    here = register(server.url, tmp_path / "here")
    async with running(here), Redis.from_url(server.url) as admin:
        await here.put("cut", CUT, by="anne")
        await admin.flushall()
        await admin.script_flush()
        late = register(server.url, tmp_path / "late")
        async with running(late):
            await within(lambda: "cut" in late.entries())
        assert await admin.hlen(HASH) == 1


async def test_while_redis_is_dead_this_machine_still_cuts_and_the_others_learn_later(tmp_path: Path) -> None:
    port, watch = free_port(), Watching()
    with redis_server(tmp_path, port) as server:
        url = server.url
        here, neighbour = register(url, tmp_path / "here", watch), register(url, tmp_path / "here")
        far = register(url, tmp_path / "far")
        stack = running(here, neighbour, far)
        await stack.__aenter__()
        await here.put("known", CUT, by="anne")
        await within(lambda: "known" in far.entries())
        server.process.kill()
        server.process.wait()
    reach = await here.put("cut", CUT, by="anne")
    assert (reach.shared, reach.durable) == (False, True)
    await within(lambda: "cut" in neighbour.entries())
    assert set(far.entries()) == {"known"}
    assert ("redis", "Redis: ConnectionError") in [(c, w.partition(": Error")[0]) for c, w in watch.failures]
    with redis_server(tmp_path, port):  # restarted, and empty
        await within(lambda: set(far.entries()) == {"known", "cut"}, 5)
        await within(lambda: watch.recoveries == ["redis"])
        await stack.__aexit__(None, None, None)


async def test_a_frozen_redis_keeps_nobody_from_the_mirror(server: RedisServer, tmp_path: Path) -> None:
    here, neighbour = register(server.url, tmp_path / "here"), register(server.url, tmp_path / "here")
    async with running(here, neighbour):
        os.kill(server.process.pid, signal.SIGSTOP)
        put = asyncio.create_task(here.put("cut", CUT, by="anne"))
        await within(lambda: "cut" in neighbour.entries())
        assert not (await put).shared


async def wrong_type(admin: Redis) -> None:
    await admin.delete(HASH)
    await admin.set(HASH, "x")


async def wrong_type_of_version(admin: Redis) -> None:
    await admin.delete(VERSION)
    await admin.lpush(VERSION, "x")


async def no_record(admin: Redis) -> None:
    await admin.hset(HASH, "other", "nonsense")
    await admin.set(VERSION, "1 1 1 1 whole")


FAULTS: list[tuple[str, Callable[[Redis], Awaitable[object]], Callable[[Redis], Awaitable[object]]]] = [
    ("wrong type of the hash", wrong_type, lambda r: r.delete(HASH)),
    ("wrong type of the version", wrong_type_of_version, lambda r: r.delete(VERSION)),
    ("no record", no_record, lambda r: r.hdel(HASH, "other")),
    ("no record where a good one was", lambda r: r.hset(HASH, mapping={"cut": "1 x"}), lambda r: r.ping()),
    ("other password", lambda r: r.config_set("requirepass", "autre"), lambda r: r.config_set("requirepass", "essai")),
]


@pytest.mark.parametrize(("break_it", "mend_it"), [pytest.param(*row[1:], id=row[0]) for row in FAULTS])
async def test_what_redis_says_wrong_is_told_and_what_is_known_is_kept(
    server: RedisServer, tmp_path: Path, break_it: Callable[[Redis], Awaitable[object]], mend_it: Callable[[Redis], Awaitable[object]]
) -> None:
    watch = Watching()
    here, far = register(server.url, tmp_path / "here", watch), register(server.url, tmp_path / "far")
    admin = Redis.from_url(server.url)
    await admin.ping()
    async with running(here, far):
        await here.put("cut", CUT, by="anne")
        await within(lambda: "cut" in far.entries())
        await break_it(admin)
        await admin.execute_command("CLIENT", "KILL", "SKIPME", "yes", "TYPE", "normal")  # type: ignore[no-untyped-call]
        await within(lambda: bool(watch.failures))
        await asyncio.sleep(0.5)
        assert "cut" in here.entries()
        await mend_it(admin)
        await within(lambda: bool(watch.recoveries), 3)
        await here.put("next", CUT, by="anne")
        await within(lambda: set(far.entries()) == {"cut", "next"})
    await admin.aclose()


@pytest.mark.parametrize("damage", [b"", b"x", b"poterne-register 1 essai whole 00\n"], ids=repr)
async def test_a_damaged_mirror_is_told_and_written_anew_by_who_knows(server: RedisServer, tmp_path: Path, damage: bytes) -> None:
    watch, mirror = Watching(), tmp_path / "here"
    here = register(server.url, mirror, watch)
    async with running(here):
        await here.put("cut", CUT, by="anne")
        mirror.write_bytes(damage)
        await within(lambda: watch.recoveries == ["mirror"])
        assert "cut" in here.entries()
    assert any(c == "mirror" and "damaged" in why for c, why in watch.failures)
    assert [f.read_bytes() for f in tmp_path.glob("here.damaged-*")] == [damage]
    again = register("redis://127.0.0.1:9/0", mirror)
    await again.open()
    assert "cut" in again.entries()
    await again.close()


async def test_a_changed_byte_of_the_mirror_is_found(server: RedisServer, tmp_path: Path) -> None:
    here = register(server.url, tmp_path / "here")
    async with running(here):
        await here.put("cut", CUT, by="anne")
    data = (tmp_path / "here").read_bytes()
    for place in range(len(data)):
        (tmp_path / "here").write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1:])
        again = register("redis://127.0.0.1:9/0", tmp_path / "here")
        await again._look_at_mirror()
        with pytest.raises(RegisterUnavailable):
            again.entries()
        await again.close()


async def test_nothing_is_known_before_a_copy_was_read(server: RedisServer, tmp_path: Path) -> None:
    """No mirror and no Redis: an addition there does not make it known. Redis empty, and there never was more: it is known."""
    here = register("redis://127.0.0.1:9/0", tmp_path / "here")
    await here.open()
    with pytest.raises(RegisterUnavailable, match="never read"):
        here.entries()
    await here.put("cut", CUT, by="anne")
    with pytest.raises(RegisterUnavailable, match="never read"):
        here.entries()
    await here.close()
    neighbour = register("redis://127.0.0.1:9/0", tmp_path / "here")
    await neighbour.open()
    with pytest.raises(RegisterUnavailable, match="never read"):
        neighbour.entries()
    await neighbour.close()
    after = register(server.url, tmp_path / "here")
    await after.open()
    assert "cut" in after.entries()
    await after.close()


async def test_an_empty_redis_does_not_stand_for_a_mirror_that_cannot_be_read(server: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "here").write_bytes(b"torn")
    here = register(server.url, tmp_path / "here")
    async with running(here):
        with pytest.raises(RegisterUnavailable, match="move it away"):
            here.entries()
        await asyncio.sleep(0.6)
        assert not _readable(here)
        far = register(server.url, tmp_path / "far")  # one who knows
        async with running(far):
            await within(lambda: _readable(here))


def _readable(one: object) -> bool:
    try:
        one.entries()  # type: ignore[attr-defined]
    except RegisterUnavailable:
        return False
    return True


async def test_put_down_nowhere_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    here = register("redis://127.0.0.1:9/0", tmp_path / "file" / "here")
    with pytest.raises(RegisterUnavailable, match="nowhere"):
        await here.put("cut", CUT, by="anne")
    await here.close()


async def test_many_writers_share_one_mirror(server: RedisServer, tmp_path: Path) -> None:
    many = [register("redis://127.0.0.1:9/0", tmp_path / "here") for _ in range(6)]
    await asyncio.gather(*(one.put(f"{n}-{i}", CUT, by="x") for i in range(8) for n, one in enumerate(many)))
    after = register(server.url, tmp_path / "here")
    await after.open()
    assert len(after.entries()) == 48
    for one in [*many, after]:
        await one.close()


async def test_an_end_is_kept_to_and_the_record_goes_later(server: RedisServer, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    here = register(server.url, tmp_path / "here")
    here._clock = lambda: now
    async with Redis.from_url(server.url) as admin:
        await here.open()
        await here.put("cut", CUT, by="anne", expires_at=now + timedelta(seconds=10))
        await here.put("other", CUT, by="anne")
        now += timedelta(seconds=9)
        assert set(here.entries()) == {"cut", "other"}
        now += timedelta(seconds=1)
        assert set(here.entries()) == {"other"}
        now += timedelta(minutes=6)
        here._next_sweep = {"redis": 0.0, "mirror": 0.0}
        await here.open()
        assert set(await admin.hkeys(HASH)) == {b"other"}
        assert b"cut" not in (tmp_path / "here").read_bytes()
    await here.close()
