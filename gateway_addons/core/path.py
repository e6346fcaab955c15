"""A certification path: what is asked of it beside RFC 5280, what a good one is, and how a bad one is refused."""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Failure = Literal["chain", "expired", "not_yet_valid", "revoked", "revocation_unknown", "usage"]
"""What policy is told. After any but `chain`, an admitted authority is proven to have issued the certificate."""


class PathRefused(Exception):
    """The path is not accepted.

    `failure` is for policy and for the TLS alert; `rule` names the rule that was broken, for the log and the journal;
    `detail` is a sentence for the operator.
    """

    def __init__(self, failure: Failure, rule: str, detail: str = "") -> None:
        super().__init__(f"{failure} ({rule})" + (f": {detail}" if detail else ""))
        self.failure: Failure = failure
        self.rule = rule
        self.detail = detail


class PublicKeyName(NamedTuple):
    """An authority: its name (DER) and the SHA-256 of its public key, because two may have one name."""

    name: bytes
    spki_sha256: bytes


@dataclass(frozen=True)
class Link:
    """One certificate of a verified path, as revocation is asked about it."""

    issuer: PublicKeyName
    serial: int
    is_authority: bool
    not_before: datetime
    not_after: datetime
    distribution_points: frozenset[x509.GeneralName] = frozenset()
    der: bytes = b""
    issuer_der: bytes = b""


@dataclass(frozen=True)
class PathRules:
    """What is asked of a path beside RFC 5280, and the bounds on what a peer may send before anything costly runs.

    `max_depth` counts the authorities between leaf and anchor. `required_policies` (RFC 5280 section 6.1.1 c, e): one of
    these certificate policies must hold along the whole path; empty asks for none. `extended_key_usage` `if_present`
    accepts a leaf that has no such extension, as RFC 5280 does; the terms of use ask for clientAuth.
    """

    max_depth: int = 4
    max_intermediates: int = 8
    max_bytes: int = 32 * 1024
    required_policies: frozenset[str] = frozenset()
    extended_key_usage: Literal["required", "if_present"] = "required"


@dataclass(frozen=True)
class VerifiedPath:
    """A path that both verifiers accepted: leaf first, anchor last; `links` is all of it but the anchor."""

    certificates: tuple[x509.Certificate, ...]
    links: tuple[Link, ...]

    @property
    def leaf(self) -> x509.Certificate:
        """The peer's certificate."""
        return self.certificates[0]


def key_name(certificate: x509.Certificate) -> PublicKeyName:
    """The authority that this certificate is of."""
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return PublicKeyName(certificate.subject.public_bytes(), hashlib.sha256(spki).digest())


def links_of(path: Sequence[x509.Certificate]) -> tuple[Link, ...]:
    """Every certificate of the path but the anchor, each with the key that issued it."""
    return tuple(
        Link(key_name(issuer), certificate.serial_number, position > 0, certificate.not_valid_before_utc,
             certificate.not_valid_after_utc,
             distribution_points=_distribution_points(certificate), der=certificate.public_bytes(Encoding.DER),
             issuer_der=issuer.public_bytes(Encoding.DER))
        for position, (certificate, issuer) in enumerate(itertools.pairwise(path)))


def _distribution_points(certificate: x509.Certificate) -> frozenset[x509.GeneralName]:
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(name for point in points for name in point.full_name or ())
