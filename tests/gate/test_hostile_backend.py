"""A backend that is broken or taken over: its answer is whole and plain, or the caller gets the stable code and the connection ends."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway_addons.addons import connection
from gateway_addons.core.answer_head import MAX_FIELDS, MAX_INTERIM_ANSWERS
from gateway_addons.settings.listener import Limits
from tests.gate.test_request_form import code_of
from tests.support.rig import Rig, read_answer, request, running_rig

JSON = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
RECEIPT = b'{"accuse":{"numeroAccuse":"INF-1"}}'
GOOD = JSON + b"Content-Length: %d\r\n\r\n" % len(RECEIPT) + RECEIPT
IN_CHUNKS = JSON + b"Transfer-Encoding: chunked\r\n\r\n"
RIG_MAX_ANSWER_BYTES = 1 << 20
MAX_SENT_BYTES = 64 * 1024 * 1024
"""Where an endless answer gives up: long after the gateway must have."""


class RawBackend:
    """A backend on a raw socket that answers what it is told to, keeps the connection open, and sees when the gateway ends it."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.endless: bytes = b""
        self.closes = False
        self.connections = self.calls = self.ended = self.sent = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._call(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.ended += 1
            writer.transport.abort()

    async def _call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
        writer.write(self.answers[min(self.calls, len(self.answers) - 1)])
        self.calls += 1
        while self.endless and self.sent < MAX_SENT_BYTES:
            writer.write(self.endless)
            self.sent += len(self.endless)
            await writer.drain()
        await writer.drain()
        return not self.closes


@asynccontextmanager
async def behind(folder: Path, *, limits: Limits | None = None, answer_timeout_s: float = 20.0) -> AsyncIterator[tuple[Rig, RawBackend]]:
    backend = RawBackend()
    listening = await asyncio.start_server(backend.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with running_rig(folder, backend_port=port, answer_timeout_s=answer_timeout_s, limits=limits) as rig:
        yield rig, backend
    listening.close()


async def until(holds: Callable[[], bool], within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.01)


def with_json(rest: bytes) -> bytes:
    return JSON + rest


NO_ANSWERS = {
    "both framings": with_json(b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
    "two equal lengths": with_json(b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"),
    "a list of lengths": with_json(b"Content-Length: 2, 2\r\n\r\n{}"),
    "a coding that nobody knows": with_json(b"Transfer-Encoding: x-chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
    "gzip, chunked": with_json(b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
    "chunks in HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a chunk size that is none": IN_CHUNKS + b"z\r\n{}\r\n0\r\n\r\n",
    "a chunk longer than its size": IN_CHUNKS + b"1\r\n{}\r\n0\r\n\r\n",
    "a chunk size with white space": IN_CHUNKS + b"2 \r\n{}\r\n0\r\n\r\n",
    "a chunk size in nine digits": IN_CHUNKS + b"000000002\r\n{}\r\n0\r\n\r\n",
    "a chunk that ends in a bare line feed": IN_CHUNKS + b"2\n{}\n0\n\n",
    "a chunk extension": IN_CHUNKS + b"2;a=b\r\n{}\r\n0\r\n\r\n",
    "trailers": IN_CHUNKS + b"2\r\n{}\r\n0\r\nX-A: b\r\n\r\n",
    "bytes behind a length": with_json(b"Content-Length: 2\r\n\r\n{}x"),
    "bytes behind the chunks": IN_CHUNKS + b"2\r\n{}\r\n0\r\n\r\nx",
    "a second answer": GOOD + GOOD,
    "switching protocols": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    "a body announced over the limit": with_json(b"Content-Length: %d\r\n\r\n{" % (RIG_MAX_ANSWER_BYTES + 1)),
    "too many fields": with_json(b"X-A: b\r\n" * MAX_FIELDS + b"Content-Length: 2\r\n\r\n{}"),
    "a line that is too long": with_json(b"X-A: " + b"a" * 8200 + b"\r\nContent-Length: 2\r\n\r\n{}"),
    "a head that is too long": with_json((b"X-A: " + b"a" * 4000 + b"\r\n") * 5 + b"Content-Length: 2\r\n\r\n{}"),
    "too many interim answers": b"HTTP/1.1 103 Early Hints\r\n\r\n" * (MAX_INTERIM_ANSWERS + 1) + GOOD,
    "interim answers that are long together": (b"HTTP/1.1 103 Early Hints\r\nX-A: " + b"a" * 5000 + b"\r\n\r\n") * MAX_INTERIM_ANSWERS + GOOD,
    "an interim answer with a body": b"HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\n{}" + GOOD,
    "HTTP/2": b"\0\0\x12\x04\0\0\0\0\0\0\3\0\0\0\x64",
    "HTTP/0.9": RECEIPT,
    "an empty line first": b"\r\n" + GOOD,
    "a folded line": with_json(b"X-A: b\r\n c\r\nContent-Length: 2\r\n\r\n{}"),
    "NUL in a header": with_json(b"X-A: \0\r\nContent-Length: 2\r\n\r\n{}"),
    "a space before the colon": with_json(b"Content-Length : 2\r\n\r\n{}"),
    "bare line feeds": GOOD.replace(b"\r\n", b"\n"),
}


@pytest.mark.parametrize("answer", [pytest.param(a, id=name) for name, a in NO_ANSWERS.items()])
async def test_an_answer_that_is_none_ends_its_connection(answer: bytes, tmp_path: Path) -> None:
    """The backend keeps its side open: it is the gateway that ends the connection, and the next call has a new one."""
    async with behind(tmp_path) as (rig, backend):
        backend.answers = [answer, GOOD]
        assert code_of(await rig.send(request())) == (503, "INF-DEP-04")
        assert [(r["transmis"], r["statut"], r["codeErreur"]) for r in rig.journal.records] == [(True, 503, "INF-DEP-04")]
        await until(lambda: backend.ended == 1)
        assert (await rig.send(request())).startswith(b"HTTP/1.1 201 ")
        assert backend.connections == 2


ENDLESS = {
    "header lines": (JSON, b"X-A: b\r\n" * 100),
    "a header line": (JSON + b"X-A: ", b"a" * 1000),
    "a status line": (b"HTTP/1.1 200 ", b"a" * 1000),
    "interim answers": (b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 10),
    "a chunk extension": (IN_CHUNKS + b"2;a=", b"b" * 1000),
    "a chunk size": (IN_CHUNKS, b"0" * 1000),
    "chunks": (IN_CHUNKS, b"3e8\r\n" + b" " * 1000 + b"\r\n"),
    "trailers": (IN_CHUNKS + b"2\r\n{}\r\n0\r\n", b"X-A: b\r\n" * 100),
    "a body without a length": (JSON + b"\r\n", b" " * 1000),
    "bytes behind the answer": (GOOD, b"x" * 1000),
}


@pytest.mark.parametrize(("begins", "goes_on"), [pytest.param(*row, id=name) for name, row in ENDLESS.items()])
async def test_an_answer_without_end_is_cut(begins: bytes, goes_on: bytes, tmp_path: Path) -> None:
    """By its bytes, not by the time-out, which is far longer here than what the test waits for."""
    async with behind(tmp_path, answer_timeout_s=120) as (rig, backend):
        backend.answers, backend.endless = [begins], goes_on
        status, code = code_of(await rig.send(request(), timeout_s=30))
        assert (status, code) in {(503, "INF-DEP-04"), (201, None)} if begins == GOOD else (status, code) == (503, "INF-DEP-04")
        await until(lambda: backend.ended == 1, 30)
        assert backend.sent < MAX_SENT_BYTES


CUT_SHORT = {
    "at once": b"", "within the head": JSON, "within the status line": b"HTTP/1.1 2", "after an interim answer": b"HTTP/1.1 103 X\r\n\r\n",
    "within the length": with_json(b"Content-Length: 3\r\n\r\n{}"), "within a chunk": IN_CHUNKS + b"5\r\n{}",
    "before the last chunk": IN_CHUNKS + b"2\r\n{}\r\n", "within the last chunk": IN_CHUNKS + b"2\r\n{}\r\n0\r\n",
    "within an answer of no length": JSON + b"\r\n" + RECEIPT[:-1],
}


@pytest.mark.parametrize("answer", [pytest.param(a, id=name) for name, a in CUT_SHORT.items()])
async def test_a_backend_that_closes_too_early_gave_no_answer(answer: bytes, tmp_path: Path) -> None:
    async with behind(tmp_path) as (rig, backend):
        backend.answers, backend.closes = [answer], True
        assert code_of(await rig.send(request())) == (503, "INF-DEP-04")
        assert [(r["transmis"], r["statut"]) for r in rig.journal.records] == [(True, 503)]


TAKEN = {
    "a length": GOOD, "chunks": IN_CHUNKS + b"5\r\n" + RECEIPT[:5] + b"\r\n%x\r\n" % len(RECEIPT[5:]) + RECEIPT[5:] + b"\r\n0\r\n\r\n",
    "interim answers before it": b"HTTP/1.1 100 Continue\r\n\r\n" + b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + GOOD,
    "HTTP/1.0, until the connection ends": b"HTTP/1.0 201 Created\r\nContent-Type: application/json\r\n\r\n" + RECEIPT,
}


@pytest.mark.parametrize("answer", [pytest.param(a, id=name) for name, a in TAKEN.items()])
@pytest.mark.parametrize("closes", [False, True])
async def test_an_answer_that_is_whole_and_plain_is_passed_on(answer: bytes, closes: bool, tmp_path: Path) -> None:
    to_the_end = answer.startswith(b"HTTP/1.0")
    async with behind(tmp_path) as (rig, backend):
        backend.answers, backend.closes = [answer], closes or to_the_end
        reader, writer = await rig.connect()
        for _ in range(3):
            writer.write(request())
            async with asyncio.timeout(8):
                got = await read_answer(reader)
            assert got.startswith(b"HTTP/1.1 201 ")
            assert got.endswith(RECEIPT)
            assert b"Early Hints" not in got
            if backend.closes:
                await until(lambda: backend.ended == backend.connections)
        writer.transport.abort()
        assert backend.connections == (3 if backend.closes else 1)


async def test_what_a_backend_says_unasked_is_never_an_answer(tmp_path: Path) -> None:
    """The answer of a next call, sent before that call: the kept connection ends, and the next call has a new one."""
    async with behind(tmp_path) as (rig, backend):
        backend.answers = [GOOD]
        forged: list[asyncio.StreamWriter] = []
        serve = backend.serve

        async def remembered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            forged.append(writer)
            await serve(reader, writer)

        listening = await asyncio.start_server(remembered, "127.0.0.1", 0)
        object.__setattr__(rig.master.entries["production"], "backend", ("127.0.0.1", listening.sockets[0].getsockname()[1]))
        reader, writer = await rig.connect()
        writer.write(request())
        async with asyncio.timeout(8):
            assert (await read_answer(reader)).startswith(b"HTTP/1.1 201 ")
        forged[0].write(GOOD.replace(b"INF-1", b"INF-X"))
        await until(lambda: backend.ended == 1)
        writer.write(request())
        async with asyncio.timeout(8):
            assert b"INF-X" not in await read_answer(reader)
        assert backend.connections == 2
        writer.transport.abort()
        listening.close()


async def test_the_gateway_keeps_nothing_of_backend_connections_that_ended(tmp_path: Path) -> None:
    """A backend that closes after each answer, and a client that stays: nothing grows with the calls."""
    async with behind(tmp_path) as (rig, backend):
        backend.answers, backend.closes = [GOOD], True
        reader, writer = await rig.connect()
        for _ in range(20):
            writer.write(request())
            async with asyncio.timeout(8):
                assert (await read_answer(reader)).startswith(b"HTTP/1.1 201 ")
        handlers = list(rig.master.addons.get("proxyserver").connections.values())
        assert len(handlers) == 1
        assert len(handlers[0].layer.http.backends) <= 2
        writer.transport.abort()


async def test_a_backend_that_accepts_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its SYN queue is full: the system would try for minutes."""
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT_S", 0.5)
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    fillers = [socket.socket() for _ in range(3)]
    for filler in fillers:
        filler.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            filler.connect(full.getsockname())
    try:
        async with running_rig(tmp_path, backend_port=full.getsockname()[1]) as rig:
            assert code_of(await rig.send(request(), timeout_s=20)) == (503, "INF-DEP-03")
    finally:
        for s in (full, *fillers):
            s.close()


async def test_an_answer_whose_record_is_late_is_answered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline passes while the journal writes: no second answer follows the first, to be taken for the next call's."""
    async with running_rig(tmp_path, limits=Limits(decision_timeout_s=0.5), answer_timeout_s=0.5) as rig:
        conclude: Callable[[dict[str, object]], Awaitable[None]] = rig.journal.conclude

        async def late(record: dict[str, object]) -> None:
            await asyncio.sleep(4)
            await conclude(record)

        monkeypatch.setattr(rig.journal, "conclude", late)
        reader, writer = await rig.connect()
        writer.write(request())
        async with asyncio.timeout(20):
            assert (await read_answer(reader)).startswith(b"HTTP/1.1 201 ")
            monkeypatch.undo()
            writer.write(request())
            assert (await read_answer(reader)).startswith(b"HTTP/1.1 201 ")
        assert len(rig.backend.received) == 2
        writer.transport.abort()
