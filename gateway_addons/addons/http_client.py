"""The HTTP/1.1 side that faces the backend: one strict reading of each answer, and a bound on everything that comes in.

The engine's own reader holds a head of any length, takes folded lines and odd framings, and turns a 101 into a tunnel. Here
an answer that is not whole and plain is no answer: the connection is closed, never used again, and the gate refuses the call.
"""

from mitmproxy.net.http.http1 import assemble_request_head, connection_close
from mitmproxy.proxy import commands, context, events
from mitmproxy.proxy.layers.http import HttpClient, RegisterHttpConnection
from mitmproxy.proxy.layers.http._base import HttpEvent, ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.http._http1 import Http1Client

from gateway_addons.addons.http_server import Commands
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


class BackendConnection(HttpClient):
    """Connects to the backend, in the clear and by HTTP/1.1; no other protocol is chosen, whatever comes."""

    def __init__(self, ctx: context.Context, max_answer_bytes: int) -> None:
        super().__init__(ctx)
        self._max_answer_bytes = max_answer_bytes

    def _handle_event(self, event: events.Event) -> Commands:
        error = yield commands.OpenConnection(self.context.server)
        if not error:
            self.child_layer = GateHttpClient(self.context, self._max_answer_bytes)
            self._handle_event = self.child_layer.handle_event  # type: ignore[method-assign]
            yield from self._handle_event(event)
        yield RegisterHttpConnection(self.context.server, error)


class GateHttpClient(Http1Client):
    """Reads answers from one backend connection, one at a time."""

    def __init__(self, ctx: context.Context, max_answer_bytes: int) -> None:
        super().__init__(ctx)
        self._max_answer_bytes = max_answer_bytes
        self.buf: bytearray = bytearray()  # type: ignore[assignment]
        self._body: FixedBody | ChunkedBody | BodyToTheEnd = FixedBody(0)
        self._body_bytes = self._head_bytes = self._interim = 0
        self._head = b""

    def send(self, event: HttpEvent) -> Commands:
        """Send a part of the request; its head waits for its body, so that both leave as one."""
        if isinstance(event, RequestHeaders):
            self.stream_id, self.request = event.stream_id, event.request
            self._body_bytes = self._head_bytes = self._interim = 0  # an answer's bounds begin anew with each request
            head = assemble_request_head(event.request)
            if event.end_stream:
                yield commands.SendData(self.conn, head)
            else:
                self._head = head
        elif isinstance(event, RequestData):
            head, self._head = self._head, b""
            yield commands.SendData(self.conn, head + event.data)
        elif isinstance(event, RequestEndOfMessage):
            yield from self.mark_done(request=True)
        else:  # the client is gone
            yield commands.CloseConnection(self.conn)

    def mark_done(self, *, request: bool = False, response: bool = False) -> Commands:
        """After the answer the connection waits for the next request, unless the answer ended it."""
        self.request_done, self.response_done = self.request_done or request, self.response_done or response
        if not (self.request_done and self.response_done):
            return
        ends = self.request is None or self.response is None or isinstance(self._body, BodyToTheEnd) or connection_close(
            self.response.http_version, self.response.headers)
        self.request_done = self.response_done = False
        self.request = self.response = self.stream_id = None
        self.state = self.done if ends else self.read_headers
        if ends:
            yield commands.CloseConnection(self.conn)

    def read_headers(self, event: events.ConnectionEvent) -> Commands:
        """Wait for a whole head, then read it by the one strict grammar; interim answers stay here."""
        if self.request is None:  # nothing was asked: whatever comes, this connection is not to be trusted with a next call
            yield commands.CloseConnection(self.conn)
            self.state = self.done
            return
        if not isinstance(event, events.DataReceived):
            yield from self._give_up("the backend closed before its answer was whole")
            return
        try:
            head = self._next_head()
            while head is not None and head.interim:
                head = self._next_head()
        except Refusal as defect:
            yield from self._give_up(defect.detail)
            return
        if head is not None:
            yield from self._begin(head)

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

    def _begin(self, head: AnswerHead) -> Commands:
        if (head.content_length or 0) > self._max_answer_bytes:
            yield from self._give_up("the announced answer is too large")
            return
        self.response = response_of(head)
        self._body = _body_of(head)
        self.state = self.read_body
        yield ReceiveHttp(ResponseHeaders(self._stream(), self.response, self._body.done))
        yield from self.read_body(events.DataReceived(self.conn, b""))

    def read_body(self, event: events.Event) -> Commands:
        """Pass the body on as it comes, within its bound and its framing."""
        if isinstance(event, events.ConnectionClosed):
            if isinstance(self._body, BodyToTheEnd):
                yield from self._whole()
            else:
                yield from self._give_up("the backend closed within its answer")
            return
        try:
            data = self._body.read(self.buf)
        except Refusal as defect:
            yield from self._give_up(defect.detail)
            return
        self._body_bytes += len(data)
        if self._body_bytes > self._max_answer_bytes:
            yield from self._give_up("the answer is too large")
            return
        if data:
            yield ReceiveHttp(ResponseData(self._stream(), data))
        if self._body.done:
            yield from self._whole()

    def _whole(self) -> Commands:
        if self.buf:
            yield from self._give_up("bytes behind the backend's answer")
            return
        yield ReceiveHttp(ResponseEndOfMessage(self._stream()))
        yield from self.mark_done(response=True)

    def _give_up(self, why: str) -> Commands:
        stream_id = self._stream()
        self.state = self.done
        self.buf.clear()
        self.request = self.response = None
        yield commands.CloseConnection(self.conn)
        yield ReceiveHttp(ResponseProtocolError(stream_id, why, ErrorCode.GENERIC_SERVER_ERROR))

    def _stream(self) -> int:
        if self.stream_id is None:  # pragma: no cover - an answer is read only after a request
            raise RuntimeError("no request was sent")
        return self.stream_id

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, HttpEvent):
            yield from self.send(event)
            return
        if isinstance(event, events.DataReceived):
            if self.state == self.done:
                return
            self.buf += event.data
        yield from self.state(event)


def _body_of(head: AnswerHead) -> FixedBody | ChunkedBody | BodyToTheEnd:
    if head.chunked:
        return ChunkedBody(_DEFECT)
    return BodyToTheEnd() if head.content_length is None else FixedBody(head.content_length)

