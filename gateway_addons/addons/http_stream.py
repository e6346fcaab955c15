"""One request and its answer, from the gate's side of the engine.

The engine would forward a request that no hook refused. Here it is the other way round: the backend is reached only when
the flow carries the gate's `Admission`, and every other way out is an answer and the end of the connection.
"""

import os
import time
from collections import deque
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from mitmproxy import flow, http
from mitmproxy.proxy import commands, context, events, layer
from mitmproxy.proxy.layers.http import DropStream, GetHttpConnection, HttpStream
from mitmproxy.proxy.layers.http._events import ErrorCode, RequestHeaders, RequestProtocolError, ResponseProtocolError

from gateway_addons.addons.line import WholeAnswer, WholeBody
from gateway_addons.addons.messages import BackendSilent, BodyDefect, DefectiveRequest
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.session import ADMITTED, BACKEND_FAILURE, DEFECT, RELEASED, SESSION, Admission, Release, Session

if TYPE_CHECKING:
    from gateway_addons.addons.http_layer import GateHttpLayer

type Commands = Generator[commands.Command, Any, None]


class Show(commands.Command):
    """Show the call's flow to the listeners of one hook of the engine's, and wait for them."""

    blocking = True

    def __init__(self, hook: str) -> None:
        self.hook = hook


SHOW_HEAD, SHOW_REQUEST = Show("requestheaders"), Show("request")
SHOW_ANSWER_HEAD, SHOW_ANSWER, SHOW_FAILURE = Show("responseheaders"), Show("response"), Show("error")


