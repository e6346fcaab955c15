"""The certificate that a listener shows: is it one that clients can believe, today and for how long?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway_addons.core.path import PathRefused
from gateway_addons.core.path_rules import check_certificate

WARN_BEFORE = (timedelta(days=30), timedelta(days=7))
"""A certificate that ends sooner is warned of: once at each of these."""


class ServerIdentityError(ValueError):
    """The certificate or key cannot be shown; the message says what to do."""


@dataclass(frozen=True, eq=False)
class ServerMaterial:
    """Leaf first, then the authorities above it, in order; and the leaf's key."""

    chain: tuple[x509.Certificate, ...]
    key: PrivateKeyTypes

    @property
    def ends(self) -> datetime:
        """When the first certificate of the chain ends."""
        return min(c.not_valid_after_utc for c in self.chain)

    def missing_names(self, hosts: Iterable[str]) -> list[str]:
        """Those of the listener's names that the certificate does not have (RFC 9525)."""
        try:
            names = self.chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return list(hosts)
        addresses = {str(a) for a in names.get_values_for_type(x509.IPAddress)}
        domains = {d.lower() for d in names.get_values_for_type(x509.DNSName)}
        return [h for h in hosts if not (_is_address(h) and h in addresses) and not _is_named(h, domains)]

    def remaining_warning(self, now: datetime) -> timedelta | None:
        """The shortest of `WARN_BEFORE` that has been reached, or None."""
        return min((limit for limit in WARN_BEFORE if now >= self.ends - limit), default=None)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_named(host: str, domains: set[str]) -> bool:
    _, _, parent = host.partition(".")
    return host in domains or (bool(parent) and f"*.{parent}" in domains)


def read_server_identity(chain_pem: bytes, key_pem: bytes, now: datetime) -> ServerMaterial:
    """Parse and check what a listener shows.

    Raises:
        ServerIdentityError: not PEM; the key is another's; outside its dates; not for TLS servers; the chain out of order;
            a key or signature too weak.
    """
    try:
        chain = tuple(x509.load_pem_x509_certificates(chain_pem))
        key = load_pem_private_key(key_pem, None)
    except (ValueError, TypeError) as e:
        raise ServerIdentityError(f"not PEM certificates and an unencrypted PEM key ({e})") from e
    leaf = chain[0]
    if key.public_key() != leaf.public_key():
        raise ServerIdentityError("the key is not that of the first certificate: put the listener's own certificate first")
    _check_dates(chain, now)
    _check_order(chain)
    _check_strength(chain)
    _check_is_for_servers(leaf)
    return ServerMaterial(chain, key)


def _check_dates(chain: Sequence[x509.Certificate], now: datetime) -> None:
    for one in chain:
        if not one.not_valid_before_utc <= now <= one.not_valid_after_utc:
            raise ServerIdentityError(f"{one.subject.rfc4514_string()} is valid only from {one.not_valid_before_utc:%F %R} to "
                                      f"{one.not_valid_after_utc:%F %R} UTC")


def _check_order(chain: Sequence[x509.Certificate]) -> None:
    for lower, upper in pairwise(chain):
        try:
            lower.verify_directly_issued_by(upper)
        except (ValueError, TypeError, InvalidSignature) as e:
            raise ServerIdentityError(f"{upper.subject.rfc4514_string()} did not issue the certificate before it: put the "
                                      "chain in order, each certificate followed by its issuer's") from e


def _check_strength(chain: Sequence[x509.Certificate]) -> None:
    for position, one in enumerate(chain):
        try:
            is_root = position > 0 and one.issuer == one.subject
            check_certificate(one, is_authority=position > 0, is_anchor=is_root)
        except PathRefused as e:
            raise ServerIdentityError(f"{one.subject.rfc4514_string()}: {e.rule}: {e.detail}") from e


def _check_is_for_servers(leaf: x509.Certificate) -> None:
    for extension in leaf.extensions:
        value = extension.value
        if isinstance(value, x509.ExtendedKeyUsage) and ExtendedKeyUsageOID.SERVER_AUTH not in value:
            raise ServerIdentityError("the certificate is not for TLS servers (extendedKeyUsage without serverAuth)")
        if isinstance(value, x509.KeyUsage) and not value.digital_signature:
            raise ServerIdentityError("the certificate's key may not sign (keyUsage without digitalSignature)")
