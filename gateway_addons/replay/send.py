"""Sends one case over mutual TLS, byte for byte, and reads what comes back until it is quiet, closed or too late."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway_addons.replay.case import Piece

MAX_ANSWERS = 64


@dataclass(frozen=True, slots=True)
class Target:
    """The gateway, the client that calls it, and how long it is waited for."""

    host: str
    port: int
    server_name: str
    tls: ssl.SSLContext
    timeout_s: float = 15.0
    quiet_s: float = 0.15


@dataclass
class Received:
    """What came back: whole answers (head and body), what was left over, and how it ended."""

    answers: list[tuple[bytes, bytes]] = field(default_factory=list)
    rest: bytes = b""
    closed: bool = False
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class Patience:
    """How long quiet means the end, in seconds, once so many answers are there."""

    quiet_s: float
    answers: int


def client_context(certificate: Path, key: Path, authority: Path) -> ssl.SSLContext:
    """The client side of mutual TLS."""
    context = ssl.create_default_context(cafile=str(authority))
    context.load_cert_chain(str(certificate), str(key))
    return context


async def send(target: Target, pieces: Sequence[Piece], answers: int = 1) -> Received:
    """Send the pieces and read; so many answers are waited for with patience, more for a moment.

    Raises:
        OSError: no connection, or no handshake.
    """
    reader, writer = await asyncio.open_connection(target.host, target.port, ssl=target.tls, server_hostname=target.server_name)
    received = Received()
    writing = asyncio.create_task(_write(writer, pieces))
    try:
        async with asyncio.timeout(target.timeout_s):
            head_only = pieces[0].data.startswith(b"HEAD ")
            await _read(reader, received, writing, Patience(target.quiet_s, answers), head_only=head_only)
    except TimeoutError:
        received.timed_out = True
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        writer.transport.abort()
    return received


async def _write(writer: asyncio.StreamWriter, pieces: Sequence[Piece]) -> None:
    try:
        for piece in pieces:
            await asyncio.sleep(piece.pause_s)
            writer.write(piece.data)
            await writer.drain()
    except (ConnectionError, ssl.SSLError):
        pass  # the gateway has ended the connection: what it answered is read on the other side


async def _read(
    reader: asyncio.StreamReader, received: Received, writing: "asyncio.Task[None]", patience: Patience, *, head_only: bool
) -> None:
    while len(received.answers) < MAX_ANSWERS:
        patient = len(received.answers) < patience.answers or not writing.done()
        try:
            async with asyncio.timeout(None if patient else patience.quiet_s):
                answer = await _answer(reader, received, head_only=head_only)
        except TimeoutError:
            if received.rest:
                received.timed_out = True
            return
        if answer is None:
            received.closed = True
            return
        if not answer[0].startswith(b"HTTP/1.1 100"):
            received.answers.append(answer)


async def _answer(reader: asyncio.StreamReader, received: Received, *, head_only: bool) -> tuple[bytes, bytes] | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        received.rest = head
        body = b"" if head_only else await reader.readexactly(_length(head))
    except asyncio.IncompleteReadError as e:
        received.rest += e.partial
        return None
    except (ConnectionError, ssl.SSLError):
        return None
    received.rest = b""
    return head, body


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
