"""What an environment trusts: authorities and their revocation lists, parsed and checked (control C1, RFC 5280)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from gateway_addons.core.path import Link, PathRules, PublicKeyName, key_name
from gateway_addons.core.path_rules import check_certificate
from gateway_addons.core.revocation_list import RevocationList, TrustError, read_list

__all__ = ["RevocationList", "TrustError", "TrustMaterial", "read_trust"]


MAX_TOLD = 4096
"""Certificates of which is remembered what the lists say; beyond, they are read again."""

_NEVER = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Told:
    """What the lists that speak of a certificate say: is it revoked, and from when until when are they all current?"""

    revoked: bool
    since: datetime
    until: datetime


@dataclass(frozen=True, eq=False)
class TrustMaterial:
    """What path validation is given, beside the certificates that the peer sends.

    `anchors` are trusted by themselves; `intermediates` only complete a path. `online` are the authorities whose
    certificates are asked for by OCSP: for them no list is needed, and the caller must ask. `revocation` is `unchecked`
    only for those who ask elsewhere (a corpus of test chains without lists); no setting of the gateway leads to it.
    """

    anchors: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...] = ()
    lists: tuple[RevocationList, ...] = ()
    crl_grace_s: float = 0
    rules: PathRules = field(default_factory=PathRules)
    self_signed: Mapping[bytes, x509.Certificate] = field(default_factory=dict)
    """Certificates that are admitted by themselves, by their DER (RFC 8705 section 2.2); no other certificate is by them."""
    online: frozenset[PublicKeyName] = frozenset()
    revocation: Literal["required", "unchecked"] = "required"
    _told: dict[tuple[object, ...], _Told] = field(init=False, default_factory=dict, repr=False)

    def status(self, link: Link, now: datetime) -> str:
        """`good`, `revoked` or `unknown` for one certificate, from the lists that speak of it.

        What any of them revokes is revoked. It is good only when a complete list speaks of it and every list that speaks
        of it, delta lists too, is current.
        """
        if link.der and link.der == link.issuer_der:  # self-signed: no list speaks of it, taking it out revokes it
            return "good" if link.der in self.self_signed else "revoked"
        asked = link.issuer, link.serial, link.is_authority, link.distribution_points  # all that a list is asked with
        told = self._told.get(asked)
        if told is None:
            if len(self._told) >= MAX_TOLD:
                self._told.clear()
            told = self._told[asked] = self._read_lists(link)
        if told.revoked:
            return "revoked"
        return "good" if told.since <= now <= told.until else "unknown"

    def _read_lists(self, link: Link) -> _Told:
        """What is as it is while this material is in use: other lists are another material, and dates are for `status`."""
        speaking = [r for r in self.lists if r.speaks_of(link)]
        complete = [r for r in speaking if r.delta_of is None]
        deltas = [r for r in speaking if r.delta_of is not None]
        revoked = any(_revoked(r, deltas, link.serial) for r in complete) or any(d.entries.get(link.serial) for d in deltas)
        newest = max(complete, key=lambda r: (r.number or 0, r.this_update), default=None)
        needed = [newest, *deltas] if newest is not None else []
        since, until = _NEVER if not needed else (
            max(r.this_update for r in needed), min(r.ends(self.crl_grace_s) for r in needed))
        return _Told(revoked, since, until)

    def after(self, old: "TrustMaterial") -> tuple["TrustMaterial", list[str]]:
        """The same material as the successor of `old`, and what is to be said of it.

        A list whose cRLNumber is lower than that of the list in use does not take its place (a restored backup, or an
        attack): the newer one stays in use beside it, so that what either revokes is revoked.
        """
        kept, alerts = [], []
        for ours in self.lists:
            before = [r for r in old.lists if r.kind == ours.kind and r.number is not None]
            newer = max(before, key=lambda r: r.number or 0, default=None)
            if newer is not None and newer.number is not None and ours.number is not None and ours.number < newer.number:
                kept.append(newer)
                alerts.append(f"{ours.name}: cRLNumber {ours.number} is lower than {newer.number} of the list in use, "
                              "which stays in use beside it")
        return replace(self, lists=(*self.lists, *kept)), alerts


def _revoked(complete: RevocationList, deltas: Sequence[RevocationList], serial: int) -> bool:
    """Is it revoked by this complete list, and by no applicable delta list taken out again (section 5.2.4)?"""
    if not complete.entries.get(serial, False):
        return False
    number = complete.number or 0
    return not any(d.entries.get(serial) is False and (d.delta_of or 0) <= number < (d.number or 0) for d in deltas)


def read_trust(
    anchors_pem: bytes, crls: Iterable[tuple[str, bytes]], crl_grace_s: float = 0, *, rules: PathRules | None = None,
    online: Iterable[x509.Certificate] = (), crl_number_required: bool = False,
    revocation: Literal["required", "unchecked"] = "required", self_signed_pem: bytes = b"",
) -> TrustMaterial:
    """Parse authorities and revocation lists.

    Args:
        anchors_pem: PEM certificates. Self-signed ones, and those whose issuer is not among them, are trust anchors; the
            others complete paths, self-issued ones too.
        crls: (name for messages, PEM or DER bytes) of each list: complete or delta, of all or of some certificates.
        crl_grace_s: seconds after `nextUpdate` during which a list still counts.
        rules: what a path must keep beside RFC 5280.
        online: those of the authorities whose certificates are asked for by OCSP, and need no list.
        crl_number_required: refuse a list without cRLNumber, which RFC 5280 section 5.2.3 demands of authorities.
        revocation: see `TrustMaterial`.
        self_signed_pem: PEM certificates of clients, each admitted by itself and by nothing else.

    Raises:
        TrustError: with what is wrong: a list that `read_list` refuses, an authority without a complete list, a delta list
            whose complete list is missing or too old.
    """
    authorities = _authorities(anchors_pem)
    anchors = tuple(a for a in authorities if _is_anchor(a, authorities))
    lists = tuple(read_list(name, raw, authorities, number_required=crl_number_required) for name, raw in crls)
    asked = frozenset(key_name(a) for a in online)
    material = TrustMaterial(anchors, tuple(a for a in authorities if a not in anchors), lists, crl_grace_s,
                             rules or PathRules(), _self_signed(self_signed_pem), asked, revocation)
    _check_deltas(lists)
    if revocation == "required":
        _check_complete(authorities, anchors, lists, asked)
    return material


def _authorities(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Read whole here: name, key and extensions of each, so that nothing fails later."""
    try:
        authorities = tuple(x509.load_pem_x509_certificates(pem))
        for authority in authorities:
            key_name(authority)
            list(authority.extensions)
    except Exception as e:  # whatever a parser raises on bytes that are none
        raise TrustError(f"authorities: not PEM certificates ({type(e).__name__}: {e})") from e
    return authorities


