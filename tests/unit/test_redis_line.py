"""A line to Redis: answers come to those who asked, whoever gives up; what is lost is opened anew; nothing is left open."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import ResponseError

from gateway_addons.adapters import redis_line
from gateway_addons.adapters.redis_client import single
from gateway_addons.adapters.redis_line import Line, line_to
from tests.support.servers import RedisServer, free_port, redis_server

TIMEOUT_S = 2.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture
async def client(server: RedisServer) -> AsyncIterator[Redis]:
    one = single(server.url, TIMEOUT_S)
    yield one
    await one.aclose()


@pytest.fixture
async def line(client: Redis) -> AsyncIterator[Line]:
    one = line_to(client)
    yield one
    await one.close()


def soon(seconds: float = TIMEOUT_S) -> float:
    return asyncio.get_running_loop().time() + seconds


async def connections(client: Redis) -> int:
    """Besides the one that asks."""
    return len([one for one in await client.client_list() if one["cmd"] != "client|list"])


async def test_each_is_given_the_answer_to_its_own_question(line: Line, client: Redis) -> None:
    answers = await asyncio.gather(*(line.ask(soon(), "ECHO", str(n)) for n in range(500)))
    assert answers == [str(n).encode() for n in range(500)]
    assert await connections(client) == 1


async def test_an_error_is_the_answer_of_its_question_alone(line: Line) -> None:
    told = await asyncio.gather(line.ask(soon(), "ECHO", "a"), line.ask(soon(), "EVALSHA", "0" * 40, 0), line.ask(soon(), "ECHO", "b"),
                                return_exceptions=True)
    assert (told[0], told[2]) == (b"a", b"b")
    assert isinstance(told[1], ResponseError)


async def test_who_gives_up_takes_nobody_with_him_and_his_answer_is_nobodys(line: Line) -> None:
    asked = [asyncio.create_task(line.ask(soon(), "ECHO", str(n))) for n in range(10)]
    await asyncio.sleep(0)
    for one in asked[::2]:
        one.cancel()
    later = [asyncio.create_task(line.ask(soon(), "ECHO", f"later {n}")) for n in range(10)]
    told = await asyncio.gather(*asked, *later, return_exceptions=True)
    assert told[1:10:2] == [str(n).encode() for n in range(1, 10, 2)]
    assert all(isinstance(one, asyncio.CancelledError) for one in told[0:10:2])
    assert told[10:] == [f"later {n}".encode() for n in range(10)]


async def test_a_call_that_is_given_up_costs_no_connection_unless_redis_hangs(line: Line, server: RedisServer) -> None:
    async def given_up(seconds: float) -> None:
        asked = asyncio.create_task(line.ask(soon(seconds), "ECHO", "x"))
        await asyncio.sleep(0)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)

    first = await line.ask(soon(), "CLIENT", "ID")
    await given_up(0.1)
    await asyncio.sleep(0.2)
    assert await line.ask(soon(), "CLIENT", "ID") == first
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        await given_up(0.1)
        await asyncio.sleep(0.2)
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    assert await line.ask(soon(), "CLIENT", "ID") != first


async def test_a_redis_that_hangs_is_left_in_time_and_its_late_answers_are_nobodys(line: Line, client: Redis, server: RedisServer) -> None:
    await line.ask(soon(), "ECHO", "first")
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        start = asyncio.get_running_loop().time()
        hung = await asyncio.gather(*(line.ask(soon(0.1), "ECHO", str(n)) for n in range(5)), return_exceptions=True)
        assert all(isinstance(one, TimeoutError) for one in hung)
        assert asyncio.get_running_loop().time() - start < 1
        with pytest.raises(TimeoutError):  # a new connection, which is not answered either
            await line.ask(soon(0.1), "ECHO", "x")
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    assert await line.ask(soon(), "ECHO", "second") == b"second"
    assert await connections(client) == 1, "those that were given up are closed"


async def test_a_longer_time_than_anothers_is_kept(line: Line, server: RedisServer) -> None:
    await line.ask(soon(), "ECHO", "first")
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        short, long = (asyncio.create_task(line.ask(soon(s), "ECHO", "x")) for s in (0.05, TIMEOUT_S))
        with pytest.raises(TimeoutError):
            await short
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    assert await long == b"x"


async def test_a_connection_that_was_cut_while_nobody_asked_costs_no_question(line: Line, client: Redis) -> None:
    for n in range(3):
        assert await line.ask(soon(), "ECHO", str(n)) == str(n).encode()
        await client.execute_command("CLIENT", "KILL", "SKIPME", "yes", "TYPE", "normal")  # type: ignore[no-untyped-call]
        await asyncio.sleep(0.05)


async def test_who_waits_is_told_when_the_connection_is_lost(line: Line, client: Redis) -> None:
    held = [asyncio.create_task(line.ask(soon(), *command)) for command in (("BLPOP", "nothing", 0), ("ECHO", "behind"))]
    await asyncio.sleep(0.05)
    await client.execute_command("CLIENT", "KILL", "SKIPME", "yes", "TYPE", "normal")  # type: ignore[no-untyped-call]
    told = await asyncio.gather(*held, return_exceptions=True)
    assert all(isinstance(one, ConnectionLost) for one in told), told


async def test_nobody_there() -> None:
    client = single(f"redis://127.0.0.1:{free_port()}/0", TIMEOUT_S)
    line = line_to(client)
    told = await asyncio.gather(*(line.ask(soon(), "PING") for _ in range(3)), return_exceptions=True)
    assert all(isinstance(one, ConnectionLost) for one in told), told
    await line.close()
    await client.aclose()


async def test_who_waits_is_bounded(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_line, "MAX_WAITING", 3)
    told = await asyncio.gather(*(line.ask(soon(), "ECHO", str(n)) for n in range(5)), return_exceptions=True)
    assert [isinstance(one, ConnectionLost) for one in told] == [False, False, False, True, True]


@pytest.mark.parametrize("passes", range(12))
async def test_given_up_in_any_pass_of_the_loop_nothing_stays_open(client: Redis, passes: int) -> None:
    line = line_to(client)
    asked = asyncio.create_task(line.ask(soon(), "ECHO", "x"))
    for _ in range(passes):
        await asyncio.sleep(0)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    assert await line.ask(soon(), "ECHO", "y") == b"y"
    await line.close()
    assert await connections(client) == 0
