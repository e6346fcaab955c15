"""Path validation of a TLS client's certificates: the one entry point, which the running gateway itself uses.

    from gateway_addons.core.trust import read_trust
    from gateway_addons.adapters.trust.path_validation import verify_client_chain

    trust = read_trust(anchors_pem, [("ca.crl", crl_bytes)])
    path = verify_client_chain(leaf_der, [intermediate_der], trust, now)    # or PathRefused

Two verifiers in series: both must accept the same path. OpenSSL builds it, checks signatures, constraints and revocation
lists (delta lists too); it is lax on the syntax of name constraints. `cryptography.x509.verification` is strict there and
reads no lists. Between them stand the rules of `core.path_rules` (keys, signatures, form, usages),
`core.certificate_policies` (OpenSSL's own reading refuses any path that asks for a policy where no policy was configured) and
`core.trust` (revocation by our own reading of the lists).
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.x509 import verification
from OpenSSL import crypto

from gateway_addons.core.certificate_policies import PolicyBroken, check_policies
from gateway_addons.core.path import PathRefused, VerifiedPath, key_name, links_of
from gateway_addons.core.path_rules import (
    check_authorities_usage,
    check_certificate,
    check_dates,
    check_usage,
    moment_within,
    read_certificate,
)
from gateway_addons.core.trust import TrustMaterial

_FLAGS = crypto.X509StoreFlags
_NO_CHECK_TIME = 0x200000
_EXTENDED_CRL_SUPPORT = 0x1000
_USE_DELTAS = 0x2000
"""openssl/x509_vfy.h; pyOpenSSL does not name them."""

_REVOKED = 23
_RULES = {2: "unknown_issuer", 18: "unknown_issuer", 19: "unknown_issuer", 20: "unknown_issuer", 21: "unknown_issuer",
          7: "signature", 22: "path_length", 25: "path_length", 24: "basic_constraints", 79: "basic_constraints",
          32: "key_usage", 34: "critical_extension", 47: "name_constraints", 48: "name_constraints",
          51: "name_constraints", 52: "name_constraints", 53: "name_constraints"}
"""X509_V_ERR_* of OpenSSL to the name of a rule; any other is `openssl_<number>`."""


def verify_client_chain(leaf_der: bytes, intermediates_der: Sequence[bytes], trust: TrustMaterial, now: datetime) -> VerifiedPath:
    """The path from a client's certificate to a trust anchor, if there is one that every rule accepts at `now`.

    Args:
        leaf_der: the certificate whose key the TLS peer proved to hold, DER, as it was sent.
        intermediates_der: the other certificates that the peer sent, DER, in any order; junk and repetitions are borne
            within the bounds of `trust.rules`.
        trust: anchors, known intermediates, revocation lists and rules; see `core.trust.read_trust`.
        now: the time to judge at, aware.

    Returns:
        The verified path. Its `links` are to be looked at again for every call by `trust.status(link, now)`, and by OCSP
        where `link.issuer` is in `trust.online`: this function does no I/O.

    Raises:
        PathRefused: the only exception. `failure` says what policy and the alert say; `rule` which rule was broken. It is
            other than `chain` only when nothing else is wrong with the path, so that an authority is proven to have issued
            the certificate.
    """
    try:
        return _verify(leaf_der, intermediates_der, trust, now)
    except PathRefused:
        raise
    except Exception as e:
        raise PathRefused("chain", "malformed", f"{type(e).__name__}: {e}") from e


def _verify(leaf_der: bytes, intermediates_der: Sequence[bytes], trust: TrustMaterial, now: datetime) -> VerifiedPath:
    sent = _bounded(leaf_der, intermediates_der, trust)
    if (registered := trust.self_signed.get(leaf_der)) is not None:
        return _verify_by_itself(registered, trust, now)
    leaf, *others = (read_certificate(der) for der in sent)
    path = _built(leaf, (*others, *trust.intermediates), trust)
    check_certificate(leaf, is_authority=False)
    for position, certificate in enumerate(path[1:], start=1):
        check_certificate(certificate, is_authority=True, is_anchor=position == len(path) - 1)
    check_authorities_usage(path[1:-1])
    _check_policies(path, trust)
    _second_opinion(path, trust, moment_within(path, now))
    verified = VerifiedPath(path, links_of(path))
    # from here on all is well with the path but, perhaps, one thing that does not unmake who issued it
    check_usage(leaf, trust.rules)
    check_dates(path, now)
    _check_revocation(verified, trust, now)
    return verified


def _verify_by_itself(leaf: x509.Certificate, trust: TrustMaterial, now: datetime) -> VerifiedPath:
    """A self-signed certificate that an operator has registered, byte for byte (RFC 8705 section 2.2)."""
    check_certificate(leaf, is_authority=False)
    verified = VerifiedPath((leaf,), links_of((leaf, leaf)))
    check_usage(leaf, trust.rules)
    check_dates((leaf,), now)
    return verified


def _bounded(leaf_der: bytes, intermediates_der: Sequence[bytes], trust: TrustMaterial) -> list[bytes]:
    """Leaf, then the others once each, within the bounds: nothing is parsed before they are counted."""
    rules = trust.rules
    if len(intermediates_der) > rules.max_intermediates:
        raise PathRefused("chain", "too_many_certificates", f"{len(intermediates_der)}, at most {rules.max_intermediates}")
    if (size := len(leaf_der) + sum(map(len, intermediates_der))) > rules.max_bytes:
        raise PathRefused("chain", "too_many_bytes", f"{size}, at most {rules.max_bytes}")
    return [leaf_der, *dict.fromkeys(der for der in intermediates_der if der != leaf_der)]


def _built(leaf: x509.Certificate, others: Sequence[x509.Certificate], trust: TrustMaterial) -> tuple[x509.Certificate, ...]:
    """The path that OpenSSL builds and accepts, but for dates and revocation.

    OpenSSL does not turn back from a certificate whose issuer nobody knows. A client may send such a one beside the right
    one (cross-certificates of one authority), so it is left out, and the path is built again: as often as there are others.
    """
    left, store = list(others), _store(trust, lists=False)
    while True:
        try:
            path = _openssl(leaf, left, store)
            break
        except _OpensslRefused as e:
            if _RULES.get(e.number) != "unknown_issuer" or e.certificate not in left:
                raise PathRefused("chain", _RULES.get(e.number, f"openssl_{e.number}"), str(e)) from e
            left.remove(e.certificate)
    if len(path) - 2 > trust.rules.max_depth:
        raise PathRefused("chain", "path_length", f"{len(path) - 2} authorities, at most {trust.rules.max_depth}")
    if len(path) < 2:
        raise PathRefused("chain", "leaf_is_anchor", "the peer's certificate is itself a trust anchor")
    return path


@lru_cache(maxsize=8)
def _store(trust: TrustMaterial, *, lists: bool) -> crypto.X509Store:
    """Made once for each material. Dates are not OpenSSL's: they are judged at `now`, by one clock, in `core`."""
    store = crypto.X509Store()
    flags = _FLAGS.X509_STRICT | _NO_CHECK_TIME
    for anchor in trust.anchors:
        store.add_cert(crypto.X509.from_cryptography(anchor))
        if anchor.issuer != anchor.subject:
            flags |= _FLAGS.PARTIAL_CHAIN
    if lists:
        for one in trust.lists:
            store.add_crl(one.crl)
        flags |= _FLAGS.CRL_CHECK | _FLAGS.CRL_CHECK_ALL | _EXTENDED_CRL_SUPPORT | _USE_DELTAS
    store.set_flags(flags)
    return store