def _self_signed(pem: bytes) -> dict[bytes, x509.Certificate]:
    """Each must have signed itself, and be what a client's certificate may be."""
    if not pem.strip():
        return {}
    try:
        certificates = x509.load_pem_x509_certificates(pem)
        for certificate in certificates:
            certificate.verify_directly_issued_by(certificate)
            check_certificate(certificate, is_authority=False)
    except Exception as e:  # PathRefused, and whatever a parser raises on bytes that are none
        raise TrustError(f"self-signed certificates of clients: {type(e).__name__}: {e}") from e
    return {certificate.public_bytes(Encoding.DER): certificate for certificate in certificates}


def _is_anchor(authority: x509.Certificate, all_of_them: Sequence[x509.Certificate]) -> bool:
    """Self-signed, or issued by none of them. A key that an authority vouches for under its own name (self-issued, RFC 5280
    section 3.2) stands below that authority.
    """
    above = [other for other in all_of_them if other is not authority and other.subject == authority.issuer]
    if authority.issuer == authority.subject:
        return _signed_by(authority, authority) or not any(_signed_by(authority, other) for other in above)
    return not above


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _check_complete(authorities: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate],
                    lists: Sequence[RevocationList], asked: frozenset[PublicKeyName]) -> None:
    covered = {r.issuer for r in lists if r.delta_of is None} | asked
    for authority in authorities:
        name = authority.subject.rfc4514_string()
        if key_name(authority) not in covered:
            raise TrustError(f"no revocation list of {name}: add its file to crl_files")
        if authority in anchors and authority.issuer != authority.subject:
            raise TrustError(f"{name} is not self-signed and its issuer is not there: add the authority above it")


def _check_deltas(lists: Sequence[RevocationList]) -> None:
    for delta in lists:
        if delta.delta_of is None:
            continue
        bases = [r.number or 0 for r in lists if r.kind == (delta.issuer, delta.scope, False)]
        if not bases or max(bases) < delta.delta_of:
            raise TrustError(f"{delta.name}: a delta list from {delta.delta_of} on, and no complete list of that number or later")