class GateHttpStream(HttpStream):
    """One call. Refused until the gate says otherwise."""

    def __init__(self, ctx: context.Context, stream_id: int, session: Session, http_layer: "GateHttpLayer") -> None:
        # not the engine's own: it copies an option for each call, and keeps buffers for what is streamed
        self.context, self.stream_id = ctx, stream_id
        self._paused: layer.Paused | None = None
        self._paused_event_queue: deque[events.Event] = deque()
        self._session, self._http = session, http_layer
        self.client_state = self.state_wait_for_request_headers
        self.server_state = self.state_uninitialized

    # --- running and waiting ---

    def take(self, event: events.Event) -> None:
        """Handle an event now or, when the call waits for something, after that."""
        if self._paused is None:
            self._run(self._handle_event(event))
        else:
            self._paused_event_queue.append(event)

    def go_on(self, reply: Any) -> None:
        """What the call waited for is there; then comes what happened meanwhile."""
        if self._paused is None:  # pragma: no cover - who is told to go on waits
            raise RuntimeError("the call waits for nothing")
        steps, self._paused = self._paused.generator, None
        self._run(steps, reply)
        while self._paused is None and self._paused_event_queue:
            self._run(self._handle_event(self._paused_event_queue.popleft()))

    def _run(self, steps: Commands, reply: Any = None) -> None:
        """Do one step after the other, up to one that has to be waited for."""
        while True:
            try:
                command = steps.send(reply)
            except StopIteration:
                return
            if command.blocking:
                self._paused = layer.Paused(command, steps)
                self._http.wait_for(self, command)
                return
            self._http.execute(command)
            reply = None

    def take_apart(self) -> None:
        """The call is over, and nothing that comes changes it: let go of what refers to this stream, so that it is freed."""
        self.client_state = self.server_state = _over

    # --- the states of a call ---

    def state_wait_for_request_headers(self, event: RequestHeaders) -> Commands:
        """Show the head to the gate; an answer it gives now is sent now, without reading the body (no 100-continue)."""
        self.flow = flow_of(event.request, self.context)
        self.flow.metadata[SESSION] = self._session
        if isinstance(event.request, DefectiveRequest):
            self.flow.metadata[DEFECT] = event.request.refusal
        self._address_backend()
        yield SHOW_HEAD
        if (yield from self.check_killed(True)):
            return
        if self.flow.response is not None or DEFECT in self.flow.metadata:
            yield from self._answer_and_end()
            return
        if self.flow.request.headers.get("expect", "").lower() == "100-continue":
            interim = http.Response.make(100)
            interim.headers.clear()
            self._http.server.send_interim(interim)
        self.client_state = self.state_consume_request_body
        self.server_state = self.state_wait_for_response_headers

    def _address_backend(self) -> None:
        address = self.context.server.address
        if address is None:  # pragma: no cover - the entrance sets it
            raise RuntimeError("no backend address")
        self.flow.request.data.host, self.flow.request.data.port = address[0], address[1]
        self.flow.request.scheme = "http"

    def state_consume_request_body(self, event: WholeBody) -> Commands:
        """The body is whole: the gate decides on the call."""
        self.flow.request.timestamp_end = time.time()
        self.flow.request.data.content = event.body
        self.client_state = self.state_done
        yield SHOW_REQUEST
        if (yield from self.check_killed(True)):
            return
        if self.flow.response is not None:
            self.flow.response.timestamp_start = time.time()
            if (yield from self._answer_head_is_seen()):
                yield from self.send_response()
        elif (yield from self.make_server_connection()):
            backend, request = self._http.backends[self.flow.server_conn], self.flow.request
            backend.ask(self.stream_id, request, request.raw_content or b"")

    def state_wait_for_response_headers(self, event: WholeAnswer) -> Commands:
        """The backend's answer is whole: it goes to the gate, unless an addon wants to stream it."""
        self.flow.response = event.response
        if not (yield from self._answer_head_is_seen()):
            return
        if event.response.stream and event.body:
            yield from self.start_response_stream()
            return
        event.response.data.content = event.body
        yield from self.send_response()

    def _answer_head_is_seen(self) -> Generator[commands.Command, Any, bool]:
        """Show an answer's head to whoever listens (the gate does not); False when the call has ended meanwhile."""
        if self._http.wire.hears("responseheaders"):
            yield SHOW_ANSWER_HEAD
            return not (yield from self.check_killed(True))
        return True

    def check_killed(self, emit_error_hook: bool) -> Generator[commands.Command, Any, bool]:
        """Whether the client has gone while a hook was waited for."""
        if self.flow.error is None and not self._paused_event_queue:
            return False
        return (yield from super().check_killed(emit_error_hook))

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
        request = self.flow.request.data
        connection, error = yield GetHttpConnection((request.host, request.port), tls=False, via=None)
        if error:
            yield from self.handle_protocol_error(ResponseProtocolError(self.stream_id, error, ErrorCode.CONNECT_FAILED))
            return False
        self.context.server = self.flow.server_conn = connection
        return True

    def _handle_event(self, event: events.Event) -> Commands:
        handled: Commands
        kind = type(event)
        if self.client_state is _over:  # also what waited in the queue until then
            handled = _over(event)
        elif kind is RequestHeaders or kind is WholeBody:
            handled = self.client_state(event)
        elif kind is WholeAnswer:
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
        yield SHOW_REQUEST
        yield from self._answer_and_end()

    def send_response(self, already_streamed: bool = False) -> Commands:
        """Show the answer to the gate, and send it only when the gate has let it go; otherwise a bare failure."""
        if self.flow.response is not None:
            self.flow.response.timestamp_end = time.time()
        yield SHOW_ANSWER
        response = self.flow.response
        if response is None or type(self.flow.metadata.get(RELEASED)) is not Release:
            self.flow.response = None
            yield from self._answer_and_end(hook=False)
            return
        self.server_state = self.state_done
        if (yield from self.check_killed(False)):
            return
        self._http.server.send_answer(response, response.raw_content or b"")
        if self.client_state == self.state_done:
            self.flow.live = False
            yield DropStream(self.stream_id)
            self._http.server.answered()

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
        yield SHOW_FAILURE
        if isinstance(event, BackendSilent) and self.flow.server_conn.connected:
            yield commands.CloseConnection(self.flow.server_conn)
        yield from self._answer_and_end(hook=False)

    def _answer_and_end(self, *, hook: bool = True) -> Commands:
        """Send the gate's answer and end the connection; without an answer, say a bare failure, never nothing."""
        if hook and self.flow.response is not None:
            self.flow.response.timestamp_start = self.flow.response.timestamp_end = time.time()
            yield SHOW_ANSWER
        self.flow.live = False
        self.client_state = self.server_state = self.state_errored
        response = self.flow.response
        if response is None:
            self._http.server.fail(ResponseProtocolError(self.stream_id, "no answer", ErrorCode.GENERIC_SERVER_ERROR))
        else:
            response.headers["Connection"] = "close"
            body = b"" if self.flow.request.method == "HEAD" else response.raw_content or b""
            self._http.server.send_answer(response, body)
            self._http.server.answered()
        yield DropStream(self.stream_id)


def flow_of(request: http.Request, of: context.Context) -> http.HTTPFlow:
    """The engine's flow of a call that begins; the engine's own way spends most of it on a UUID."""
    made = http.HTTPFlow.__new__(http.HTTPFlow)
    made.__dict__.update(
        id=os.urandom(16).hex(), client_conn=of.client, server_conn=of.server, live=True, timestamp_created=time.time(),
        intercepted=False, _resume_event=None, _backup=None, marked="", is_replay=None, metadata={}, comment="", request=request)
    return made


def _over(event: events.Event) -> Commands:
    """The state of a call that was taken apart."""
    yield from ()
