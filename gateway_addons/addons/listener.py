"""The listeners: one for each environment, TLS only, with their layers built in place of the engine's own choice.

The engine asks a `next_layer` hook what to speak on a connection, and falls back to plaintext HTTP. Here the layers are
fixed at once: TLS with a client certificate, then HTTP/1.1. There is nothing to fall back to.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from mitmproxy import ctx, options
from mitmproxy.addons import core, errorcheck, proxyserver
from mitmproxy.proxy import commands, context, events, layer, mode_servers, mode_specs
from mitmproxy.utils import asyncio_utils
from prometheus_client import CollectorRegistry

from gateway_addons.addons.brake import AddressBrake
from gateway_addons.addons.connection import GateConnection
from gateway_addons.addons.connection_end import SendingWatch, close_what_is_left, end_unfinished_handshake
from gateway_addons.addons.hooks import CachedHooks
from gateway_addons.addons.http_layer import GateHttpLayer
from gateway_addons.addons.own_engine import SAFE_OPTIONS, OwnEngine
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.proxy_protocol import observe
from gateway_addons.addons.session import Entry, Session
from gateway_addons.addons.tls import ClientTls
from gateway_addons.core.bounds import BodyBudget, ConnectionCounts, source_of
from gateway_addons.core.evidence.address import ObservedAddress
from gateway_addons.core.proxy_protocol import ProxyHeaderRefused
from gateway_addons.settings.brake import Brake

BACKLOG = 1024
"""Connections that the kernel holds for a worker that is not quick enough, or that is being replaced."""

Listening = Mapping[str, Sequence[socket.socket]]
"""Sockets that listen already, by environment; the supervisor's, shared with the worker that was here before."""


class PoterneMode(mode_specs.ProxyMode):
    """The engine's name for a listener: `poterne:<environment>@<host>:<port>`."""

    description = "Poterne"
    transport_protocol = mode_specs.TCP

    def __post_init__(self) -> None:
        if not self.data:
            raise ValueError("the environment is missing")


class GateMaster(OwnEngine):
    """The engine with nothing in it but what the gateway needs.

    `entries` tells each listener how to build its layers; `listening` has its sockets (where it has none, it binds its
    own). All entries share one `Drain`.
    """

    def __init__(self, entries: Mapping[str, Entry], addons: list[object], in_flight: Callable[[], int],
                 listening: Listening | None = None, brake: AddressBrake | None = None) -> None:
        super().__init__(options.Options(), with_termlog=False)
        self.addons = CachedHooks(self)
        self.entries = entries
        self.in_flight = in_flight
        self.listening = listening or {}
        self.serving = asyncio.Event()
        limits = next(iter(entries.values())).limits
        self.connections = ConnectionCounts(limits.max_connections, limits.max_connections_per_address)
        self.bodies = BodyBudget(limits.max_buffered_bytes)
        self.brake = brake or AddressBrake(Brake(), CollectorRegistry())
        own = [core.Core(), proxyserver.Proxyserver(), *addons, self.brake, errorcheck.ErrorCheck()]
        self.addons.add(*own)  # type: ignore[no-untyped-call]

    async def run(self) -> None:
        """The engine's own, without its eager task factory: uvloop on CPython 3.13.0 does not accept it, and hooks are
        started eagerly all the same (`connection.py`).
        """
        check, server = self.addons.get("errorcheck"), self.addons.get("proxyserver")
        with asyncio_utils.install_exception_handler(self._asyncio_exception_handler):
            self.should_exit.clear()
            await check.shutdown_if_errored()
            await server.setup_servers()
            await check.shutdown_if_errored()
            try:
                await self.running()
                await check.shutdown_if_errored()
                check.finish()
                await self.should_exit.wait()
            finally:
                await self.done()

    def refused_connection(self, environment: str, peer: Any, reason: str) -> None:
        """A connection that ended before TLS: whoever watches is told."""
        trace = self.addons.get("trace")
        if trace is not None:
            trace.connection_refused(environment, peer[0] if peer else None, reason)

    async def running(self) -> None:
        """The engine calls this when every listener accepts connections."""
        await super().running()
        self.serving.set()

    def listen(self, modes: list[str]) -> None:
        """Configure the engine; every unsafe default that is left is turned off by name."""
        logging.getLogger("mitmproxy.addons.proxyserver").setLevel(logging.ERROR)  # it misses the hook that is not wanted
        self.options.update(mode=modes, **SAFE_OPTIONS)

    async def drain_and_stop(self, calls_s: float, idle_s: float = 0.0) -> None:
        """Accept nothing more, let every connection end by itself, then stop.

        Calls in flight have `calls_s` to finish; each connection ends after its next answer, an idle one after `idle_s`.
        """
        server = self.addons.get("proxyserver")
        await server.servers.update([])
        for entry in self.entries.values():
            entry.drain.begin(idle_s)
        now = asyncio.get_running_loop().time
        deadline = now() + max(calls_s, idle_s)
        while now() < deadline and (self.in_flight() or server.connections):
            await asyncio.sleep(0.05)
        self.shutdown()  # type: ignore[no-untyped-call]


