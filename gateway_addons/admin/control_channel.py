"""What the supervisor and a worker, or an operator's command and the supervisor, tell each other: JSON lines on a socket."""

import asyncio
import json
import socket
from typing import Any, Self

MAX_LINE_BYTES = 64 << 20
"""A worker's metrics are one line; ten thousand contracts make a few megabytes."""


class ControlChannel:
    """One end of a connected stream socket; whole messages only."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, connected: socket.socket) -> Self:
        """Take over a connected unix socket."""
        return cls(*await asyncio.open_unix_connection(sock=connected, limit=MAX_LINE_BYTES))

    async def send(self, message: dict[str, Any]) -> None:
        """Send one message; a peer that is gone is not an error here, its end shows in `receive`."""
        try:
            self._writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
            await self._writer.drain()
        except (ConnectionError, RuntimeError):
            return

    async def receive(self) -> dict[str, Any] | None:
        """The next message, or None when the peer is gone or does not speak JSON lines."""
        try:
            line = await self._reader.readline()
            message = json.loads(line) if line.endswith(b"\n") else None
        except (ConnectionError, ValueError):
            return None
        return message if isinstance(message, dict) else None

    def close(self) -> None:
        """Hang up."""
        self._writer.close()
