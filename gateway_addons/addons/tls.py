"""TLS of the listeners: a client certificate is demanded and verified in the handshake (control C1).

Nothing hangs on a hook here: the layer makes its OpenSSL connection itself, because an addon hook that raises would let
the connection go on (docs/engine.md).
"""

import contextlib
from collections.abc import Generator
from typing import Any

from mitmproxy.proxy import commands, context
from mitmproxy.proxy.layers.tls import TLSLayer
from mitmproxy.proxy.tunnel import TunnelLayer
from OpenSSL import SSL

from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.session import Entry, HandshakeNotes, Session

_MORE_THAN_A_RECORD = 20_000


class ClientTls(TLSLayer):
    """The TLS layer of one client connection; fills in the `Session`."""

    def __init__(self, ctx: context.Context, entry: Entry, session: Session) -> None:
        super().__init__(ctx, ctx.client)
        self._entry = entry
        self._session = session
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

    def send_data(self, data: bytes) -> Generator[commands.Command, Any, None]:
        """Nothing is said after close_notify."""
        if not self._closed_by_us:
            yield from super().send_data(data)

    def send_close(self, command: commands.CloseConnection) -> Generator[commands.Command, Any, None]:
        """Say close_notify, once, before closing (RFC 8446 section 6.1)."""
        if not self._closed_by_us:
            self._closed_by_us = True
            with contextlib.suppress(SSL.Error):  # a handshake that failed has nothing to close
                self.tls.shutdown()
            yield from self.tls_interact()
        yield from TunnelLayer.send_close(self, command)
