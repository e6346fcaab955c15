"""Each way that a real Redis fails gives the configured choice in bounded time, an alert, and recovery by itself."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from redis.asyncio import Redis

from gateway_addons.adapters.identity.single_use import SingleUseInRedis
from gateway_addons.adapters.quota.guarded_quota import GuardedQuota
from gateway_addons.adapters.quota.redis_quota import RedisQuota, window_keys
from gateway_addons.adapters.redis_client import connect, single
from gateway_addons.adapters.register.register_in_redis import RegisterInRedis
from gateway_addons.core.errors import QuotaUnavailable, RegisterUnavailable
from gateway_addons.settings.quota import Cluster, Quota
from gateway_addons.settings.quota import Redis as RedisSettings
from tests.quota.watching import Watching, to_charge
from tests.support.servers import RedisServer, free_port, redis_server

TIMEOUT_S = 0.4
SLACK_S = 0.6
LIST, USE = window_keys("production:C")

type Deed = Callable[[Redis, RedisServer], Awaitable[object]]
type Choice = Literal["refuse", "local"]


async def other_password(admin: Redis, _: RedisServer) -> None:
    await admin.config_set("requirepass", "autre")
    await admin.execute_command("CLIENT", "KILL", "SKIPME", "yes", "TYPE", "normal")  # type: ignore[no-untyped-call]


async def cannot_save(admin: Redis, _: RedisServer) -> None:
    """A directory stands where the snapshot is to be renamed to: the save fails, and writes are refused from then on."""
    (await snapshot(admin)).mkdir()
    await admin.config_set("save", "3600 1")
    await admin.bgsave()
    await until(admin, "persistence", "rdb_last_bgsave_status", "err")


async def can_save(admin: Redis, _: RedisServer) -> None:
    (await snapshot(admin)).rmdir()
    await admin.bgsave()


async def snapshot(admin: Redis) -> Path:
    return Path(str((await admin.config_get("dir"))["dir"])) / "dump.rdb"


async def until(admin: Redis, section: str, name: str, value: object) -> None:
    async with asyncio.timeout(10):
        while (await admin.info(section))[name] != value:
            await asyncio.sleep(0.02)


async def no_more_clients(admin: Redis, _: RedisServer) -> None:
    await admin.config_set("maxclients", 1)
    await admin.execute_command("CLIENT", "KILL", "SKIPME", "yes", "TYPE", "normal")  # type: ignore[no-untyped-call]


async def signalled(server: RedisServer, number: signal.Signals) -> None:
    os.kill(server.process.pid, number)


FAULTS: list[tuple[str, Deed, Deed]] = [
    ("slow", lambda r, _: r.client_pause(60_000, all=False), lambda r, _: r.client_unpause()),
    ("frozen", lambda _, s: signalled(s, signal.SIGSTOP), lambda _, s: signalled(s, signal.SIGCONT)),
    ("out of memory", lambda r, _: r.config_set("maxmemory", 1), lambda r, _: r.config_set("maxmemory", 0)),
    ("read-only replica", lambda r, _: r.replicaof("127.0.0.1", str(free_port())), lambda r, _: r.replicaof("NO", "ONE")),
    ("wrong password", other_password, lambda r, _: r.config_set("requirepass", "essai")),
    ("no permission", lambda r, _: r.acl_setuser("default", commands=["-evalsha"]),
     lambda r, _: r.acl_setuser("default", commands=["+evalsha"])),
    ("cannot save", cannot_save, can_save),
    ("no replica in step", lambda r, _: r.config_set("min-replicas-to-write", 1), lambda r, _: r.config_set("min-replicas-to-write", 0)),
    ("no connection left", no_more_clients, lambda r, _: r.config_set("maxclients", 1000)),
    ("wrong type of the list", lambda r, _: r.set(LIST, "x"), lambda r, _: r.delete(LIST)),
    ("wrong type of the use", lambda r, _: r.set(USE, "x"), lambda r, _: r.delete(USE)),
    ("not a time in the list", lambda r, _: r.lset(LIST, 0, "x"), lambda r, _: r.delete(LIST)),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as started:
        yield started
        os.kill(started.process.pid, signal.SIGCONT)


async def timed[T](call: Awaitable[T]) -> T:
    start = time.monotonic()
    try:
        return await call
    finally:
        assert time.monotonic() - start < TIMEOUT_S + SLACK_S


@dataclass
class Guarded:
    """A guarded quota as the gateway has it, and what its watch was told."""

    quota: GuardedQuota
    watch: Watching
    choice: Choice

    async def charges_by_redis(self) -> None:
        assert (await self.quota.charge(to_charge(8))).source == "redis"

    async def gives_the_choice(self) -> None:
        """Each call within the time-out, and an alert. Of `local`, half of 8 calls, less the one that Redis let pass."""
        if self.choice == "refuse":
            for _ in range(2):
                with pytest.raises(QuotaUnavailable, match="on_failure: refuse"):
                    await timed(self.quota.charge(to_charge(8)))
        else:
            told = [await timed(self.quota.charge(to_charge(8))) for _ in range(5)]
            assert [t.source for t in told] == ["local"] * 5
            assert [t.accepted for t in told] == [True] * 3 + [False] * 2
            assert [t.limit for t in told] == [4] * 5
        assert self.watch.failures
        assert {c for _, c in self.watch.failures} == {self.choice}
        assert self.watch.recoveries == 0

    async def recovers(self) -> None:
        deadline = time.monotonic() + 10
        while self.watch.recoveries == 0 and time.monotonic() < deadline:
            try:
                await self.quota.charge(to_charge(8))
            except QuotaUnavailable:
                await asyncio.sleep(0.05)
        await self.charges_by_redis()
        assert self.watch.recoveries == 1


@pytest.fixture(params=["refuse", "local"])
def choice(request: pytest.FixtureRequest) -> Choice:
    chosen: Choice = request.param
    return chosen


def guarded(quota: RedisQuota, choice: Choice) -> Guarded:
    watch = Watching()
    return Guarded(GuardedQuota(quota, Quota(on_failure=choice, local_share=0.5), watch), watch, choice)


@pytest.mark.parametrize(("break_it", "mend_it"), [pytest.param(*row[1:], id=row[0]) for row in FAULTS])
async def test_a_fault_gives_the_choice_and_ends_by_itself(
    server: RedisServer, break_it: Deed, mend_it: Deed, choice: Choice
) -> None:
    admin, one = Redis.from_url(server.url), guarded(RedisQuota(single(server.url, TIMEOUT_S), TIMEOUT_S), choice)
    await one.charges_by_redis()
    await admin.ping()
    await break_it(admin, server)
    await one.gives_the_choice()
    await mend_it(admin, server)
    await one.recovers()
    await one.quota.close()
    await admin.aclose()


async def test_a_password_is_asked_that_was_not_needed(server: RedisServer, choice: Choice) -> None:
    """NOAUTH: the settings name no password."""
    async with Redis.from_url(server.url) as admin:
        await admin.config_set("requirepass", "")
        one = guarded(RedisQuota(single(server.url.replace(":essai@", ""), TIMEOUT_S), TIMEOUT_S), choice)
        await one.charges_by_redis()
        await other_password(admin, server)
        await one.gives_the_choice()
        assert one.watch.failures[-1][0] == "Redis: AuthenticationError"
        await admin.config_set("requirepass", "")
        await one.recovers()
        await one.quota.close()


async def test_a_restarted_redis_that_still_loads(tmp_path: Path, choice: Choice) -> None:
    """LOADING: a snapshot that takes half a minute, until it is let go on faster."""
    port = free_port()
    with redis_server(tmp_path, port) as before:
        one = guarded(RedisQuota(single(before.url, TIMEOUT_S), TIMEOUT_S), choice)
        async with Redis.from_url(before.url) as admin:
            await admin.mset({f"key{n}": os.urandom(1000) for n in range(10_000)})
            await one.charges_by_redis()
            await admin.save()
    slowly = ("--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024")
    with redis_server(tmp_path, port, slowly) as server:
        async with Redis.from_url(server.url) as admin:
            assert (await admin.info("persistence"))["loading"] == 1
            await one.gives_the_choice()
            assert one.watch.failures[-1][0] == "Redis: BusyLoadingError"
            assert (await admin.info("persistence"))["loading"] == 1
            await admin.config_set("key-load-delay", 0)
            await one.recovers()
        await one.quota.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_cluster_that_is_down(tmp_path: Path, choice: Choice) -> None:
    """CLUSTERDOWN: nobody holds the slots, for the quota and for what else is shared. redis-py leaves a node's sockets to the garbage collector: hence the filter."""
    port = free_port()
    with redis_server(tmp_path, port, ("--cluster-enabled", "yes", "--cluster-port", str(free_port()), "--cluster-node-timeout", "500")) as server:
        async with Redis.from_url(server.url) as admin:
            await admin.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)  # type: ignore[no-untyped-call]
            async with asyncio.timeout(10):
                while b"cluster_state:ok" not in await admin.execute_command("CLUSTER", "INFO"):  # type: ignore[no-untyped-call]
                    await asyncio.sleep(0.05)
            settings = RedisSettings(url="redis://:essai@ignored:1/0", timeout_s=TIMEOUT_S,
                                     cluster=Cluster(nodes=(f"127.0.0.1:{port}",)))
            one = guarded(RedisQuota(connect(settings), TIMEOUT_S), choice)
            register, once = RegisterInRedis(connect(settings), "essai", TIMEOUT_S), SingleUseInRedis(connect(settings), TIMEOUT_S)
            await one.charges_by_redis()
            await register.read()
            await once.claim("a", 60)
            await admin.execute_command("CLUSTER", "DELSLOTSRANGE", 0, 16383)  # type: ignore[no-untyped-call]
            await one.gives_the_choice()
            for _ in range(2):
                with pytest.raises(RegisterUnavailable):
                    await timed(register.read())
                with pytest.raises(RegisterUnavailable):
                    await timed(once.claim("b", 60))
            await admin.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)  # type: ignore[no-untyped-call]
            await one.recovers()
            await register.read()
            assert await once.claim("b", 60)
            await register.close()
            await once.close()
            await one.quota.close()


