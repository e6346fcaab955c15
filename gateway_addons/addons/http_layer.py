"""HTTP of one client connection: the client's side, the calls, and the backend's sides, which tell each other by plain calls.

The engine's layers hand events down and commands up through a chain of generators, whatever is said (docs/performance.md).
Here only a call is a generator, since only a call has to wait; what it asks for is done at once (adr/0044). And a call that is
over is taken apart: in the engine it refers to itself in circles, so that only the collector of cyclic garbage could free
it, with everything that is known of the call, in pauses that other calls had to wait for.
"""

from mitmproxy.connection import Connection, ConnectionState, Server
from mitmproxy.proxy import commands, context, events
from mitmproxy.proxy.layers.http import DropStream, GetHttpConnection, SendHttp
from mitmproxy.proxy.layers.http._base import HttpEvent
from mitmproxy.proxy.layers.http._events import RequestHeaders, RequestProtocolError, ResponseProtocolError

from gateway_addons.addons.connection import GateConnection
from gateway_addons.addons.http_client import GateHttpClient
from gateway_addons.addons.http_server import GateHttpServer
from gateway_addons.addons.http_stream import GateHttpStream, Show
from gateway_addons.addons.line import Line, PlainLine
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.session import Entry, Session


class GateHttpLayer:
    """HTTP/1.1 only, with the gate's own server, streams and backend connections."""

    def __init__(self, ctx: context.Context, entry: Entry, session: Session, wire: GateConnection, line: Line) -> None:
        """`line` leads to the client; `wire` has the sockets, the hooks and the clock."""
        self._context, self._entry, self._session, self.wire = ctx, entry, session, wire
        self.server = GateHttpServer(line, wire, self._tell_call, entry, session.bodies)
        self.backends: dict[Connection, GateHttpClient] = {}
        self._connecting: dict[Server, GateHttpStream] = {}
        self._calls: dict[int, GateHttpStream] = {}

    # --- from the sockets ---

    def handle_event(self, event: events.Event) -> tuple[()]:
        """What happens on the client's connection, in the clear, and on those to the backend."""
        if isinstance(event, events.ConnectionEvent):
            side = self.server if event.connection is self._context.client else self.backends.get(event.connection)
            if side is not None:
                side.receive(event)
        elif isinstance(event, events.OpenConnectionCompleted):
            self._connected(event.command.connection, event.reply)
        elif isinstance(event, events.Start):
            self.server.start()
        else:  # pragma: no cover - nothing else comes to a reverse proxy
            raise TypeError(f"unexpected event: {event}")
        return ()

    # --- from the sides ---

    def _tell_call(self, message: HttpEvent) -> None:
        """What a side has read; of a call that is over, nobody wants to know."""
        if type(message) is RequestHeaders:
            self._calls[message.stream_id] = GateHttpStream(fork(self._context), message.stream_id, self._session, self)
        if (call := self._calls.get(message.stream_id)) is not None:
            call.take(message)

    # --- from the calls ---

    def wait_for(self, call: GateHttpStream, command: commands.Command) -> None:
        """Do what a call waits for, and let it go on."""
        if isinstance(command, Show):
            self.wire.start_hook(command.hook, (call.flow,), call.go_on)
        elif isinstance(command, GetHttpConnection):
            self._connect(call, command)
        elif isinstance(command, commands.StartHook):  # from the engine's own states
            self.wire.start_hook(command.name, command.args(), call.go_on)
        else:  # pragma: no cover - a call waits for nothing else
            raise TypeError(f"unexpected command: {command}")

    def execute(self, command: commands.Command) -> None:
        """Do what a call asks for without waiting."""
        if isinstance(command, SendHttp):
            self._fail(command.connection, command.event)
        elif isinstance(command, DropStream):
            if (call := self._calls.pop(command.stream_id, None)) is not None:
                call.take_apart()
        else:
            self.wire.execute(command)

    def _fail(self, to: Connection, error: HttpEvent) -> None:
        """The engine's states tell a side of nothing but a failure of the other."""
        if isinstance(error, ResponseProtocolError) and to is self._context.client:
            self.server.fail(error)
        elif isinstance(error, RequestProtocolError):
            self.backends[to].give_up()
        else:  # pragma: no cover - whatever else is said goes nowhere
            raise TypeError(f"unexpected message: {error}")

    # --- connections to the backend ---

    def _connect(self, call: GateHttpStream, wanted: GetHttpConnection) -> None:
        """The backend connection that this client connection has and may use again, or a new one."""
        for connection in list(self.backends):
            if isinstance(connection, Server) and connection.connected and connection.address == wanted.address:
                call.go_on((connection, None))
                return
            if connection.state is ConnectionState.CLOSED:
                del self.backends[connection]  # a backend may close after each answer, and a client may stay for days
        backend = Server(address=wanted.address)
        self._connecting[backend] = call
        self.wire.execute(commands.OpenConnection(backend))

    def _connected(self, backend: Server, error: str | None) -> None:
        call = self._connecting.pop(backend)
        if error is None:
            self.backends[backend] = GateHttpClient(PlainLine(self.wire, backend), self._tell_call, self._entry.max_answer_bytes)
        call.go_on((None, error) if error is not None else (backend, None))


def fork(of: context.Context) -> context.Context:
    """A context of its own for one call; the engine's way makes a backend connection for each and throws it away."""
    forked = context.Context.__new__(context.Context)
    forked.client, forked.server, forked.options, forked.layers = of.client, of.server, of.options, of.layers
    return forked
