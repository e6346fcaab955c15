"""The connection to OPA: kept, one question at a time, and an answer is only ever the answer to its own question."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway_addons.adapters.policy.opa_connection import OpaPool
from gateway_addons.core.errors import PolicyUnavailable

LIMIT = 4096


class Server:
    """Answers the n-th question on a connection with what `answer` makes of it: bytes sent one after the other; None hangs."""

    def __init__(self, answer: Callable[[int, bytes], list[bytes] | None]) -> None:
        self.connections = 0
        self.questions: list[bytes] = []
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            for number in range(100):
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")), 0)
                question = await reader.readexactly(length)
                self.questions.append(question)
                parts = self._answer(number, question)
                if parts is None:
                    await asyncio.sleep(30)
                    return
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0.001)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def pool(folder: Path, answer: Callable[[int, bytes], list[bytes] | None], timeout_s: float = 5.0) -> AsyncIterator[tuple[OpaPool, Server]]:
    server = Server(answer)
    socket = folder / "opa.sock"
    listening = await asyncio.start_unix_server(server.serve, str(socket))
    asked = OpaPool(f"unix://{socket}", timeout_s, LIMIT)
    try:
        yield asked, server
    finally:
        asked.close()
        listening.close()


def fixed(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def test_questions_share_a_connection(tmp_path: Path) -> None:
    async with pool(tmp_path, lambda _, question: [fixed(b"to " + question)]) as (opa, server):
        for n in range(5):
            assert await opa.post(b"/x", b"%d" % n) == (200, b"to %d" % n)
        assert server.connections == 1


async def test_questions_at_once_get_their_own_answers(tmp_path: Path) -> None:
    async with pool(tmp_path, lambda _, question: [fixed(question)]) as (opa, server):
        answers = await asyncio.gather(*(opa.post(b"/x", b"q%d" % n) for n in range(20)))
        assert answers == [(200, b"q%d" % n) for n in range(20)]
        assert server.connections <= 20


@pytest.mark.parametrize("cut", [1, 3, 17, 1000])
async def test_an_answer_may_come_in_pieces_and_chunks(tmp_path: Path, cut: int) -> None:
    whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"
    async with pool(tmp_path, lambda *_: [whole[i:i + cut] for i in range(0, len(whole), cut)]) as (opa, server):
        assert await opa.post(b"/x", b"") == (200, b"abc0123456789")
        assert await opa.post(b"/x", b"") == (200, b"abc0123456789")
        assert server.connections == 1


WRONG: dict[str, bytes] = {
    "not HTTP": b"nonsense\r\n\r\n", "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "no length": b"HTTP/1.1 200 OK\r\n\r\n",
    "both framings": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "length twice": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", "length with a sign": b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na",
    "another coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx", "two answers": fixed(b"a") + fixed(b"b"), "one byte too many": fixed(b"a") + b"b",
    "too long": fixed(b"a" * (LIMIT + 1)), "endless head": b"HTTP/1.1 200 OK\r\nX: " + b"a" * (20 << 10),
    "chunk of no size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "chunk with an extension": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n0\r\n\r\n",
    "chunks too long": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"a" * 0x400 + b"\r\n" + b"ffff\r\n", "header without a colon": b"HTTP/1.1 200 OK\r\nx\r\n\r\n",
    "trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n", "chunk without its end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
}


@pytest.mark.parametrize("answer", [pytest.param(a, id=name) for name, a in WRONG.items()])
async def test_anything_else_is_no_answer_and_ends_the_connection(tmp_path: Path, answer: bytes) -> None:
    async with pool(tmp_path, lambda _, question: [answer if question == b"bad" else fixed(b"good")]) as (opa, server):
        assert await opa.post(b"/x", b"") == (200, b"good")
        with pytest.raises(PolicyUnavailable):
            await opa.post(b"/x", b"bad")
        assert await opa.post(b"/x", b"") == (200, b"good")
        assert server.connections == 2


async def test_an_answer_that_comes_too_late_is_never_the_next_ones(tmp_path: Path) -> None:
    async with pool(tmp_path, lambda _, question: None if question == b"slow" else [fixed(question)], timeout_s=0.2) as (opa, server):
        assert await opa.post(b"/x", b"first") == (200, b"first")
        with pytest.raises(PolicyUnavailable, match="TimeoutError"):
            await opa.post(b"/x", b"slow")
        assert await opa.post(b"/x", b"next") == (200, b"next")
        assert server.connections == 2


async def test_a_question_that_is_given_up_takes_its_connection_along(tmp_path: Path) -> None:
    async with pool(tmp_path, lambda _, question: None if question == b"slow" else [fixed(question)]) as (opa, server):
        given_up = asyncio.create_task(opa.post(b"/x", b"slow"))
        await asyncio.sleep(0.05)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        assert await opa.post(b"/x", b"next") == (200, b"next")
        assert server.connections == 2


async def test_what_opa_says_unasked_ends_the_connection(tmp_path: Path) -> None:
    async with pool(tmp_path, lambda number, question: [fixed(question), fixed(b"unasked")] if number == 0 else [fixed(question)]) as (opa, server):
        assert await opa.post(b"/x", b"first") == (200, b"first")
        await asyncio.sleep(0.05)
        assert await opa.post(b"/x", b"second") == (200, b"second")
        assert server.connections == 2


async def test_a_connection_that_opa_closes_is_not_used_again(tmp_path: Path) -> None:
    last = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na"
    async with pool(tmp_path, lambda *_: [last]) as (opa, server):
        assert await opa.post(b"/x", b"") == (200, b"a")
        assert await opa.post(b"/x", b"") == (200, b"a")
        assert server.connections == 2


async def test_nobody_there(tmp_path: Path) -> None:
    opa = OpaPool(f"unix://{tmp_path / 'none.sock'}", 1.0, LIMIT)
    with pytest.raises(PolicyUnavailable):
        await opa.get("/health")