async def test_restarted_empty_redis_charges_the_next_call(tmp_path: Path) -> None:
    """An empty Redis is no failure: the window starts anew, and the script is sent again in the same call."""
    port, watch = free_port(), Watching()
    quota: GuardedQuota | None = None
    for _ in range(2):
        with redis_server(tmp_path, port) as started:
            quota = quota or GuardedQuota(RedisQuota(single(started.url, TIMEOUT_S), TIMEOUT_S), Quota(), watch)
            charge = await quota.charge(to_charge(8))
            assert (charge.accepted, charge.remaining) == (True, 7)
        with pytest.raises(QuotaUnavailable):
            await timed(quota.charge(to_charge(8)))
    assert quota is not None
    assert (len(watch.failures), watch.recoveries) == (2, 1)
    await quota.close()


async def test_emptied_redis(server: RedisServer) -> None:
    async with Redis.from_url(server.url) as admin:
        quota = RedisQuota(single(server.url, TIMEOUT_S), TIMEOUT_S)
        for _ in range(2):
            charge = await quota.charge(to_charge(8))
            assert (charge.accepted, charge.remaining) == (True, 7)
            await admin.flushall()
            await admin.script_flush()
        await quota.close()


async def test_while_redis_hangs_only_one_call_at_a_time_waits_for_it(server: RedisServer) -> None:
    quota = GuardedQuota(RedisQuota(single(server.url, TIMEOUT_S), TIMEOUT_S),
                         Quota(on_failure="local", local_share=1), Watching())
    await quota.charge(to_charge(1000))
    os.kill(server.process.pid, signal.SIGSTOP)
    assert (await timed(quota.charge(to_charge(1000)))).source == "local"
    start = time.monotonic()
    probe = asyncio.create_task(quota.charge(to_charge(1000)))
    await asyncio.sleep(0)
    for _ in range(200):
        assert (await quota.charge(to_charge(1000))).source == "local"
    assert time.monotonic() - start < TIMEOUT_S
    assert not probe.done()
    assert (await timed(probe)).source == "local"
    os.kill(server.process.pid, signal.SIGCONT)
    await quota.close()


