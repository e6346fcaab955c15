"""One certificate revocation list: read, checked, and which certificates it speaks of (RFC 5280 section 5)."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from gateway_addons.core.path import Link, PublicKeyName, key_name


class TrustError(ValueError):
    """Trust material that must not be used; the message says which file's content and why."""


@dataclass(frozen=True)
class Scope:
    """Which of its issuer's certificates a list speaks of (issuingDistributionPoint, RFC 5280 section 5.2.5)."""

    users: bool = True
    authorities: bool = True
    points: frozenset[x509.GeneralName] = frozenset()

    def holds(self, link: Link) -> bool:
        """Is this certificate in it? A list of one distribution point speaks of the certificates that name that point."""
        kind = self.authorities if link.is_authority else self.users
        return kind and (not self.points or not self.points.isdisjoint(link.distribution_points))


@dataclass(frozen=True)
class RevocationList:
    """A list whose signature, form and extensions were checked. `entries` maps serial numbers to: is it revoked?

    False in `entries` is removeFromCRL, in a delta list only. `delta_of` is the number of the complete list that a delta
    list starts from (section 5.2.4).
    """

    crl: x509.CertificateRevocationList
    issuer: PublicKeyName
    number: int | None
    delta_of: int | None
    scope: Scope
    this_update: datetime
    next_update: datetime
    entries: Mapping[int, bool]
    name: str
    sha256: str
    """Of the bytes that were read, as `sha256sum` of the file tells it."""

    def speaks_of(self, link: Link) -> bool:
        """Was it issued by the key that issued this certificate, and is the certificate in its scope?"""
        return self.issuer == link.issuer and self.scope.holds(link)

    def ends(self, grace_s: float) -> datetime:
        """Until when it counts: `nextUpdate` with the configured grace."""
        return self.next_update + timedelta(seconds=grace_s)

    @property
    def kind(self) -> tuple[PublicKeyName, Scope, bool]:
        """Lists of one kind follow each other."""
        return self.issuer, self.scope, self.delta_of is not None


def read_list(name: str, raw: bytes, issuers: Iterable[x509.Certificate], *, number_required: bool) -> RevocationList:
    """Read a list in PEM or DER; `issuers` are the authorities that may have signed it, `name` is for messages.

    Raises:
        TrustError: it is malformed, signed by none of them or by one that may not sign lists, or says something that is not
            handled here: an indirect list, a list of some reasons only, an unknown critical extension.
    """
    try:
        crl = x509.load_pem_x509_crl(raw) if raw.lstrip().startswith(b"-----") else x509.load_der_x509_crl(raw)
        issuer = _issuer(name, crl, issuers)
        number, delta_of, scope = _extensions(name, crl, number_required=number_required)
        entries = _entries(name, crl, is_delta=delta_of is not None)
        this_update, next_update = crl.last_update_utc, crl.next_update_utc
    except TrustError:
        raise
    except Exception as e:  # whatever a parser raises on hostile bytes is a refusal: KeyError, InvalidVersion, ...
        raise TrustError(f"{name}: not a revocation list ({type(e).__name__}: {e})") from e
    if next_update is None:
        raise TrustError(f"{name}: nextUpdate is missing (RFC 5280 section 5.1.2.5)")
    return RevocationList(crl, key_name(issuer), number, delta_of, scope, this_update, next_update, entries, name,
                          hashlib.sha256(raw).hexdigest())


def _issuer(name: str, crl: x509.CertificateRevocationList, issuers: Iterable[x509.Certificate]) -> x509.Certificate:
    named = [a for a in issuers if a.subject.public_bytes() == crl.issuer.public_bytes()]
    if not named:
        raise TrustError(f"{name}: issued by no authority of this environment")
    signers = [a for a in named if _signed_by(crl, a)]
    if not signers:
        raise TrustError(f"{name}: its signature is not its issuer's")
    if may := [a for a in signers if _may_sign_lists(a)]:
        return may[0]
    raise TrustError(f"{name}: its issuer may not sign revocation lists (keyUsage without cRLSign)")


def _signed_by(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        return crl.is_signature_valid(cast(Any, issuer.public_key()))
    except (InvalidSignature, TypeError, ValueError):
        return False


def _may_sign_lists(issuer: x509.Certificate) -> bool:
    try:
        return issuer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True


def _extensions(name: str, crl: x509.CertificateRevocationList, *, number_required: bool) -> tuple[int | None, int | None, Scope]:
    number, delta_of, scope = None, None, Scope()
    for extension in crl.extensions:
        value = extension.value
        if isinstance(value, x509.CRLNumber):
            if extension.critical:
                raise TrustError(f"{name}: a critical cRLNumber (RFC 5280 section 5.2.3)")
            number = value.crl_number
        elif isinstance(value, x509.DeltaCRLIndicator):
            delta_of = value.crl_number
        elif isinstance(value, x509.IssuingDistributionPoint):
            scope = _scope(name, value)
        elif extension.critical and not isinstance(value, x509.AuthorityKeyIdentifier):
            raise TrustError(f"{name}: a critical extension that is not known here ({extension.oid.dotted_string})")
    if number is None and (number_required or delta_of is not None):
        raise TrustError(f"{name}: cRLNumber is missing (RFC 5280 section 5.2.3)")
    return number, delta_of, scope


def _scope(name: str, point: x509.IssuingDistributionPoint) -> Scope:
    if point.indirect_crl or point.only_some_reasons or point.only_contains_attribute_certs or point.relative_name:
        raise TrustError(f"{name}: indirect lists, and lists of some reasons or of attribute certificates only, "
                         "are not handled: give the authority's own list of all reasons")
    return Scope(users=not point.only_contains_ca_certs, authorities=not point.only_contains_user_certs,
                 points=frozenset(point.full_name or ()))


def _entries(name: str, crl: x509.CertificateRevocationList, *, is_delta: bool) -> dict[int, bool]:
    entries: dict[int, bool] = {}
    for entry in crl:
        revoked = True
        for extension in entry.extensions:
            if isinstance(extension.value, x509.CRLReason):
                revoked = not (is_delta and extension.value.reason is x509.ReasonFlags.remove_from_crl)
            elif isinstance(extension.value, x509.CertificateIssuer) or (
                    extension.critical and not isinstance(extension.value, x509.InvalidityDate)):
                raise TrustError(f"{name}: an entry has an extension that is not handled ({extension.oid.dotted_string})")
        entries[entry.serial_number] = entries.get(entry.serial_number, False) or revoked
    return entries
