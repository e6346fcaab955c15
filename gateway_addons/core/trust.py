"""What an environment trusts: authorities and their revocation lists, parsed and checked (control C1, RFC 5280)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature


class TrustError(ValueError):
    """Trust material that must not be used; the message says which file's content and why."""


@dataclass(frozen=True)
class TrustMaterial:
    """Authorities of an environment and one revocation list for each of them."""

    anchors: tuple[x509.Certificate, ...]
    crls: tuple[x509.CertificateRevocationList, ...]
    crl_grace_s: float

    def status(self, issuer: bytes, serial: int, now: datetime) -> str:
        """`good`, `revoked` or `unknown` for a certificate of `issuer` (DER name); lists count until `nextUpdate` + grace."""
        current = [c for c in self.crls if c.issuer.public_bytes() == issuer and self._is_current(c, now)]
        if not current:
            return "unknown"
        revoked = any(c.get_revoked_certificate_by_serial_number(serial) is not None for c in current)
        return "revoked" if revoked else "good"

    def _is_current(self, crl: x509.CertificateRevocationList, now: datetime) -> bool:
        limit = crl.next_update_utc
        return limit is not None and crl.last_update_utc <= now <= limit + timedelta(seconds=self.crl_grace_s)


def read_trust(anchors_pem: bytes, crls: Iterable[tuple[str, bytes]], crl_grace_s: float) -> TrustMaterial:
    """Parse authorities and revocation lists; `crls` are (name for messages, PEM or DER bytes).

    Every list must be signed by one of the authorities, be complete (delta and indirect lists are refused, not ignored),
    and every authority must have one.

    Raises:
        TrustError: with what is wrong.
    """
    try:
        anchors = tuple(x509.load_pem_x509_certificates(anchors_pem))
    except ValueError as e:
        raise TrustError(f"authorities: not PEM certificates ({e})") from e
    lists = tuple(_read_crl(name, raw, anchors) for name, raw in crls)
    covered = {crl.issuer for crl in lists}
    if missing := [a.subject.rfc4514_string() for a in anchors if a.subject not in covered]:
        raise TrustError(f"no revocation list of {missing[0]}: add its file to crl_files")
    return TrustMaterial(anchors, lists, crl_grace_s)


def _read_crl(name: str, raw: bytes, anchors: tuple[x509.Certificate, ...]) -> x509.CertificateRevocationList:
    try:
        crl = x509.load_pem_x509_crl(raw) if raw.lstrip().startswith(b"-----") else x509.load_der_x509_crl(raw)
    except ValueError as e:
        raise TrustError(f"{name}: not a revocation list ({e})") from e
    issuers = [a for a in anchors if a.subject == crl.issuer]
    if not issuers:
        raise TrustError(f"{name}: issued by no authority of this environment")
    if not any(_signed_by(crl, issuer) for issuer in issuers):
        raise TrustError(f"{name}: its signature is not its issuer's")
    for extension in crl.extensions:
        if isinstance(extension.value, x509.DeltaCRLIndicator | x509.IssuingDistributionPoint):
            raise TrustError(f"{name}: delta and partial lists are not supported, give the complete list")
    return crl


def _signed_by(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        return crl.is_signature_valid(cast(Any, issuer.public_key()))
    except (InvalidSignature, TypeError, ValueError):
        return False
