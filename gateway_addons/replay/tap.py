"""A backend that records: it listens where the gateway forwards to, keeps every byte, and answers each call alike."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

ANSWER = (b"HTTP/1.1 201 Created\r\nServer: tap-banner\r\nContent-Type: application/json\r\nContent-Length: 37\r\n\r\n"
          b'{"accuse":{"numeroAccuse":"INF-TAP"}}')
MAX_HEAD_BYTES = 64 * 1024
MAX_RECORDED_BYTES = 256 * 1024 * 1024


@dataclass
class Tap:
    """What came in, connection by connection, as bytes and in calls; `on_call` is told of each at once."""

    calls: list[bytes] = field(default_factory=list)
    unread: list[bytes] = field(default_factory=list)
    recorded_bytes: int = 0
    on_call: Callable[[bytes], None] | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the gateway; that it ends, and how, tells nothing, but bytes of a call that are not whole do."""
        buffer = bytearray()
        try:
            while data := await reader.read(64 * 1024):
                buffer += data
                while (end := _end_of_call(buffer)) is not None:
                    self._keep(bytes(buffer[:end]))
                    del buffer[:end]
                    writer.write(ANSWER)
                    await writer.drain()
        except ConnectionError:
            pass
        except ValueError as e:
            self.unread.append(repr(e).encode())
        finally:
            if buffer:
                self.unread.append(bytes(buffer[:MAX_HEAD_BYTES]))
            writer.close()

    def _keep(self, call: bytes) -> None:
        self.recorded_bytes += len(call)
        if self.recorded_bytes > MAX_RECORDED_BYTES:
            self.calls.clear()
            self.recorded_bytes = len(call)
        self.calls.append(call)
        if self.on_call is not None:
            self.on_call(call)

    def take(self, correlation_id: str) -> tuple[bytes, ...]:
        """The calls that bear this correlation id in their head; they are taken out."""
        mark = f"\r\nx-correlation-id: {correlation_id}\r\n".encode()
        mine = [c for c in self.calls if mark in c.partition(b"\r\n\r\n")[0].lower() + b"\r\n"]
        self.calls = [c for c in self.calls if c not in mine]
        return tuple(mine)


def _end_of_call(buffer: bytearray) -> int | None:
    """Where the first call in these bytes ends, None while it is not whole."""
    head = buffer.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES)
    if head < 0:
        if len(buffer) >= MAX_HEAD_BYTES:
            raise ValueError("a head without end")
        return None
    end = head + 4 + _length(bytes(buffer[: head + 4]))
    return end if len(buffer) >= end else None


def _length(head: bytes) -> int:
    lengths = [line.partition(b":")[2].strip() for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    if b"\r\ntransfer-encoding:" in head.lower() or len(lengths) > 1:
        raise ValueError("a framing that the gateway must not send")
    return int(lengths[0]) if lengths else 0


@asynccontextmanager
async def listening_tap(host: str, port: int) -> AsyncIterator[tuple[Tap, int]]:
    """Listen until the block ends; the second value is the port."""
    tap = Tap()
    server = await asyncio.start_server(tap.serve, host, port)
    try:
        yield tap, server.sockets[0].getsockname()[1]
    finally:
        server.close()
