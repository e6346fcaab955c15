"""Bytes that come in on a connection are handed on as they come; a stream reader would wake a task for each of them."""

import asyncio
from collections.abc import Callable
from typing import Any

from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end

MAX_READ_BYTES = 64 * 1024


class Incoming(asyncio.Protocol):
    """What a connection's transport calls in place of asyncio's stream, from a moment on.

    Of the end, and of what waits to be sent, the stream's own protocol is told as well: its writer asks it.
    """

    def __init__(self, reader: Any, transport: Any, receive: Callable[[bytes], None],
                 hold: Callable[["Incoming", bool], None]) -> None:
        """`hold` is told when much waits to be sent, and when it does no more."""
        self._reader, self._receive, self._hold = reader, receive, hold
        self._stream: asyncio.StreamReaderProtocol = transport.get_protocol()
        self._ended = asyncio.Event()
        if reader._eof:  # there is no public way to ask whether the end was there before us
            self._ended.set()
        transport.set_protocol(self)

    async def until_the_end(self) -> None:
        """Hand on what the stream has read already; the rest comes by itself, up to the peer's last byte."""
        self._reader.feed_eof()
        try:
            while data := await self._reader.read(MAX_READ_BYTES):
                self._receive(data)
        except OSError:
            return
        await self._ended.wait()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._receive(data)

    def eof_received(self) -> bool:
        """The peer sends no more; we may."""
        self._ended.set()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over."""
        self._stream.connection_lost(exc)
        self._hold(self, False)
        self._ended.set()

    def pause_writing(self) -> None:
        """Much waits to be sent."""
        self._stream.pause_writing()
        self._hold(self, True)

    def resume_writing(self) -> None:
        """Most of it is sent."""
        self._stream.resume_writing()
        self._hold(self, False)
