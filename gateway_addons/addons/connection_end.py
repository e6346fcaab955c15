"""How a connection ends that does not end by itself: an unfinished handshake, answers that nobody takes, what is left over."""

import asyncio
import time
from typing import Any

from mitmproxy.proxy import mode_servers

from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end

LAST_WORDS_S = 5.0
"""How long what is still to be sent may take when a connection is over."""


class SendingWatch:
    """Ends a connection whose client does not take what it is sent: the answer would stay in memory for ever."""

    LOOK_S = 1.0

    def __init__(self, transport: Any, timeout_s: float) -> None:
        self._transport, self._timeout_s = transport, timeout_s
        self._waiting_since: float | None = None
        self._timer = asyncio.get_running_loop().call_later(self.LOOK_S, self._look)

    def _look(self) -> None:
        if not self._transport.get_write_buffer_size():
            self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = time.monotonic()
        elif time.monotonic() - self._waiting_since >= self._timeout_s:
            self._transport.abort()
            return
        self._timer = asyncio.get_running_loop().call_later(self.LOOK_S, self._look)

    def stop(self) -> None:
        """The connection is over."""
        self._timer.cancel()


def end_unfinished_handshake(handler: mode_servers.ProxyConnectionHandler, writer: Any) -> None:
    """A client that has not finished its handshake by now is cut off."""
    if handler.client.timestamp_tls_setup is None:
        writer.transport.abort()


def close_what_is_left(handler: mode_servers.ProxyConnectionHandler, writer: Any) -> None:
    """The engine forgets a connection whose handler is cancelled while it waits for its turn: it would stay open. And a
    closed transport waits for its client to take what is left, for ever.
    """
    writer.close()
    if writer.transport.get_write_buffer_size():
        asyncio.get_running_loop().call_later(LAST_WORDS_S, writer.transport.abort)
    for io in handler.transports.values():
        if isinstance(io.writer, asyncio.StreamWriter):
            io.writer.close()
