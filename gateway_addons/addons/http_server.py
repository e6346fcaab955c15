"""The HTTP/1.1 side that faces the client: one strict reading of each head, and a bound on everything that comes in.

A defect in the message's form is not answered here: it travels with the request to the gate, which refuses it like any
other call, so that every refusal has one path, one record and one form of answer.
"""

import time
from collections.abc import Callable

from mitmproxy import http
from mitmproxy.connection import ConnectionState
from mitmproxy.net.http.http1 import assemble_response_head
from mitmproxy.proxy import events
from mitmproxy.proxy.layers.http._base import HttpEvent
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestHeaders,
    RequestProtocolError,
    ResponseProtocolError,
)

from gateway_addons.addons.connection import GateConnection
from gateway_addons.addons.line import Line, WholeBody
from gateway_addons.addons.messages import BackendSilent, BodyDefect, defective_request, request_of
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.session import Entry
from gateway_addons.core.body_framing import ChunkedBody, FixedBody
from gateway_addons.core.bounds import BodyAccount
from gateway_addons.core.errors import Refusal
from gateway_addons.core.request_head import RequestHead, incomplete_head_defect, read_head

TICK_S = 1.0
"""How often the deadlines of a connection are looked at."""

LINGER_S = 5.0
LINGER_BYTES = 64 * 1024 * 1024
"""After an early refusal, what the client still sends is read and thrown away this long and this far, so that the answer
is not lost to a TCP reset (RFC 9112 section 9.6)."""


