"""TLS of the listeners: a client certificate is demanded and verified in the handshake (control C1).

Nothing hangs on a hook here: the layer makes its OpenSSL connection itself, because an addon hook that raises would let
the connection go on (docs/engine.md).
"""

import contextlib
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from mitmproxy.proxy import commands, context
from mitmproxy.proxy.layers.tls import TLSLayer
from mitmproxy.proxy.tunnel import TunnelLayer
from OpenSSL import SSL, crypto

from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.session import Entry, HandshakeNotes, Session
from gateway_addons.core.trust import TrustMaterial
from gateway_addons.settings.listener import ServerIdentity

CIPHERS_TLS12 = (
    b"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:"
    b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:@SECLEVEL=2"
)
"""Forward secrecy and authenticated encryption only, as the ANSSI TLS guide (v1.2, R7-R10) asks."""

MAX_CHAIN_LENGTH = 4
"""Certificates between leaf and anchor that are followed at most."""

# X509_V_ERR_*: openssl/x509_vfy.h
_FAILURES = {9: "not_yet_valid", 10: "expired", 23: "revoked", 26: "usage",
             3: "revocation_unknown", 11: "revocation_unknown", 12: "revocation_unknown", 8: "revocation_unknown"}
_CRL_HAS_EXPIRED = 12


def server_context(identity: ServerIdentity, trust: TrustMaterial, *, refusal: str) -> SSL.Context:
    """The OpenSSL context of one listener. `refusal` is `alert` or `answer` (see `settings.ClientTrust`).

    Raises:
        OpenSSL.SSL.Error, OpenSSL.crypto.Error, ValueError: a file that cannot be used; the listener does not start.
    """
    tls = SSL.Context(SSL.TLS_SERVER_METHOD)
    tls.set_min_proto_version(SSL.TLS1_2_VERSION)
    tls.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_TICKET)
    tls.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    tls.set_cipher_list(CIPHERS_TLS12)
    tls.use_certificate_chain_file(str(identity.certificate_file))
    tls.use_privatekey_file(str(identity.key_file))
    tls.check_privatekey()
    tls.set_alpn_select_callback(_select_http11)
    _demand_client_certificate(tls, trust, refusal)
    return tls


def _demand_client_certificate(tls: SSL.Context, trust: TrustMaterial, refusal: str) -> None:
    store = tls.get_cert_store()
    if store is None:  # pragma: no cover - pyOpenSSL's signature allows it
        raise ValueError("no certificate store")
    for anchor in trust.anchors:
        store.add_cert(crypto.X509.from_cryptography(anchor))
    for revocation_list in trust.crls:
        store.add_crl(revocation_list)
    flags = crypto.X509StoreFlags
    store.set_flags(flags.CRL_CHECK | flags.CRL_CHECK_ALL | flags.X509_STRICT)
    tls.set_client_ca_list([crypto.X509.from_cryptography(a).get_subject() for a in trust.anchors])
    tls.set_verify_depth(MAX_CHAIN_LENGTH)
    mode = SSL.VERIFY_PEER | (SSL.VERIFY_FAIL_IF_NO_PEER_CERT if refusal == "alert" else 0)
    grace = timedelta(seconds=trust.crl_grace_s)

    def verify(connection: SSL.Connection, certificate: crypto.X509, error: int, depth: int, ok: int) -> bool:
        """Note every failure; `answer` lets the handshake go on with the failure noted, so that policy refuses."""
        if ok or (error == _CRL_HAS_EXPIRED and _within_grace(certificate, trust, grace)):
            return True
        notes = connection.get_app_data()
        notes.failures.append(_FAILURES.get(error, "chain"))
        return refusal == "answer"

    tls.set_verify(mode, verify)


def _within_grace(certificate: crypto.X509, trust: TrustMaterial, grace: timedelta) -> bool:
    """Is the revocation list of this certificate's issuer past `nextUpdate` by no more than the configured grace?"""
    if not grace:
        return False
    issuer = certificate.to_cryptography().issuer
    updates = [c.next_update_utc for c in trust.crls if c.issuer == issuer]
    return bool(updates) and all(u is not None and datetime.now(UTC) <= u + grace for u in updates)


def _select_http11(_: SSL.Connection, offered: list[bytes]) -> bytes | Any:
    return b"http/1.1" if b"http/1.1" in offered else SSL.NO_OVERLAPPING_PROTOCOLS


class ClientTls(TLSLayer):
    """The TLS layer of one client connection; fills in the `Session`."""

    def __init__(self, ctx: context.Context, entry: Entry, session: Session) -> None:
        super().__init__(ctx, ctx.client)
        self._entry = entry
        self._session = session
        self._notes = HandshakeNotes()
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

        The flight that ends the handshake may carry the request's first bytes too, so the bound is on a handshake that
        is not over yet; one read of the socket (64 KiB) may come on top of it.
        """
        self._received_bytes += len(data)
        done, error = yield from super().receive_handshake_data(data)
        if done:
            self._fill_session()
        elif error is None and self._received_bytes > self._entry.limits.max_handshake_bytes:
            return False, "handshake too large"
        return done, error

    def _fill_session(self) -> None:
        leaf = self.tls.get_peer_certificate()
        name = self.tls.get_servername()
        self._session.sni = name.decode("ascii", "replace").lower() if name else None
        self.conn.sni = self._session.sni
        if leaf is None:
            return
        self._session.leaf_der = leaf.to_cryptography().public_bytes(Encoding.DER)
        if self._notes.failures:
            self._session.failure = self._notes.failures[0]
        else:
            self._session.failure = None if self.tls.get_verified_chain() else "chain"

    def on_handshake_error(self, err: str) -> Generator[commands.Command, Any, None]:
        """Send the TLS alert that OpenSSL prepared before closing; the engine alone would close in silence."""
        if self._notes.failures:
            err = f"client certificate refused: {self._notes.failures[0]}"
        self.conn.error = err
        if self.tls:
            yield from self.tls_interact()
        yield from TLSLayer.on_handshake_error(self, err)

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
