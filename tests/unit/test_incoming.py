"""Bytes that come in, from the moment on when they are handed on without a stream reader."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvloop

from gateway_addons.addons.incoming import Incoming

type Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter, asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected() -> AsyncIterator[Ends]:
    """Both ends of a connection on loopback: the one that is served, and its peer."""
    served: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.get_running_loop().create_future()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.set_result((reader, writer))

    async with await asyncio.start_server(accepted, "127.0.0.1", 0) as server:
        peer_reader, peer_writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        reader, writer = await served
        yield reader, writer, peer_reader, peer_writer
        for one in (writer, peer_writer):
            one.transport.abort()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def runner(request: pytest.FixtureRequest) -> asyncio.Runner:
    return asyncio.Runner(loop_factory=request.param)


def test_what_was_read_before_comes_first_and_the_rest_by_itself(runner: asyncio.Runner) -> None:
    async def of_it() -> list[bytes]:
        came: list[bytes] = []
        async with connected() as (reader, writer, _, peer), asyncio.timeout(5):
            peer.write(b"before")
            while not reader._buffer:  # type: ignore[attr-defined]
                await asyncio.sleep(0.01)
            incoming = Incoming(reader, writer.transport, came.append, lambda *_: None)
            peer.write(b"after")
            peer.write_eof()
            await incoming.until_the_end()
            assert not writer.is_closing()  # the answer may still be sent
        return came

    with runner:
        assert runner.run(of_it()) == [b"before", b"after"]


def test_an_end_that_was_there_before_is_seen(runner: asyncio.Runner) -> None:
    async def of_it() -> list[bytes]:
        came: list[bytes] = []
        async with connected() as (reader, writer, _, peer), asyncio.timeout(5):
            peer.write(b"all")
            peer.write_eof()
            while not reader._eof:  # type: ignore[attr-defined]
                await asyncio.sleep(0.01)
            await Incoming(reader, writer.transport, came.append, lambda *_: None).until_the_end()
        return came

    with runner:
        assert runner.run(of_it()) == [b"all"]


@pytest.mark.parametrize("before", [True, False])
def test_a_connection_that_is_cut_has_ended(runner: asyncio.Runner, before: bool) -> None:
    async def of_it() -> None:
        async with connected() as (reader, writer, _, _peer), asyncio.timeout(5):
            incoming = None if before else Incoming(reader, writer.transport, lambda _: None, lambda *_: None)
            writer.transport.abort()
            if incoming is None:
                await asyncio.sleep(0.05)
                incoming = Incoming(reader, writer.transport, lambda _: None, lambda *_: None)
            await incoming.until_the_end()
            if not before:
                await writer.wait_closed()  # the stream knows too

    with runner:
        runner.run(of_it())


def test_what_waits_to_be_sent_is_told_of(runner: asyncio.Runner) -> None:
    async def of_it() -> list[bool]:
        told: list[bool] = []
        async with connected() as (reader, writer, peer_reader, _), asyncio.timeout(10):
            Incoming(reader, writer.transport, lambda _: None, lambda _, much: told.append(much))
            writer.transport.set_write_buffer_limits(high=64 * 1024)
            writer.write(bytes(30_000_000))
            assert told == [True]
            taken = 0
            while taken < 30_000_000:
                taken += len(await peer_reader.read(1 << 20))
            await writer.drain()
        return told

    with runner:
        assert runner.run(of_it())[:2] == [True, False]
