"""The HTTP/1.1 side that faces the client: one strict reading of each head, and a bound on everything that comes in.

A defect in the message's form is not answered here: it travels with the request to the gate, which refuses it like any
other call, so that every refusal has one path, one record and one form of answer.
"""

import time
from collections.abc import Generator
from typing import Any

from mitmproxy.net.http.http1 import assemble_response_head
from mitmproxy.proxy import commands, context, events
from mitmproxy.proxy.layers.http._base import HttpEvent, ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.http._http1 import Http1Server

from gateway_addons.addons.messages import BackendSilent, BodyDefect, defective_request, request_of
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.session import Entry
from gateway_addons.core.body_framing import ChunkedBody, FixedBody
from gateway_addons.core.bounds import BodyAccount
from gateway_addons.core.errors import Refusal
from gateway_addons.core.request_head import RequestHead, incomplete_head_defect, read_head

type Commands = Generator[commands.Command, Any, None]

TICK_S = 1.0
"""How often the deadlines of a connection are looked at."""

LINGER_S = 5.0
LINGER_BYTES = 64 * 1024 * 1024
"""After an early refusal, what the client still sends is read and thrown away this long and this far, so that the answer
is not lost to a TCP reset (RFC 9112 section 9.6)."""


class GateHttpServer(Http1Server):
    """Reads requests from one client connection, one at a time."""

    def __init__(self, ctx: context.Context, entry: Entry, bodies: BodyAccount) -> None:
        super().__init__(ctx)
        self._entry = entry
        self._bodies = bodies
        self._body: FixedBody | ChunkedBody = FixedBody(0)
        self.buf: bytearray = bytearray()  # type: ignore[assignment]
        self._limits = entry.limits
        self._deadline = time.monotonic() + self._limits.idle_timeout_s
        self._body_bytes = 0
        self._head_started = False
        self._last_request = self._ends = False
        self._head = b""

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.Wakeup):
            yield from self._tick()
            return
        if isinstance(event, HttpEvent):
            yield from self.send(event)
            return
        if isinstance(event, events.Start):
            yield commands.RequestWakeup(TICK_S)
        elif isinstance(event, events.DataReceived):
            self.buf += event.data
        yield from self.state(event)

    # --- reading ---

    def read_headers(self, event: events.ConnectionEvent) -> Commands:
        """Wait for a whole head, then read it by the one strict grammar."""
        if not isinstance(event, events.DataReceived):
            yield commands.CloseConnection(self.conn)
            return
        if not self.buf:
            return
        if not self._head_started:
            self._head_started = True
            self._deadline = time.monotonic() + self._limits.head_timeout_s
        received = bytes(self.buf)
        end = received.find(b"\r\n\r\n")
        if end < 0:
            if defect := incomplete_head_defect(received, self._limits.max_head_bytes):
                yield from self._refuse_head(defect, received)
            return
        del self.buf[: end + 4]
        try:
            head = read_head(received[: end + 4], max_bytes=self._limits.max_head_bytes,
                             max_headers=self._limits.max_header_count)
            if self._bodies.room() < (head.content_length or 0) <= self._entry.max_body_bytes:
                raise _no_room()
        except Refusal as defect:
            yield from self._refuse_head(defect, received[: end + 4])
            return
        yield from self._begin(head)

    def _begin(self, head: RequestHead) -> Commands:
        self.request = request_of(head)
        self._last_request = "close" in self.request.headers.get("connection", "").lower()
        self._body_bytes = 0
        self._head_started = False
        self._deadline = time.monotonic() + self._limits.body_timeout_s
        self._body = ChunkedBody() if head.chunked else FixedBody(head.content_length or 0)
        self.state = self.read_body
        yield ReceiveHttp(RequestHeaders(self.stream_id, self.request, self._body.done))
        if self.state == self.read_body:
            yield from self.state(events.DataReceived(self.conn, b""))

    def read_body(self, event: events.Event) -> Commands:
        """Pass the body on as it comes, within its bounds."""
        if isinstance(event, events.ConnectionClosed):
            yield from self._client_gone("client closed the connection within the body")
            return
        try:
            data = self._body.read(self.buf)
            self._body_bytes += len(data)
            if self._body_bytes > self._entry.max_body_bytes:
                raise Refusal("INF-REQ-07", "body over the limit")
            if not self._bodies.reserve(len(data)):
                raise _no_room()
        except Refusal as defect:
            yield from self._refuse_body(defect)
            return
        if data:
            yield ReceiveHttp(RequestData(self.stream_id, data))
        if self._body.done:
            self._deadline = time.monotonic() + self._limits.decision_timeout_s + self._entry.answer_timeout_s
            yield ReceiveHttp(RequestEndOfMessage(self.stream_id))
            yield from self.mark_done(request=True)

    def wait(self, event: events.Event) -> Commands:
        """The call is with the gate or the backend; what is pipelined meanwhile waits, up to a bound."""
        if isinstance(event, events.DataReceived) and len(self.buf) > self._limits.max_pipelined_bytes:
            yield from self._client_gone("too many bytes pipelined")
            return
        yield from super().wait(event)

    def linger(self, event: events.Event) -> Commands:
        """The answer is sent and the connection is over; swallow what still comes."""
        if isinstance(event, events.DataReceived):
            self._body_bytes += len(event.data)
            self.buf.clear()
            if self._body_bytes <= LINGER_BYTES:
                return
        yield commands.CloseConnection(self.conn)

    # --- refusing and ending ---

    def _refuse_head(self, refusal: Refusal, raw: bytes) -> Commands:
        self.buf.clear()
        self.request = defective_request(refusal, raw)
        self.state = self.refused
        yield ReceiveHttp(RequestHeaders(self.stream_id, self.request, False))

    def _refuse_body(self, refusal: Refusal) -> Commands:
        self.buf.clear()
        self.state = self.refused
        yield ReceiveHttp(BodyDefect(self.stream_id, refusal))

    def refused(self, event: events.Event) -> Commands:
        """The gate is answering a defect; nothing more is read as HTTP."""
        if isinstance(event, events.DataReceived):
            self.buf.clear()
            self._body_bytes += len(event.data)
            if self._body_bytes > LINGER_BYTES:
                yield from self._client_gone("kept sending after a defect")
        else:
            yield from self._client_gone("client closed the connection")

    def _client_gone(self, message: str) -> Commands:
        yield commands.CloseConnection(self.conn)
        yield ReceiveHttp(RequestProtocolError(self.stream_id, message, ErrorCode.CLIENT_DISCONNECTED))
        self.state = self.done

    def mark_done(self, *, request: bool = False, response: bool = False) -> Commands:
        """After the answer, the connection waits for the next request; an early answer ends it."""
        if response:
            self._bodies.free()
        if response and not self.request_done:
            yield commands.CloseTcpConnection(self.conn, half_close=True)
            self._deadline = time.monotonic() + LINGER_S
            self.state = self.linger
            return
        self.request_done, self.response_done = self.request_done or request, self.response_done or response
        if not response:
            self.state = self.wait
        elif self._ends:
            yield commands.CloseConnection(self.conn)
            self.state = self.done
        else:
            yield from self._next()

    def _next(self) -> Commands:
        self.request_done = self.response_done = False
        self.request = self.response = None
        self.stream_id += 2
        self.state = self.read_headers
        self._deadline = time.monotonic() + self._limits.idle_timeout_s
        if self.buf:
            yield from self.state(events.DataReceived(self.conn, b""))

    # --- answering ---

    def send(self, event: HttpEvent) -> Commands:
        """Answers come whole from the stream, and leave as one; a failure that has none left ends with the last-resort answer."""
        if isinstance(event, ResponseHeaders):
            yield from self._send_head(event)
        elif isinstance(event, ResponseData):
            head, self._head = self._head, b""
            yield commands.SendData(self.conn, head + event.data)
        elif isinstance(event, ResponseEndOfMessage):
            yield from self.mark_done(response=True)
        elif isinstance(event, ResponseProtocolError):
            if event.code.http_status_code() is not None and self.response is None:
                yield commands.SendData(self.conn, self._entry.last_resort("INF-GEN-02"))
            yield commands.CloseConnection(self.conn)
            self.state = self.done

    def _send_head(self, event: ResponseHeaders) -> Commands:
        """The head waits for its body, so that both are one TLS record; what has no body leaves at once."""
        response = event.response
        interim = response.status_code < 200
        if not interim and (self._last_request or self._entry.drain.active):
            response.headers["Connection"] = "close"
        head = assemble_response_head(response)
        if not interim:
            self.response = response
            self._ends = b"\r\nconnection: close\r\n" in head.lower()
        if interim or event.end_stream:
            yield commands.SendData(self.conn, head)
        else:
            self._head = head

    # --- time ---

    def _tick(self) -> Commands:
        if time.monotonic() >= self._deadline:
            yield from self._too_late()
        elif self._entry.drain.ends_idle() and self.state == self.read_headers and not self.buf:
            yield commands.CloseConnection(self.conn)
            self.state = self.done
        if self.state != self.done:
            yield commands.RequestWakeup(TICK_S)

    def _too_late(self) -> Commands:
        self._deadline = time.monotonic() + LINGER_S
        if self.state == self.read_headers and self._head_started:
            yield from self._refuse_head(Refusal("INF-REQ-11", "head not whole in time"), bytes(self.buf))
        elif self.state == self.read_body:
            yield from self._refuse_body(Refusal("INF-REQ-11", "body not whole in time"))
        elif self.state == self.wait:
            yield ReceiveHttp(BackendSilent(self.stream_id, "no answer in time", ErrorCode.GENERIC_SERVER_ERROR))
        else:
            yield commands.CloseConnection(self.conn)
            self.state = self.done


def _no_room() -> Refusal:
    """Refuses a body that would take more memory than all bodies together may."""
    return Refusal("INF-REQ-12", "no room for this body beside the others", (("Retry-After", "5"),))
