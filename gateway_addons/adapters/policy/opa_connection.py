"""HTTP/1.1 to OPA and nothing else: one question at a time on a connection that is kept, over a unix socket or loopback TCP.

A general HTTP client costs more than OPA's answer (docs/performance.md). This one asks the way OPA is asked and believes
only the answers that OPA gives: anything else closes the connection and is no answer.
"""

import asyncio
import re
from collections.abc import Callable
from typing import cast

from gateway_addons.core.errors import PolicyUnavailable

MAX_HEAD_BYTES = 16 * 1024
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_LENGTH = re.compile(rb"\d{1,9}")
_CHUNK = re.compile(rb"[0-9a-fA-F]{1,8}")


class OpaConnection(asyncio.Protocol):
    """One connection; `ask` sends a whole request and gives (status, body)."""

    def __init__(self, max_answer_bytes: int, lost: Callable[[], None]) -> None:
        self._max_answer_bytes, self._lost = max_answer_bytes, lost
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._last = False

    @property
    def is_open(self) -> bool:
        """May another question be asked on it?"""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes, until: float) -> tuple[int, bytes]:
        """Send these bytes, wait for the whole answer until that moment of the loop's clock.

        Raises:
            PolicyUnavailable: it does not come in time, the connection ends, or the answer is not one of OPA's.
        """
        if self._transport is None or self._answer is not None:
            raise PolicyUnavailable("the connection to OPA is not free")
        self._received.clear()
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        end = loop.call_at(until, self._fail, "OPA does not answer: TimeoutError")
        self._transport.write(request)
        try:
            return await self._answer
        except BaseException:  # a question that was given up: its answer must not be taken for the next one's
            self.close()
            raise
        finally:
            end.cancel()
            self._answer = None
            if self._last:
                self.close()

    def close(self) -> None:
        """End it at once."""
        if self._transport is not None:
            self._transport.abort()

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop's word."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not one by inheritance

    def data_received(self, data: bytes) -> None:
        """The loop's word."""
        if self._answer is None or self._answer.done():
            self.close()  # OPA says nothing that it was not asked
            return
        self._received += data
        try:
            answer = self._read()
        except ValueError as e:
            self._fail(f"OPA's answer is not HTTP as agreed: {e}")
            return
        if answer is not None:
            self._answer.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """The loop's word."""
        self._transport = None
        self._lost()
        self._fail("OPA closed the connection")

    def _fail(self, why: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(PolicyUnavailable(why))
        self.close()

    # --- reading (RFC 9112, the part that OPA uses) ---

    def _read(self) -> tuple[int, bytes] | None:
        """(status, body) when the answer is whole. Raises `ValueError`."""
        end = self._received.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES)
        if end < 0:
            if len(self._received) >= MAX_HEAD_BYTES:
                raise ValueError("head too long")
            return None
        status, chunked, length = self._head(bytes(self._received[:end]))
        body = _chunks(self._received, end + 4, self._max_answer_bytes) if chunked else self._fixed(end + 4, length)
        return None if body is None else (status, body)

    def _head(self, head: bytes) -> tuple[int, bool, int]:
        status_line, *lines = head.split(b"\r\n")
        found = _STATUS.match(status_line)
        if found is None:
            raise ValueError("status line")
        fields: dict[bytes, bytes] = {}
        for line in lines:
            name, colon, value = line.partition(b":")
            if not colon or name.lower() in fields:
                raise ValueError("header line")
            fields[name.lower()] = value.strip()
        coding, length = fields.get(b"transfer-encoding"), fields.get(b"content-length", b"")
        if coding is not None and (coding.lower() != b"chunked" or length):
            raise ValueError("framing")
        if coding is None and not _LENGTH.fullmatch(length):
            raise ValueError("length")
        self._last = fields.get(b"connection", b"").lower() == b"close"
        return int(found[1]), coding is not None, int(length or 0)

    def _fixed(self, begin: int, length: int) -> bytes | None:
        if length > self._max_answer_bytes or len(self._received) > begin + length:
            raise ValueError("more than one answer, or too long")
        return bytes(self._received[begin:]) if len(self._received) == begin + length else None


def _chunks(received: bytearray, begin: int, limit: int) -> bytes | None:
    """The body of a chunked answer that is whole, without extensions and trailers. Raises `ValueError`."""
    parts: list[bytes] = []
    size = 0
    while (end := received.find(b"\r\n", begin, begin + 10)) >= 0:
        if not _CHUNK.fullmatch(text := bytes(received[begin:end])):
            raise ValueError("chunk size")
        length = int(text, 16)
        size += length
        if size > limit:
            raise ValueError("too long")
        begin, stop = end + 2, end + 2 + length
        if len(received) < stop + 2:
            return None
        if received[stop:stop + 2] != b"\r\n":
            raise ValueError("chunk end")
        if length == 0:
            if len(received) != stop + 2:
                raise ValueError("more than one answer")
            return b"".join(parts)
        parts.append(bytes(received[begin:stop]))
        begin = stop + 2
    if len(received) - begin >= 10:
        raise ValueError("chunk size")
    return None


class OpaPool:
    """The connections that are kept: as many as there were questions at once. Each question has one time-out for all."""

    def __init__(self, address: str, timeout_s: float, max_answer_bytes: int, lost: Callable[[], None] = lambda: None) -> None:
        """`lost` is called when a connection has ended, for whatever reason: OPA may have, too."""
        self._address = address
        self._lost = lost
        self._timeout_s = timeout_s
        self._max_answer_bytes = max_answer_bytes
        self._free: list[OpaConnection] = []
        host = address.removeprefix("http://").rstrip("/") if address.startswith("http://") else "opa"
        self._host = host.encode()

    async def get(self, path: str) -> tuple[int, bytes]:
        """GET a path. Raises `PolicyUnavailable`."""
        return await self._ask(b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path.encode(), self._host))

    async def post(self, path: bytes, body: bytes) -> tuple[int, bytes]:
        """POST JSON to a path: one attempt. Raises `PolicyUnavailable`."""
        return await self._ask(b"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                               % (path, self._host, len(body), body))

    async def _ask(self, request: bytes) -> tuple[int, bytes]:
        until = asyncio.get_running_loop().time() + self._timeout_s
        connection = self._kept()
        if connection is None:
            try:
                async with asyncio.timeout_at(until):
                    connection = await self._connect()
            except (OSError, TimeoutError) as e:
                raise PolicyUnavailable(f"OPA does not answer: {type(e).__name__}") from e
        answer = await connection.ask(request, until)
        if connection.is_open:
            self._free.append(connection)
        return answer

    def _kept(self) -> OpaConnection | None:
        while self._free:
            connection = self._free.pop()
            if connection.is_open:
                return connection
        return None

    async def _connect(self) -> OpaConnection:
        loop = asyncio.get_running_loop()

        def make() -> OpaConnection:
            return OpaConnection(self._max_answer_bytes, self._lost)

        if self._address.startswith("unix://"):
            return (await loop.create_unix_connection(make, self._address.removeprefix("unix://")))[1]
        name, _, port = self._host.decode().rpartition(":")
        host, number = (name, int(port)) if name else (self._host.decode(), 80)
        return (await loop.create_connection(make, host.strip("[]"), number))[1]

    def close(self) -> None:
        """Give all connections back."""
        while self._free:
            self._free.pop().close()