class PoterneInstance(mode_servers.AsyncioServerInstance[PoterneMode]):
    """One listening socket."""

    def make_top_layer(self, context: context.Context) -> NoReturn:
        """The engine's way to ask for layers; `handle_stream` has its own."""
        raise RuntimeError("the layers of a connection are made with its sockets")

    def layers(self, context: context.Context, wire: GateConnection, address: ObservedAddress) -> "Entrance":
        """The layers of one new connection; `address` is what a balancer in front said of it."""
        master, peer = _master(), context.client.peername
        account = master.bodies.account(source_of(address.source or (peer[0] if peer else "")))
        entry = master.entries[self.mode.data]
        return Entrance(context, wire, entry, Session(self.mode.data, account, address=address))

    async def listen(self, host: str, port: int) -> list[Any]:
        """Accept from the sockets that were handed over, or bind; a failure ends the start (ErrorCheck)."""
        handed = _master().listening.get(self.mode.data)
        if handed is None:
            return [await asyncio.start_server(self.handle_stream, host, port, backlog=BACKLOG)]
        return [await asyncio.start_server(self.handle_stream, sock=s, backlog=BACKLOG) for s in handed]

    async def handle_stream(self, reader: Any, writer: Any = None) -> None:
        """Serve one connection, unless there are too many, in all or from its address."""
        counts, entry = _master().connections, _master().entries[self.mode.data]
        peer = writer.get_extra_info("peername")
        try:
            reader, address = await observe(reader, peer[0] if peer else None, entry.balancers)
        except ProxyHeaderRefused as e:
            _master().refused_connection(self.mode.data, peer, str(e))
            writer.transport.abort()
            return
        source = source_of(address.source or "")
        if not counts.enter(source):
            writer.transport.abort()
            return
        try:
            await self._serve(reader, writer, source, replace(address, proxies=entry.proxies))
        finally:
            counts.leave(source)

    async def _serve(self, reader: Any, writer: Any, source: str, address: ObservedAddress) -> None:
        """Serve within the bounds on a handshake's time and on how long the client may leave an answer untaken."""
        limits = _master().entries[self.mode.data].limits
        handler = GateConnection(ctx.master, reader, writer, ctx.options, self.mode)
        brake, connection_id = _master().brake, handler.client.id
        if not await brake.turn(source, connection_id, limits.handshake_timeout_s):
            writer.transport.abort()
            return
        handler.layer = entrance = self.layers(handler.layer.context, handler, address)
        deadline = asyncio.get_running_loop().call_later(limits.handshake_timeout_s, end_unfinished_handshake, handler, writer)
        sending = SendingWatch(writer.transport, limits.send_timeout_s)
        try:
            with self.manager.register_connection(handler.client.id, handler):
                await handler.handle_client()
        finally:
            deadline.cancel()
            sending.stop()
            brake.over(connection_id)
            entrance.over()
            close_what_is_left(handler, writer)


def _master() -> GateMaster:
    master = ctx.master
    if not isinstance(master, GateMaster):
        raise RuntimeError("Poterne's listener runs in Poterne's own engine only")
    return master


class Entrance(layer.Layer):
    """The first layer of a connection: knows the backend, then hands over to TLS and HTTP for good."""

    def __init__(self, ctx_: context.Context, wire: GateConnection, entry: Entry, session: Session) -> None:
        super().__init__(ctx_)
        self._wire, self._entry, self.session = wire, entry, session
        self._tls: ClientTls | None = None
        self.http: GateHttpLayer | None = None

    def over(self) -> None:
        """The connection has ended: what it held of the memory of all is free."""
        self.session.bodies.free()
        if self._tls is not None:
            self._tls.forget()

    def _handle_event(self, event: events.Event) -> Generator[commands.Command, Any, None]:
        if not isinstance(event, events.Start):  # pragma: no cover - the engine starts a layer first
            raise TypeError("the entrance must be started first")
        self.context.server.address = self._entry.backend
        self._tls = tls = ClientTls(self.context, self._entry, self.session, self._wire)
        self.http = GateHttpLayer(self.context, self._entry, self.session, self._wire, tls)
        tls.child_layer = self.http  # type: ignore[assignment]
        self._handle_event = self.handle_event = tls.handle_event  # type: ignore[method-assign,assignment]
        yield from tls.handle_event(event)