class GateHttpServer:
    """Reads requests from one client connection, one at a time."""

    def __init__(self, line: Line, wire: GateConnection, tell: Callable[[HttpEvent], None], entry: Entry,
                 bodies: BodyAccount) -> None:
        """What is read is told to the call by `tell`; `send` takes what the call answers."""
        self._line, self._wire, self._tell = line, wire, tell
        self._entry, self._bodies, self._limits = entry, bodies, entry.limits
        self._body: FixedBody | ChunkedBody = FixedBody(0)
        self.buf = bytearray()
        self.state: Callable[[events.Event], None] = self.read_headers
        self.stream_id = 1
        self.request: http.Request | None = None
        self.response: http.Response | None = None
        self.request_done = False
        self._deadline = time.monotonic() + self._limits.idle_timeout_s
        self._received: list[bytes] = []
        self._body_bytes = 0
        self._head_started = False
        self._last_request = self._ends = False

    def start(self) -> None:
        """Begin to look at the deadlines."""
        self._wire.later(TICK_S, self._tick)

    def receive(self, event: events.ConnectionEvent) -> None:
        """Bytes came, or the client's end of them."""
        if isinstance(event, events.DataReceived):
            self.buf += event.data
        self.state(event)

    def _go_on(self) -> None:
        """Look at what is in the buffer already."""
        self.state(events.DataReceived(self._line.conn, b""))

    # --- reading ---

    def read_headers(self, event: events.Event) -> None:
        """Wait for a whole head, then read it by the one strict grammar."""
        if not isinstance(event, events.DataReceived):
            self._line.close()
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
                self._refuse_head(defect, received)
            return
        del self.buf[: end + 4]
        try:
            head = read_head(received[: end + 4], max_bytes=self._limits.max_head_bytes,
                             max_headers=self._limits.max_header_count)
            if self._bodies.room() < (head.content_length or 0) <= self._entry.max_body_bytes:
                raise _no_room()
        except Refusal as defect:
            self._refuse_head(defect, received[: end + 4])
            return
        self._begin(head)

    def _begin(self, head: RequestHead) -> None:
        self.request = request_of(head)
        self._last_request = "close" in self.request.headers.get("connection", "").lower()
        self._received, self._body_bytes = [], 0
        self._head_started = False
        self._deadline = time.monotonic() + self._limits.body_timeout_s
        self._body = ChunkedBody() if head.chunked else FixedBody(head.content_length or 0)
        self.state = self.read_body
        self._tell(RequestHeaders(self.stream_id, self.request, self._body.done))
        if self.state == self.read_body:
            self._go_on()

    def read_body(self, event: events.Event) -> None:
        """Keep the body as it comes, within its bounds, until it is whole."""
        if isinstance(event, events.ConnectionClosed):
            self._client_gone("client closed the connection within the body")
            return
        try:
            data = self._body.read(self.buf)
            self._body_bytes += len(data)
            if self._body_bytes > self._entry.max_body_bytes:
                raise Refusal("INF-REQ-07", "body over the limit")
            if not self._bodies.reserve(len(data)):
                raise _no_room()
        except Refusal as defect:
            self._refuse_body(defect)
            return
        self._received.append(data)
        if self._body.done:
            self._deadline = time.monotonic() + self._limits.decision_timeout_s + self._entry.answer_timeout_s
            body, self._received = b"".join(self._received), []
            self._tell(WholeBody(self.stream_id, body))
            self.request_done, self.state = True, self.wait

    def wait(self, event: events.Event) -> None:
        """The call is with the gate or the backend; what is pipelined meanwhile waits, up to a bound."""
        if isinstance(event, events.DataReceived) and len(self.buf) > self._limits.max_pipelined_bytes:
            self._client_gone("too many bytes pipelined")
            return
        if isinstance(event, events.ConnectionClosed):
            if event.connection.state is not ConnectionState.CLOSED:
                self._line.close()
            self._tell(RequestProtocolError(self.stream_id, "Client disconnected.", ErrorCode.CLIENT_DISCONNECTED))

    def done(self, event: events.Event) -> None:
        """The connection is over; whatever comes is swallowed."""

    def linger(self, event: events.Event) -> None:
        """The answer is sent and the connection is over; swallow what still comes."""
        if isinstance(event, events.DataReceived):
            self._body_bytes += len(event.data)
            self.buf.clear()
            if self._body_bytes <= LINGER_BYTES:
                return
        self._line.close()

    # --- refusing and ending ---

    def _refuse_head(self, refusal: Refusal, raw: bytes) -> None:
        self.buf.clear()
        self.request = defective_request(refusal, raw)
        self.state = self.refused
        self._tell(RequestHeaders(self.stream_id, self.request, False))

    def _refuse_body(self, refusal: Refusal) -> None:
        self.buf.clear()
        self.state = self.refused
        self._tell(BodyDefect(self.stream_id, refusal))

    def refused(self, event: events.Event) -> None:
        """The gate is answering a defect; nothing more is read as HTTP."""
        if isinstance(event, events.DataReceived):
            self.buf.clear()
            self._body_bytes += len(event.data)
            if self._body_bytes > LINGER_BYTES:
                self._client_gone("kept sending after a defect")
        else:
            self._client_gone("client closed the connection")

    def _client_gone(self, message: str) -> None:
        self._line.close()
        self._tell(RequestProtocolError(self.stream_id, message, ErrorCode.CLIENT_DISCONNECTED))
        self.state = self.done

    def answered(self) -> None:
        """After the answer, the connection waits for the next request; an early answer ends it."""
        self._received.clear()
        self._bodies.free()
        if not self.request_done:
            self._line.close(half=True)
            self._deadline = time.monotonic() + LINGER_S
            self.state = self.linger
        elif self._ends:
            self._line.close()
            self.state = self.done
        else:
            self._next()

    def _next(self) -> None:
        self.request_done = False
        self.request = self.response = None
        self.stream_id += 2
        self.state = self.read_headers
        self._deadline = time.monotonic() + self._limits.idle_timeout_s
        if self.buf:
            self._go_on()

    # --- answering ---

    def send_interim(self, response: http.Response) -> None:
        """Send an answer before the answer, such as 100 Continue."""
        self._line.send(assemble_response_head(response))

    def send_answer(self, response: http.Response, body: bytes) -> None:
        """Send head and body as one TLS record; `answered` follows."""
        self.response = response
        if self._last_request or self._entry.drain.active:
            response.headers["Connection"] = "close"
        head = assemble_response_head(response)
        self._ends = b"\r\nconnection: close\r\n" in head.lower()
        self._line.send(head + body)

    def fail(self, error: ResponseProtocolError) -> None:
        """A failure that has no answer left ends with the last-resort answer."""
        if error.code.http_status_code() is not None and self.response is None:
            self._line.send(self._entry.last_resort("INF-GEN-02"))
        self._line.close()
        self.state = self.done

    # --- time ---

    def _tick(self, _: None = None) -> None:
        if time.monotonic() >= self._deadline:
            self._too_late()
        elif self._entry.drain.ends_idle() and self.state == self.read_headers and not self.buf:
            self._line.close()
            self.state = self.done
        if self.state != self.done:
            self._wire.later(TICK_S, self._tick)

    def _too_late(self) -> None:
        self._deadline = time.monotonic() + LINGER_S
        if self.state == self.read_headers and self._head_started:
            self._refuse_head(Refusal("INF-REQ-11", "head not whole in time"), bytes(self.buf))
        elif self.state == self.read_body:
            self._refuse_body(Refusal("INF-REQ-11", "body not whole in time"))
        elif self.state == self.wait:
            self._tell(BackendSilent(self.stream_id, "no answer in time", ErrorCode.GENERIC_SERVER_ERROR))
        else:
            self._line.close()
            self.state = self.done


def _no_room() -> Refusal:
    """Refuses a body that would take more memory than all bodies together may."""
    return Refusal("INF-REQ-12", "no room for this body beside the others", (("Retry-After", "5"),))