async def test_an_answer_that_comes_too_late_is_nobodys(server: RedisServer) -> None:
    """After a time-out its connection is not used again: no later call gets the answer to an earlier one."""
    quota = RedisQuota(single(server.url, TIMEOUT_S), TIMEOUT_S)
    await quota.charge(to_charge(10, key="production:A"))
    os.kill(server.process.pid, signal.SIGSTOP)
    late = await asyncio.gather(*(quota.charge(to_charge(10, key="production:A")) for _ in range(5)), return_exceptions=True)
    assert all(isinstance(e, QuotaUnavailable) for e in late)
    os.kill(server.process.pid, signal.SIGCONT)
    await asyncio.sleep(0.1)
    told = await asyncio.gather(*(quota.charge(to_charge(1000 + i, key=f"production:{i}")) for i in range(50)))
    assert [t.remaining for t in told] == [999 + i for i in range(50)]
    await quota.close()


async def test_five_hundred_calls_at_once_wait_no_longer_than_one(server: RedisServer) -> None:
    """The wait for one's turn is inside the time-out: a Redis that hangs costs the last in the queue no more than the first."""
    quota = RedisQuota(single(server.url, TIMEOUT_S), TIMEOUT_S)
    await quota.charge(to_charge(10_000))
    os.kill(server.process.pid, signal.SIGSTOP)
    waited: list[float] = []

    async def call() -> None:
        start = time.monotonic()
        with pytest.raises(QuotaUnavailable):
            await quota.charge(to_charge(10_000))
        waited.append(time.monotonic() - start)

    await asyncio.gather(*(call() for _ in range(500)))
    os.kill(server.process.pid, signal.SIGCONT)
    print(f"500 calls at once on a frozen Redis: the longest waited {max(waited):.3f} s of {TIMEOUT_S} s")  # noqa: T201
    assert max(waited) < TIMEOUT_S + 2 * SLACK_S
    await asyncio.sleep(0.1)
    assert (await quota.charge(to_charge(10_000))).accepted
    await quota.close()
