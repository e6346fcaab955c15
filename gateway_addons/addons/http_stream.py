"""One request and its answer, from the gate's side of the engine.

The engine would forward a request that no hook refused. Here it is the other way round: the backend is reached only when
the flow carries the gate's `Admission`, and every other way out is an answer and the end of the connection.
"""

import time

from mitmproxy import flow, http
from mitmproxy.proxy import commands, context, events, layer
from mitmproxy.proxy.layers.http import DropStream, HttpStream, SendHttp
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
from mitmproxy.proxy.layers.http._hooks import (
    HttpErrorHook,
    HttpRequestHeadersHook,
    HttpRequestHook,
    HttpResponseHook,
)

from gateway_addons.addons.http_server import Commands
from gateway_addons.addons.messages import BackendSilent, BodyDefect, DefectiveRequest
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.session import ADMITTED, BACKEND_FAILURE, DEFECT, RELEASED, SESSION, Admission, Release, Session

_OF_THE_REQUEST = frozenset({RequestHeaders, RequestData, RequestEndOfMessage})
_OF_THE_ANSWER = frozenset({ResponseHeaders, ResponseData, ResponseEndOfMessage})


class GateHttpStream(HttpStream):
    """One call. Refused until the gate says otherwise."""

    def __init__(self, ctx: context.Context, stream_id: int, session: Session) -> None:
        super().__init__(ctx, stream_id)
        self._session = session
        self.client_state = self.state_wait_for_request_headers

    def take_apart(self) -> None:
        """The call is over, and nothing that comes changes it: let go of what refers to this stream, so that it is freed."""
        self.client_state = self.server_state = _over
        self.context.layers.clear()

    def state_wait_for_request_headers(self, event: RequestHeaders) -> Commands:
        """Show the head to the gate; an answer it gives now is sent now, without reading the body (no 100-continue)."""
        self.flow = http.HTTPFlow(self.context.client, self.context.server)
        self.flow.request = event.request
        self.flow.live = True
        self.flow.metadata[SESSION] = self._session
        if isinstance(event.request, DefectiveRequest):
            self.flow.metadata[DEFECT] = event.request.refusal
        self._address_backend()
        yield HttpRequestHeadersHook(self.flow)
        if (yield from self.check_killed(True)):
            return
        if self.flow.response is not None or DEFECT in self.flow.metadata:
            yield from self._answer_and_end()
            return
        if self.flow.request.headers.get("expect", "").lower() == "100-continue":
            interim = http.Response.make(100)
            interim.headers.clear()
            yield SendHttp(ResponseHeaders(self.stream_id, interim), self.context.client)
        self.client_state = self.state_consume_request_body
        self.server_state = self.state_wait_for_response_headers

    def _address_backend(self) -> None:
        address = self.context.server.address
        if address is None:  # pragma: no cover - the entrance sets it
            raise RuntimeError("no backend address")
        self.flow.request.data.host, self.flow.request.data.port = address[0], address[1]
        self.flow.request.scheme = "http"

    def check_body_size(self, request: bool) -> layer.CommandGenerator[bool]:
        """Bodies are bounded as they are read (`http_server`, `http_client`); the engine's options change nothing."""
        return False
        yield

    def check_invalid(self, request: bool) -> layer.CommandGenerator[bool]:
        """Heads are read by one strict grammar (`core.request_head`, `core.answer_head`), not looked at afterwards."""
        return False
        yield

    def start_response_stream(self) -> Commands:
        """The engine would pass the backend's answer on as it comes; here the gate sees it whole, or it goes nowhere."""
        yield commands.CloseConnection(self.flow.server_conn)
        error = ResponseProtocolError(self.stream_id, "streaming is off", ErrorCode.GENERIC_SERVER_ERROR)
        yield from self._backend_failed(error)

    def make_server_connection(self) -> layer.CommandGenerator[bool]:
        """The one place where the backend is reached: only with the gate's own mark on the flow."""
        if type(self.flow.metadata.get(ADMITTED)) is not Admission:
            yield from self._answer_and_end()
            return False
        return (yield from super().make_server_connection())

    def _handle_event(self, event: events.Event) -> Commands:
        handled: Commands
        kind = type(event)
        if self.client_state is _over:  # also what waited in the queue until then
            handled = _over(event)
        elif kind in _OF_THE_REQUEST:
            handled = self.client_state(event)
        elif kind in _OF_THE_ANSWER:
            handled = self.server_state(event)
        elif isinstance(event, BodyDefect):
            handled = self._body_defect(event)
        elif isinstance(event, RequestProtocolError | ResponseProtocolError):
            handled = self.handle_protocol_error(event)
        else:  # pragma: no cover - nothing else comes to a call
            raise TypeError(f"unexpected event: {event}")
        return handled

    def _body_defect(self, event: BodyDefect) -> Commands:
        """Let the gate refuse the call for its body's form, unless it is answered already."""
        if self.client_state != self.state_consume_request_body:
            return
        self.flow.metadata[DEFECT] = event.refusal
        self.client_state = self.state_done
        yield HttpRequestHook(self.flow)
        yield from self._answer_and_end()

    def send_response(self, already_streamed: bool = False) -> Commands:
        """Show the answer to the gate, and send it only when the gate has let it go; otherwise a bare failure."""
        if self.flow.response is not None:
            self.flow.response.timestamp_end = time.time()
        yield HttpResponseHook(self.flow)
        response = self.flow.response
        if response is None or type(self.flow.metadata.get(RELEASED)) is not Release:
            self.flow.response = None
            yield from self._answer_and_end(hook=False)
            return
        self.server_state = self.state_done
        if (yield from self.check_killed(False)):
            return
        body = response.raw_content or b""
        yield SendHttp(ResponseHeaders(self.stream_id, response, not body), self.context.client)
        if body:
            yield SendHttp(ResponseData(self.stream_id, body), self.context.client)
        if self.client_state == self.state_done:
            yield from self.flow_done()

    def handle_protocol_error(self, event: RequestProtocolError | ResponseProtocolError) -> Commands:
        """A backend that fails gets an answer from the gate; a client that is gone gets none."""
        if isinstance(event, RequestProtocolError):
            yield from super().handle_protocol_error(event)
        elif self._answer_is_due():
            yield from self._backend_failed(event)
        else:  # the call is over; a second answer would be taken for the next call's
            yield DropStream(self.stream_id)

    def _answer_is_due(self) -> bool:
        over = (self.state_done, self.state_errored)
        return self.client_state != self.state_errored and self.server_state not in over

    def _backend_failed(self, event: ResponseProtocolError) -> Commands:
        unreachable = event.code == ErrorCode.CONNECT_FAILED
        self.flow.metadata[BACKEND_FAILURE] = "INF-DEP-03" if unreachable else "INF-DEP-04"
        self.flow.error = flow.Error(event.message)
        self.flow.response = None
        yield HttpErrorHook(self.flow)
        if isinstance(event, BackendSilent) and self.flow.server_conn.connected:
            yield commands.CloseConnection(self.flow.server_conn)
        yield from self._answer_and_end(hook=False)

    def _answer_and_end(self, *, hook: bool = True) -> Commands:
        """Send the gate's answer and end the connection; without an answer, say a bare failure, never nothing."""
        if hook and self.flow.response is not None:
            self.flow.response.timestamp_start = self.flow.response.timestamp_end = time.time()
            yield HttpResponseHook(self.flow)
        self.flow.live = False
        self.client_state = self.server_state = self.state_errored
        client = self.context.client
        response = self.flow.response
        if response is None:
            error = ResponseProtocolError(self.stream_id, "no answer", ErrorCode.GENERIC_SERVER_ERROR)
            yield SendHttp(error, client)
        else:
            response.headers["Connection"] = "close"
            body = b"" if self.flow.request.method == "HEAD" else response.raw_content or b""
            yield SendHttp(ResponseHeaders(self.stream_id, response, not body), client)
            if body:
                yield SendHttp(ResponseData(self.stream_id, body), client)
            yield SendHttp(ResponseEndOfMessage(self.stream_id), client)
        yield DropStream(self.stream_id)


def _over(event: events.Event) -> Commands:
    """The state of a call that was taken apart."""
    yield from ()
