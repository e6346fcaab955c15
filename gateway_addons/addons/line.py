"""One side's connection as HTTP sees it: bytes out, and its end; and what a side tells the call of what it has read.

TLS stands behind the client's line, nothing behind the backend's. Nothing is streamed, so a body or an answer is told of when
it is whole.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from mitmproxy import http
from mitmproxy.connection import Connection
from mitmproxy.proxy import commands
from mitmproxy.proxy.layers.http._base import HttpEvent

from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end


@dataclass
class WholeBody(HttpEvent):
    """The request's body has come to its end."""

    body: bytes


@dataclass
class WholeAnswer(HttpEvent):
    """The backend's answer has come to its end; its body is not yet in `response`."""

    response: http.Response
    body: bytes


class Line(Protocol):
    """What the HTTP sides say something on."""

    conn: Connection

    def send(self, data: bytes) -> None:
        """Send plain bytes."""

    def close(self, *, half: bool = False) -> None:
        """End the connection, or only what is sent on it."""


class PlainLine:
    """A connection in the clear: the backend's."""

    def __init__(self, wire: Any, conn: Connection) -> None:
        """`wire` is the `GateConnection` that has the sockets."""
        self._wire, self.conn = wire, conn

    def send(self, data: bytes) -> None:
        """Send them as they are."""
        self._wire.write(self.conn, data)

    def close(self, *, half: bool = False) -> None:
        """End it."""
        self._wire.execute(commands.CloseTcpConnection(self.conn, half_close=half))
