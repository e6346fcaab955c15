"""HTTP of one client connection: hands events to the client's side, the call and the backend's side, and commands on.

The engine's layer does the same for every protocol it knows, at a multiple of the cost. And a call that is over is taken
apart here: in the engine it refers to itself in circles, so that only the collector of cyclic garbage could free it, with
everything that is known of the call, in pauses that other calls had to wait for (docs/performance.md).
"""

from typing import Any

from mitmproxy.connection import ConnectionState, Server
from mitmproxy.proxy import commands, context, events, layer
from mitmproxy.proxy.layers.http import (
    DropStream,
    GetHttpConnection,
    GetHttpConnectionCompleted,
    HttpLayer,
    HTTPMode,
    RegisterHttpConnection,
    SendHttp,
)
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import RequestHeaders

from gateway_addons.addons.http_client import BackendConnection
from gateway_addons.addons.http_server import Commands, GateHttpServer
from gateway_addons.addons.http_stream import GateHttpStream
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.session import Entry, Session


class GateHttpLayer(HttpLayer):
    """HTTP/1.1 only, with the gate's own server, streams and backend connections."""

    streams: dict[int, GateHttpStream]  # type: ignore[assignment]

    def __init__(self, ctx: context.Context, entry: Entry, session: Session) -> None:
        super().__init__(ctx, HTTPMode.transparent)
        self._entry = entry
        self._session = session

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.CommandCompleted):
            yield from self.event_to_child(self.command_sources.pop(event.command), event)
        elif isinstance(event, events.ConnectionEvent):
            if (side := self.connections.get(event.connection)) is not None:
                yield from self.event_to_child(side, event)
        elif isinstance(event, events.Start):
            server = GateHttpServer(fork(self.context), self._entry, self._session.bodies)
            self.connections[self.context.client] = server
            yield from self.event_to_child(server, event)
        else:  # pragma: no cover - nothing else comes to a reverse proxy
            raise TypeError(f"unexpected event: {event}")

    def event_to_child(self, child: layer.Layer, event: events.Event) -> Commands:
        """Let a part handle an event; what it tells another part goes there at once, what it tells the engine goes up."""
        command: Any
        for command in child.handle_event(event):
            kind = type(command)
            if command.blocking or kind is commands.RequestWakeup:
                self.command_sources[command] = child  # its completion comes back to this part
            if kind is ReceiveHttp:
                message = command.event
                if type(message) is RequestHeaders:
                    self.streams[message.stream_id] = GateHttpStream(fork(self.context), message.stream_id, self._session)
                if (stream := self.streams.get(message.stream_id)) is not None:  # else the call is over
                    yield from self.event_to_child(stream, message)
            elif kind is SendHttp:
                yield from self.event_to_child(self.connections[command.connection], command.event)
            elif kind is DropStream:
                self._drop(command.stream_id)
            elif kind is GetHttpConnection:
                yield from self.get_connection(command)
            elif kind is RegisterHttpConnection:
                yield from self.register_connection(command)
            else:
                if kind is commands.OpenConnection:
                    self.connections[command.connection] = child
                yield command

    def _drop(self, stream_id: int) -> None:
        stream = self.streams.pop(stream_id, None)
        if stream is not None:
            stream.take_apart()

    def get_connection(self, event: GetHttpConnection, *, reuse: bool = True) -> Commands:
        """The backend connection that this client connection has and may use again, or a new one."""
        for connection in [c for c in self.connections if isinstance(c, Server)]:
            if reuse and connection.connected and event.connection_spec_matches(connection):
                completed = GetHttpConnectionCompleted(event, (connection, None))
                yield from self.event_to_child(self.command_sources.pop(event), completed)
                return
            if connection.state is ConnectionState.CLOSED:
                del self.connections[connection]  # a backend may close after each answer, and a client may stay for days
        ctx = fork(self.context)
        ctx.server = Server(address=event.address)
        self.connections[ctx.server] = backend = BackendConnection(ctx, self._entry.max_answer_bytes)
        self.waiting_for_establishment[ctx.server].append(event)
        yield from self.event_to_child(backend, events.Start())


def fork(of: context.Context) -> context.Context:
    """A context of its own for one part; the engine's way makes a backend connection for each and throws it away."""
    forked = context.Context.__new__(context.Context)
    forked.client, forked.server, forked.options, forked.layers = of.client, of.server, of.options, of.layers.copy()
    return forked
