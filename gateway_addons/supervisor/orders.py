"""The desk where the operator's commands are taken: one question on one connection, one answer."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gateway_addons.admin.control_channel import ControlChannel

type Clerk = Callable[[], Awaitable[dict[str, Any]]]

QUESTION_LIMIT_S = 5.0


class OrderDesk:
    """Knows who answers which question; anything else gets no answer."""

    def __init__(self, clerks: Mapping[str, Clerk]) -> None:
        self._clerks = clerks

    async def serve(self, listener: socket.socket) -> None:
        """Take orders until cancelled."""
        server = await asyncio.start_unix_server(self._take, sock=listener)
        async with server:
            await server.serve_forever()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        channel = ControlChannel(reader, writer)
        try:
            async with asyncio.timeout(QUESTION_LIMIT_S):
                question = await channel.receive()
            if question is not None and question.get("ask") in self._clerks:
                await channel.send(await self._clerks[question["ask"]]())
        except TimeoutError:
            return
        finally:
            channel.close()
