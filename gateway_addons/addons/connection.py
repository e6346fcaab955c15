"""One client connection and its backend connection: the engine's event loop without its per-event tasks and locks.

The engine starts a task for every hook and takes a lock for every event. Here an event is handled at once, events that
come up meanwhile wait in a queue, and a hook becomes a task only when it has to wait for something.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from mitmproxy import connection
from mitmproxy.connection import ConnectionState
from mitmproxy.proxy import commands, events, mode_servers, server
from mitmproxy.utils import asyncio_utils

from gateway_addons.addons.hooks import CachedHooks
from gateway_addons.addons.incoming import Incoming
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end

MAX_UNSENT_BYTES = 64 * 1024
"""While more than this waits to be sent on either side, nothing more is read."""

CONNECT_TIMEOUT_S = 5.0
"""How long the backend may take to accept a connection; the system's own patience is of minutes."""


class GateConnection(mode_servers.ProxyConnectionHandler):
    """The engine's handler of one client connection."""

    def __init__(self, master: Any, reader: Any, writer: Any, options: Any, mode: Any) -> None:
        super().__init__(master, reader, writer, options, mode)  # type: ignore[no-untyped-call]
        self._hooks: CachedHooks = master.addons
        self._loop = asyncio.get_running_loop()
        self._turns: deque[tuple[Callable[[Any], None], Any]] = deque()
        self._busy = False
        self._hook_tasks: set[asyncio.Task[None]] = set()
        self._unsent: set[Incoming] = set()

    async def server_event(self, event: events.Event) -> None:
        """What the engine calls for everything that happens on its connections."""
        self.in_turn(self._handle, event)

    def in_turn(self, action: Callable[[Any], None], argument: Any) -> None:
        """Do something now or, when something is being done, right after it."""
        if self._busy:
            self._turns.append((action, argument))
            return
        self._busy = True
        try:
            self._do(action, argument)
            while self._turns:
                self._do(*self._turns.popleft())
        finally:
            self._busy = False

    def _do(self, action: Callable[[Any], None], argument: Any) -> None:
        try:
            action(argument)
        except Exception as e:  # noqa: BLE001 - as the engine does; whatever is left of the call is refused (http_server)
            self.log(f"the layers failed: {e!r}", 40, exc_info=True)

    def _handle(self, event: events.Event) -> None:
        for command in self.layer.handle_event(event):
            self.execute(command)

    # --- what the layers ask for ---

    def write(self, conn: connection.Connection, data: bytes) -> None:
        """Send bytes as they are, unless the connection is over."""
        io = self.transports.get(conn)
        if io is not None and io.writer is not None and not io.writer.is_closing():
            io.writer.write(data)

    def execute(self, command: commands.Command) -> None:
        """Do what a layer of the engine asks for."""
        if isinstance(command, commands.SendData):
            self.write(command.connection, command.data)
        elif isinstance(command, commands.StartHook):
            self.start_hook(command.name, command.args(), lambda _: self._handle(events.HookCompleted(command)))
        elif isinstance(command, commands.OpenConnection):
            self._open(command)
        elif isinstance(command, commands.Log):
            self.log(command.message, command.level)
        elif isinstance(command, commands.CloseConnection):
            if command.connection in self.transports:
                self.close_connection(command.connection, isinstance(command, commands.CloseTcpConnection) and command.half_close)
        else:  # pragma: no cover - nothing else is asked for
            raise RuntimeError(f"unexpected command: {command}")

    def _open(self, command: commands.OpenConnection) -> None:
        handler = asyncio_utils.create_task(self.open_connection(command), name="backend connection", keep_ref=True)
        self.transports[command.connection] = server.ConnectionIO(handler=handler)
        if isinstance(command.connection, connection.Server):
            self._loop.call_later(CONNECT_TIMEOUT_S, _end_unless_connected, command.connection, handler)

    # --- hooks ---

    def hears(self, name: str) -> bool:
        """Whether anybody listens to a hook."""
        return bool(self._hooks.listeners(name))

    def start_hook(self, name: str, arguments: Iterable[Any], then: Callable[[None], None]) -> None:
        """Call the listeners of a hook; when they are done, `then` has its turn."""
        task = asyncio.Task(self._hooks.tell(name, arguments), loop=self._loop, eager_start=True)
        if task.done():
            self._hook_over(task, then)
        else:
            self._hook_tasks.add(task)
            task.add_done_callback(lambda done: self._hook_over(done, then))

    def _hook_over(self, task: asyncio.Task[None], then: Callable[[None], None]) -> None:
        self._hook_tasks.discard(task)
        if not task.cancelled():
            self.in_turn(then, None)

    async def handle_hook(self, hook: commands.StartHook) -> None:
        """Hooks that the engine itself waits for: the beginning and end of connections."""
        await self._hooks.handle_lifecycle(hook)

    # --- time and flow control ---

    def later(self, delay_s: float, action: Callable[[None], None]) -> None:
        """Give `action` its turn after a time, unless the connection ends before."""
        def wake() -> None:
            self.wakeup_timer.discard(timer)
            self.in_turn(action, None)

        timer = self._loop.call_later(delay_s, wake)
        self.wakeup_timer.add(timer)  # type: ignore[arg-type]

    async def handle_connection(self, conn: connection.Connection) -> None:
        """Serve one connection to its end: as the engine does, but what comes is handed on as it comes."""
        io, cancelled = self.transports[conn], None
        transport: Any = io.writer.transport  # type: ignore[union-attr]
        transport.set_write_buffer_limits(high=MAX_UNSENT_BYTES)
        try:
            await Incoming(io.reader, transport, partial(self._receive, conn), self._hold).until_the_end()
            conn.state &= ~ConnectionState.CAN_READ
        except asyncio.CancelledError as e:
            conn.state, cancelled = ConnectionState.CLOSED, e
        self.in_turn(self._handle, events.ConnectionClosed(conn))
        if conn.state is ConnectionState.CAN_WRITE:  # something may still be said, until somebody closes it
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError as e:
                cancelled = e
        transport.close()
        del self.transports[conn]
        if cancelled is not None:
            raise cancelled

    def _receive(self, conn: connection.Connection, data: bytes) -> None:
        if conn.state is not ConnectionState.CLOSED:  # else it was closed in this very pass of the loop
            self.timeout_watchdog.register_activity()  # else the engine cuts it after a time
            self.in_turn(self._handle, events.DataReceived(conn, data))

    def _hold(self, who: Incoming, much_is_unsent: bool) -> None:
        """Read no more, on either side, while much waits to be sent."""
        if much_is_unsent == (who in self._unsent):
            return
        (self._unsent.add if much_is_unsent else self._unsent.remove)(who)
        for io in self.transports.values():
            if io.writer is not None:
                transport: Any = io.writer.transport  # type: ignore[union-attr]
                transport.pause_reading() if self._unsent else transport.resume_reading()


def _end_unless_connected(backend: connection.Server, handler: asyncio.Task[None]) -> None:
    if backend.timestamp_tcp_setup is None:
        handler.cancel("no connection in time")
