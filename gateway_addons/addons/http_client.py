"""The HTTP/1.1 side that faces the backend: one strict reading of each answer, and a bound on everything that comes in.

The engine's own reader holds a head of any length, takes folded lines and odd framings, and turns a 101 into a tunnel. Here
an answer that is not whole and plain is no answer: the connection is closed, never used again, and the gate refuses the call.
"""

from collections.abc import Callable

from mitmproxy import http
from mitmproxy.net.http.http1 import assemble_request_head, connection_close
from mitmproxy.proxy import events
from mitmproxy.proxy.layers.http._base import HttpEvent
from mitmproxy.proxy.layers.http._events import ErrorCode, ResponseProtocolError

from gateway_addons.addons.line import Line, WholeAnswer
from gateway_addons.addons.messages import response_of
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.core.answer_head import (
    MAX_HEAD_BYTES,
    MAX_INTERIM_ANSWERS,
    AnswerHead,
    incomplete_answer_defect,
    read_answer_head,
)
from gateway_addons.core.body_framing import BodyToTheEnd, ChunkedBody, FixedBody
from gateway_addons.core.errors import Refusal

_DEFECT = "INF-DEP-04"


class GateHttpClient:
    """Reads answers from one backend connection, one at a time."""

    def __init__(self, line: Line, tell: Callable[[HttpEvent], None], max_answer_bytes: int) -> None:
        """What is read is told to the call by `tell`; `send` takes the call's request."""
        self._line, self._tell = line, tell
        self._max_answer_bytes = max_answer_bytes
        self.buf = bytearray()
        self.state: Callable[[events.Event], None] = self.read_headers
        self.stream_id: int | None = None
        self.request: http.Request | None = None
        self.response: http.Response | None = None
        self._body: FixedBody | ChunkedBody | BodyToTheEnd = FixedBody(0)
        self._body_bytes = self._head_bytes = self._interim = 0
        self._received: list[bytes] = []

    def receive(self, event: events.ConnectionEvent) -> None:
        """Bytes came, or the backend's end of them."""
        if isinstance(event, events.DataReceived):
            if self.state == self.done:
                return
            self.buf += event.data
        self.state(event)

    def ask(self, stream_id: int, request: http.Request, body: bytes) -> None:
        """Send a request, head and body as one."""
        self.stream_id, self.request = stream_id, request
        self._body_bytes = self._head_bytes = self._interim = 0  # an answer's bounds begin anew with each request
        self._received = []
        self._line.send(assemble_request_head(request) + body)

    def give_up(self) -> None:
        """The client is gone."""
        self._line.close()

    def read_headers(self, event: events.Event) -> None:
        """Wait for a whole head, then read it by the one strict grammar; interim answers stay here."""
        if self.request is None:  # nothing was asked: whatever comes, this connection is not to be trusted with a next call
            self._line.close()
            self.state = self.done
            return
        if not isinstance(event, events.DataReceived):
            self._give_up("the backend closed before its answer was whole")
            return
        try:
            head = self._next_head()
            while head is not None and head.interim:
                head = self._next_head()
        except Refusal as defect:
            self._give_up(defect.detail)
            return
        if head is not None:
            self._begin(head)

    def _next_head(self) -> AnswerHead | None:
        """The next head in the buffer, if it is whole."""
        end = self.buf.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES)
        if end < 0:
            if self.buf and (defect := incomplete_answer_defect(bytes(self.buf[: MAX_HEAD_BYTES + 1]))):
                raise defect
            return None
        head = read_answer_head(bytes(self.buf[: end + 4]), to_head=self.request is not None and self.request.method == "HEAD")
        del self.buf[: end + 4]
        self._head_bytes += end + 4
        self._interim += head.interim
        if self._head_bytes > MAX_HEAD_BYTES or self._interim > MAX_INTERIM_ANSWERS:
            raise Refusal(_DEFECT, "too many answers before the answer")
        return head

    def _begin(self, head: AnswerHead) -> None:
        if (head.content_length or 0) > self._max_answer_bytes:
            self._give_up("the announced answer is too large")
            return
        self.response = response_of(head)
        self._body = _body_of(head)
        self.state = self.read_body
        self.read_body(events.DataReceived(self._line.conn, b""))

    def read_body(self, event: events.Event) -> None:
        """Keep the body as it comes, within its bound and its framing, until it is whole."""
        if isinstance(event, events.ConnectionClosed):
            if isinstance(self._body, BodyToTheEnd):
                self._whole()
            else:
                self._give_up("the backend closed within its answer")
            return
        try:
            data = self._body.read(self.buf)
        except Refusal as defect:
            self._give_up(defect.detail)
            return
        self._body_bytes += len(data)
        if self._body_bytes > self._max_answer_bytes:
            self._give_up("the answer is too large")
            return
        self._received.append(data)
        if self._body.done:
            self._whole()

    def _whole(self) -> None:
        if self.buf:
            self._give_up("bytes behind the backend's answer")
            return
        if self.response is None:  # pragma: no cover - a body is read only behind a head
            raise RuntimeError("no head was read")
        self._tell(WholeAnswer(self._stream(), self.response, b"".join(self._received)))
        self._next()

    def _next(self) -> None:
        """After the answer the connection waits for the next request, unless the answer ended it."""
        ends = self.request is None or self.response is None or isinstance(self._body, BodyToTheEnd) or connection_close(
            self.response.http_version, self.response.headers)
        self.request = self.response = self.stream_id = None
        self.state = self.done if ends else self.read_headers
        if ends:
            self._line.close()

    def _give_up(self, why: str) -> None:
        stream_id = self._stream()
        self.state = self.done
        self.buf.clear()
        self.request = self.response = None
        self._line.close()
        self._tell(ResponseProtocolError(stream_id, why, ErrorCode.GENERIC_SERVER_ERROR))

    def _stream(self) -> int:
        if self.stream_id is None:  # pragma: no cover - an answer is read only after a request
            raise RuntimeError("no request was sent")
        return self.stream_id

    def done(self, event: events.Event) -> None:
        """The connection is over; whatever comes is swallowed."""


def _body_of(head: AnswerHead) -> FixedBody | ChunkedBody | BodyToTheEnd:
    if head.chunked:
        return ChunkedBody(_DEFECT)
    return BodyToTheEnd() if head.content_length is None else FixedBody(head.content_length)