class _OpensslRefused(Exception):
    """OpenSSL's word: X509_V_ERR_* number, depth in the path, message, and the certificate that it is about."""

    def __init__(self, number: int, depth: int, message: str, certificate: x509.Certificate) -> None:
        super().__init__(f"{message}, at depth {depth}")
        self.number = number
        self.certificate = certificate


def _openssl(leaf: x509.Certificate, others: Sequence[x509.Certificate], store: crypto.X509Store,
             ) -> tuple[x509.Certificate, ...]:
    chain = [crypto.X509.from_cryptography(c) for c in others]
    try:
        path = crypto.X509StoreContext(store, crypto.X509.from_cryptography(leaf), chain).get_verified_chain()
    except crypto.X509StoreContextError as e:
        number, depth, message = e.errors
        raise _OpensslRefused(number, depth, message, e.certificate.to_cryptography()) from e
    return tuple(c.to_cryptography() for c in path)


def _check_policies(path: Sequence[x509.Certificate], trust: TrustMaterial) -> None:
    try:
        check_policies(path, trust.rules.required_policies)
    except PolicyBroken as e:
        raise PathRefused("chain", "policies", str(e)) from e


def _second_opinion(path: Sequence[x509.Certificate], trust: TrustMaterial, moment: datetime) -> None:
    """The same path, and no other, by `cryptography.x509.verification`; usages are judged in `core.path_rules`."""
    agnostic = verification.Criticality.AGNOSTIC
    authority = verification.ExtensionPolicy.webpki_defaults_ca().may_be_present(x509.ExtendedKeyUsage, agnostic, None)
    leaf = (verification.ExtensionPolicy.webpki_defaults_ee().may_be_present(x509.ExtendedKeyUsage, agnostic, None)
            .may_be_present(x509.SubjectAlternativeName, agnostic, None))
    verifier = (verification.PolicyBuilder().store(verification.Store([path[-1]])).time(moment.replace(tzinfo=None))
                .max_chain_depth(trust.rules.max_depth).extension_policies(ca_policy=authority, ee_policy=leaf)
                .build_client_verifier())
    try:
        verifier.verify(path[0], list(path[1:-1]))
    except verification.VerificationError as e:
        raise PathRefused("chain", "second_verifier", str(e)[:300]) from e


def _check_revocation(path: VerifiedPath, trust: TrustMaterial, now: datetime) -> None:
    """Every certificate below the anchor, by our own reading of the lists; then by OpenSSL's, where lists tell of all."""
    if trust.revocation == "unchecked":
        return
    states = [(link, trust.status(link, now)) for link in path.links]
    if any(state == "revoked" for _, state in states):
        raise PathRefused("revoked", "revocation", "a certificate of the path is revoked")
    if any(state != "good" and link.issuer not in trust.online for link, state in states):
        raise PathRefused("revocation_unknown", "revocation", "no current revocation list speaks of a certificate of the path")
    if all(key_name(c) not in trust.online for c in path.certificates):
        try:
            _openssl(path.leaf, path.certificates[1:-1], _store(trust, lists=True))
        except _OpensslRefused as e:
            raise PathRefused("revoked" if e.number == _REVOKED else "revocation_unknown", "revocation", str(e)) from e
