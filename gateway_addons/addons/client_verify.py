"""The client's certificate inside the handshake: OpenSSL asks, the one path validation answers, the alert tells why.

pyOpenSSL's own `set_verify` cannot tell OpenSSL the reason, so every refusal of ours would be the same alert. This module
therefore hands OpenSSL a callback of its own; the names of pyOpenSSL's inside that it uses are tested on the pinned version.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from OpenSSL import SSL, crypto

from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.session import HandshakeNotes
from gateway_addons.core.path import PathRefused, VerifiedPath

type PathValidation = Callable[[bytes, Sequence[bytes], datetime], VerifiedPath]
"""`adapters.trust.path_validation.verify_client_chain` with the trust of the listener."""

_lib: Any = SSL._lib  # type: ignore[attr-defined]
_ffi: Any = SSL._ffi  # type: ignore[attr-defined]

_OK, _SIGNATURE, _NOT_YET_VALID, _EXPIRED, _UNKNOWN_ISSUER, _REVOKED, _PURPOSE, _REJECTED, _LISTS = (
    0, 7, 9, 10, 20, 23, 26, 28, 54)
_BY_RULE = {"unknown_issuer": _UNKNOWN_ISSUER, "signature": _SIGNATURE, "authority_usage": _PURPOSE}
_BY_FAILURE = {"expired": _EXPIRED, "not_yet_valid": _NOT_YET_VALID, "revoked": _REVOKED, "usage": _PURPOSE,
               "chain": _REJECTED, "revocation_unknown": _LISTS}
"""X509_V_ERR_* that OpenSSL turns into the alert of RFC 8446 section 6.2: unknown_ca, decrypt_error,
unsupported_certificate; certificate_expired, bad_certificate, certificate_revoked, bad_certificate, certificate_unknown ("some
other issue")."""


def demand_certificate(tls: SSL.Context, validate: PathValidation, *, refusal: str) -> None:
    """Ask every client for a certificate and let `validate` judge it before the handshake ends.

    `refusal` is `alert` (the handshake fails) or `answer` (it goes on; the failure is noted in the connection's
    `HandshakeNotes`, and policy refuses every call).
    """
    answers = refusal == "answer"

    def judge(ok: int, store_context: Any) -> int:
        connection = _connection(store_context)
        notes = connection.get_app_data() if connection else None
        if not isinstance(notes, HandshakeNotes):
            return 0
        if not notes.judged:
            _judge(notes, store_context, validate)
        if notes.refused is None and not ok:
            notes.path, notes.refused = None, PathRefused(
                "chain", f"openssl_{_lib.X509_STORE_CTX_get_error(store_context)}", "OpenSSL refused it in the handshake")
        if notes.refused is None or answers:
            _lib.X509_STORE_CTX_set_error(store_context, _OK)
            return 1
        code = _BY_RULE.get(notes.refused.rule, _BY_FAILURE[notes.refused.failure])
        _lib.X509_STORE_CTX_set_error(store_context, code)
        return 0

    callback = _ffi.callback("int (*)(int, X509_STORE_CTX *)", judge, error=0)
    mode = SSL.VERIFY_PEER | (0 if answers else SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    _lib.SSL_CTX_set_verify(tls._context, mode, callback)
    tls._poterne_callback = callback  # type: ignore[attr-defined]  # lives as long as the context


def _judge(notes: HandshakeNotes, store_context: Any, validate: PathValidation) -> None:
    notes.judged = True
    try:
        notes.leaf_der, *others = _sent(store_context)
        notes.path = validate(notes.leaf_der, others, datetime.now(UTC))
    except PathRefused as refused:
        notes.refused = refused
    except Exception as e:  # noqa: BLE001 - whatever it is, nobody is let in by it
        notes.refused = PathRefused("chain", "fault", type(e).__name__)


def _connection(store_context: Any) -> SSL.Connection | None:
    ssl = _lib.X509_STORE_CTX_get_ex_data(store_context, _lib.SSL_get_ex_data_X509_STORE_CTX_idx())
    return SSL.Connection._reverse_mapping.get(ssl)


def _sent(store_context: Any) -> list[bytes]:
    """The leaf, then the issuers that OpenSSL found for it, in DER."""
    stack = _lib.X509_STORE_CTX_get1_chain(store_context)
    if stack == _ffi.NULL:
        leaf = _lib.X509_STORE_CTX_get0_cert(store_context)
        _lib.X509_up_ref(leaf)
        return [_der(leaf)]
    try:
        return [_der(_lib.sk_X509_value(stack, i)) for i in range(_lib.sk_X509_num(stack))]
    finally:
        _lib.sk_X509_free(stack)


def _der(pointer: Any) -> bytes:
    """Takes over the reference."""
    return crypto.dump_certificate(crypto.FILETYPE_ASN1, crypto.X509._from_raw_x509_ptr(pointer))
