"""The OpenSSL context of a listener: what it speaks, what it shows, whom it asks for (ANSSI guide on TLS, v1.2; RFC 9325)."""

from typing import Any, cast

from OpenSSL import SSL, crypto

from gateway_addons.addons.client_verify import PathValidation, demand_certificate
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.core.server_identity import ServerMaterial
from gateway_addons.core.trust import TrustMaterial

SUITES_TLS13 = b"TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"
SUITES_TLS12 = (
    b"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:"
    b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:@SECLEVEL=2"
)
"""Forward secrecy and authenticated encryption only (R7 to R10)."""

GROUPS = b"X25519MLKEM768:X25519:P-256:P-384:P-521"
"""The guide's curves (R11), and before them the hybrid with ML-KEM, for clients that have it."""

SIGNATURES = (
    b"ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512:rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:"
    b"rsa_pss_rsae_sha512:rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:"
    b"rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512"
)
"""No SHA-1, no SHA-224, no DSA (R12). PKCS#1 v1.5 is for TLS 1.2 and for signatures in certificates only."""

_NO_CHECK_TIME = 0x200000  # openssl/x509_vfy.h: dates are judged by path validation, on one clock

_lib: Any = SSL._lib  # type: ignore[attr-defined]


def server_context(shown: ServerMaterial, trust: TrustMaterial, validate: PathValidation, *, refusal: str) -> SSL.Context:
    """The context of one listener. `refusal` is `alert` or `answer` (see `settings.listener.ClientTrust`).

    Raises:
        OpenSSL.SSL.Error, ValueError: what OpenSSL does not take; the listener does not start.
    """
    tls = SSL.Context(SSL.TLS_SERVER_METHOD)
    _speak_only(tls)
    leaf, *above = shown.chain
    tls.use_certificate(leaf)
    for authority in above:
        tls.add_extra_chain_cert(authority)
    tls.use_privatekey(cast(Any, shown.key))
    tls.check_privatekey()
    _know_authorities(tls, trust)
    demand_certificate(tls, validate, refusal=refusal)
    return tls


def _speak_only(tls: SSL.Context) -> None:
    """TLS 1.2 and 1.3 without compression, renegotiation, tickets, resumption or early data; HTTP/1.1 only."""
    tls.set_min_proto_version(SSL.TLS1_2_VERSION)
    tls.set_max_proto_version(SSL.TLS1_3_VERSION)
    tls.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_TICKET)
    tls.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    tls.set_cipher_list(SUITES_TLS12)
    tls.set_tls13_ciphersuites(SUITES_TLS13)
    if _lib.SSL_CTX_set1_curves_list(tls._context, GROUPS) != 1:
        raise ValueError("this OpenSSL does not know the groups of the listener")
    if _lib.SSL_CTX_set1_sigalgs_list(tls._context, SIGNATURES) != 1:
        raise ValueError("this OpenSSL does not know the signature algorithms of the listener")
    _lib.SSL_CTX_set_max_early_data(tls._context, 0)
    tls.set_alpn_select_callback(_select_http11)


def _know_authorities(tls: SSL.Context, trust: TrustMaterial) -> None:
    """What OpenSSL builds the path from in the handshake. It is a first net: `validate` judges, revocation too."""
    store = tls.get_cert_store()
    if store is None:  # pragma: no cover - pyOpenSSL's signature allows it
        raise ValueError("no certificate store")
    authorities = (*trust.anchors, *trust.intermediates, *trust.self_signed.values())
    flags = crypto.X509StoreFlags.X509_STRICT | _NO_CHECK_TIME
    if any(a.issuer != a.subject for a in trust.anchors):
        flags |= crypto.X509StoreFlags.PARTIAL_CHAIN
    for authority in authorities:
        store.add_cert(crypto.X509.from_cryptography(authority))
    store.set_flags(flags)
    tls.set_client_ca_list([crypto.X509.from_cryptography(a).get_subject() for a in authorities])
    tls.set_verify_depth(trust.rules.max_depth)


def _select_http11(_: SSL.Connection, offered: list[bytes]) -> bytes:
    """HTTP/1.1, or the alert `no_application_protocol` (RFC 7301 section 3.2).

    pyOpenSSL's `NO_OVERLAPPING_PROTOCOLS` would let the handshake go on without a protocol; what a callback raises is the alert.
    """
    if b"http/1.1" not in offered:
        raise SSL.Error([("SSL routines", "", "no application protocol")])
    return b"http/1.1"
