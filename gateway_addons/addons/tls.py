"""TLS of the listeners: a client certificate is demanded and verified in the handshake (control C1).

Nothing hangs on a hook here: the layer makes its OpenSSL connection itself, because an addon hook that raises would let
the connection go on (docs/engine.md).
"""

import contextlib
import logging
from collections.abc import Generator, Iterable
from typing import Any

from mitmproxy.connection import ConnectionState
from mitmproxy.proxy import commands, context, events
from mitmproxy.proxy.layers.tls import TLSLayer
from mitmproxy.proxy.tunnel import TunnelState
from OpenSSL import SSL

from gateway_addons.addons.connection import GateConnection
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.session import Entry, HandshakeNotes, Session

_MORE_THAN_A_RECORD = 20_000
MAX_READ_BYTES = 65_535


class ClientTls(TLSLayer):
    """The TLS layer of one client connection; fills in the `Session`."""

    def __init__(self, ctx: context.Context, entry: Entry, session: Session, wire: GateConnection) -> None:
        super().__init__(ctx, ctx.client)
        self._entry, self._session, self._wire = entry, session, wire
        self._notes = HandshakeNotes(source=session.address.source if session.address else None)
        self._received_bytes = 0
        self._closed_by_us = False

    def start_handshake(self) -> Generator[commands.Command, Any, None]:
        """Accept with the context that is current now; a reload serves the next connection."""
        self.tls = SSL.Connection(self._entry.tls_context())
        self.tls.set_app_data(self._notes)
        self.tls.set_accept_state()
        yield from ()

    def receive_handshake_data(self, data: bytes) -> Generator[commands.Command, Any, tuple[bool, str | None]]:
        """Let OpenSSL read, and bound what a client may send before it is authenticated.

        OpenSSL is given no byte beyond the bound while the handshake is not over; what comes after it in the same read are
        the request's first bytes.
        """
        within = max(0, self._entry.limits.max_handshake_bytes - self._received_bytes)
        self._received_bytes += len(data)
        done, error = yield from super().receive_handshake_data(data[:within])
        if done:
            self._fill_session()
            if data[within:]:
                yield from self.receive_data(data[within:])
        elif error is None and data[within:]:
            self._provoke_alert()
            return False, "handshake too large"
        return done, error

    def _provoke_alert(self) -> None:
        """OpenSSL has no way to send a chosen alert: a record of zeros makes it end the handshake with one of its own."""
        self.tls.bio_write(bytes(_MORE_THAN_A_RECORD))
        with contextlib.suppress(SSL.Error):
            self.tls.do_handshake()

    def _fill_session(self) -> None:
        name = self.tls.get_servername()
        self._session.sni = name.decode("ascii", "replace").lower() if name else None
        self.conn.sni = self._session.sni
        if self._notes.leaf_der is None:
            return
        self._session.leaf_der = self._notes.leaf_der
        if self._notes.path is None:
            self._session.failure = self._notes.refused.failure if self._notes.refused else "chain"
            return
        self._session.failure, self._session.links = None, self._notes.path.links

    def on_handshake_error(self, err: str) -> Generator[commands.Command, Any, None]:
        """Send the TLS alert that OpenSSL prepared before closing; the engine alone would close in silence."""
        if self._notes.refused:
            err = f"client certificate refused: {self._notes.refused}"
        self.conn.error = err
        if self.tls:
            yield from self.tls_interact()
        yield from TLSLayer.on_handshake_error(self, err)

    def forget(self) -> None:
        """The connection is over: OpenSSL's memory goes now, not when cycles are looked for; what is still said is not sent."""
        self._closed_by_us = True
        self.tls = None  # type: ignore[assignment]

    # --- once the handshake is over: plain calls, no chain of generators ---

    def handle_event(self, event: events.Event) -> Iterable[commands.Command]:  # type: ignore[override]
        """The engine's way until the handshake is over; then bytes are decrypted and handed on at once."""
        if self.tunnel_state is not TunnelState.OPEN and self.tunnel_state is not TunnelState.CLOSED:
            return super().handle_event(event)
        if isinstance(event, events.ConnectionEvent) and event.connection is self.conn:
            if isinstance(event, events.DataReceived):
                self._receive(event.data)
            else:
                self._closed()
        else:
            self.child_layer.handle_event(event)
        return ()

    def _receive(self, data: bytes) -> None:
        received, close = self._decrypt(data)
        self._send_records()  # what OpenSSL answers by itself: a key update, an alert
        if received:
            self.child_layer.handle_event(events.DataReceived(self.conn, received))
        if close:
            self.conn.state &= ~ConnectionState.CAN_READ
            self.child_layer.handle_event(events.ConnectionClosed(self.conn))

    def _decrypt(self, data: bytes) -> tuple[bytes, bool]:
        """What the records say, and whether the client said that it is done (close_notify)."""
        self.tls.bio_write(data)
        received = []
        try:
            while unread(self.tls):
                received.append(self.tls.recv(MAX_READ_BYTES))
        except SSL.WantReadError:  # the last record is not whole
            pass
        except SSL.ZeroReturnError:
            return b"".join(received), True
        except SSL.Error as e:
            self._wire.log(f"TLS Error: {e}", logging.WARNING)
        return b"".join(received), False

    def _closed(self) -> None:
        open_until_now = self.tunnel_state is TunnelState.OPEN
        self.tunnel_state = TunnelState.CLOSED
        if open_until_now and not self.tls.get_shutdown() & SSL.RECEIVED_SHUTDOWN:  # else it was said already
            self.child_layer.handle_event(events.ConnectionClosed(self.conn))

    def _send_records(self) -> None:
        while unsent(self.tls):
            self._wire.write(self.conn, self.tls.bio_read(MAX_READ_BYTES))

    def send(self, data: bytes) -> None:
        """Encrypt and send; nothing is said after close_notify."""
        if self._closed_by_us:
            return
        try:  # noqa: SIM105 - of every call, and there is seldom anything to suppress
            self.tls.sendall(data)
        except (SSL.ZeroReturnError, SSL.SysCallError):  # the client may still be sending, and is not answered
            pass
        self._send_records()

    def close(self, *, half: bool = False) -> None:
        """Say close_notify, once, before closing (RFC 8446 section 6.1)."""
        if not self._closed_by_us:
            self._closed_by_us = True
            with contextlib.suppress(SSL.Error):  # a handshake that failed has nothing to close
                self.tls.shutdown()
            self._send_records()
        self._wire.execute(commands.CloseTcpConnection(self.conn, half_close=half))


# --- bytes that wait in OpenSSL's buffers; asked before reading, since pyOpenSSL says "nothing" by an exception ---

_lib: Any = SSL._lib  # type: ignore[attr-defined]
_start_of_data: Any = SSL._ffi.new("char **")  # type: ignore[attr-defined]


def unread(tls: SSL.Connection) -> bool:
    """Whether bytes from the peer wait to be decrypted."""
    return bool(_lib.BIO_get_mem_data(tls._into_ssl, _start_of_data) > 0)


def unsent(tls: SSL.Connection) -> bool:
    """Whether records wait to be sent."""
    return bool(_lib.BIO_get_mem_data(tls._from_ssl, _start_of_data) > 0)
