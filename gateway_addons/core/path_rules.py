"""What each certificate of a path must be, where the two verifiers are silent or lax: form, keys, signatures, usages.

Sources: RFC 5280 sections 4.1 and 4.2; the ANSSI's guide on TLS (v1.2, R16 to R22) and the RGS (annex B1) for keys and
signatures.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID

from gateway_addons.core.path import PathRefused, PathRules

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
"""An upper bound too: the work of a verification grows with the key's size."""
MIN_RSA_EXPONENT = 65537
CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
SIGNATURES = frozenset({
    SignatureAlgorithmOID.RSA_WITH_SHA256, SignatureAlgorithmOID.RSA_WITH_SHA384, SignatureAlgorithmOID.RSA_WITH_SHA512,
    SignatureAlgorithmOID.RSASSA_PSS, SignatureAlgorithmOID.ECDSA_WITH_SHA256, SignatureAlgorithmOID.ECDSA_WITH_SHA384,
    SignatureAlgorithmOID.ECDSA_WITH_SHA512,
})
MAX_SERIAL_BITS = 159
"""At most 20 octets, and positive (section 4.1.2.2)."""

_PARTS: tuple[Callable[[x509.Certificate], object], ...] = (
    lambda c: c.version, lambda c: c.serial_number, lambda c: list(c.extensions), lambda c: c.subject.public_bytes(),
    lambda c: c.issuer.public_bytes(), lambda c: c.public_key(), lambda c: c.signature_hash_algorithm,
    lambda c: c.not_valid_before_utc, lambda c: c.not_valid_after_utc,
)
"""The library decodes these when they are asked for."""


def read_certificate(der: bytes) -> x509.Certificate:
    """One certificate, read whole: every extension is decoded here, so that nothing fails later.

    Raises:
        PathRefused: `chain`, it is not DER of a version 3 certificate, has bytes after its end, or an extension twice.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        for part in _PARTS:
            part(certificate)
    except Exception as e:  # whatever a parser raises on hostile bytes is a refusal
        raise PathRefused("chain", "malformed", type(e).__name__) from e
    if certificate.version is not x509.Version.v3:
        raise PathRefused("chain", "version", "not X.509 version 3")
    return certificate


def check_certificate(certificate: x509.Certificate, *, is_authority: bool, is_anchor: bool = False) -> None:
    """The rules for one certificate. What signs an anchor is not looked at: it is trusted for its key.

    Raises:
        PathRefused: `chain`, with the rule.
    """
    _check_key(certificate)
    if is_anchor:
        return
    _check_signature(certificate)
    _check_names(certificate, is_authority=is_authority)
    serial = certificate.serial_number
    if serial <= 0 or serial.bit_length() > MAX_SERIAL_BITS:
        raise PathRefused("chain", "serial_number", "not positive, or more than 20 octets")
    if not is_authority:
        _check_is_no_authority(certificate)


def _check_key(certificate: x509.Certificate) -> None:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        exponent = key.public_numbers().e
        if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS or exponent < MIN_RSA_EXPONENT or exponent % 2 == 0:
            raise PathRefused("chain", "key", f"RSA of {key.key_size} bits, exponent {exponent}")
    elif not (isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, CURVES)):
        raise PathRefused("chain", "key", f"not RSA, P-256, P-384 or P-521: {type(key).__name__}")


def _check_signature(certificate: x509.Certificate) -> None:
    used = certificate.signature_hash_algorithm
    if certificate.signature_algorithm_oid not in SIGNATURES or not isinstance(used, HASHES):
        raise PathRefused("chain", "signature_algorithm", certificate.signature_algorithm_oid.dotted_string)


def _check_names(certificate: x509.Certificate, *, is_authority: bool) -> None:
    """Section 4.1.2.4: an issuer has a name. 4.1.2.6: so has every authority, and a leaf without one has a critical SAN."""
    if not list(certificate.issuer):
        raise PathRefused("chain", "issuer_name", "empty")
    if list(certificate.subject):
        return
    critical = any(isinstance(e.value, x509.SubjectAlternativeName) and e.critical for e in certificate.extensions)
    if is_authority or not critical:
        raise PathRefused("chain", "subject_name", "empty")


def _check_is_no_authority(certificate: x509.Certificate) -> None:
    """A leaf that may issue, or that constrains what it may not issue, is no end entity (4.2.1.9, 4.2.1.10)."""
    for extension in certificate.extensions:
        value = extension.value
        if isinstance(value, x509.BasicConstraints) and value.ca:
            raise PathRefused("chain", "leaf_is_authority", "basicConstraints says cA")
        if isinstance(value, x509.KeyUsage) and value.key_cert_sign:
            raise PathRefused("chain", "leaf_is_authority", "keyUsage says keyCertSign")
        if isinstance(value, x509.NameConstraints | x509.PolicyConstraints | x509.InhibitAnyPolicy):
            raise PathRefused("chain", "leaf_is_authority", f"has {extension.oid.dotted_string}, which is for authorities")


def check_authorities_usage(authorities: Sequence[x509.Certificate]) -> None:
    """An authority whose extendedKeyUsage leaves clientAuth out vouches for no client (4.2.1.12).

    Raises:
        PathRefused: `chain`.
    """
    for authority in authorities:
        usages = _extended_key_usage(authority)
        if usages is not None and not usages & {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}:
            raise PathRefused("chain", "authority_usage", authority.subject.rfc4514_string())


def check_usage(leaf: x509.Certificate, rules: PathRules) -> None:
    """The leaf is for TLS clients: clientAuth by name (anyExtendedKeyUsage is not enough), and digitalSignature.

    Raises:
        PathRefused: `usage`.
    """
    usages = _extended_key_usage(leaf)
    if usages is None:
        if rules.extended_key_usage == "required":
            raise PathRefused("usage", "extended_key_usage", "absent")
    elif ExtendedKeyUsageOID.CLIENT_AUTH not in usages:
        raise PathRefused("usage", "extended_key_usage", "without clientAuth")
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        if rules.extended_key_usage == "required":
            raise PathRefused("usage", "key_usage", "absent") from None
    else:
        if not usage.digital_signature:
            raise PathRefused("usage", "key_usage", "without digitalSignature")


def check_dates(path: Sequence[x509.Certificate], now: datetime) -> None:
    """Every certificate of the path is within its dates (4.1.2.5), the anchor too.

    Raises:
        PathRefused: `expired` or `not_yet_valid`.
    """
    for certificate in path:
        if now > certificate.not_valid_after_utc:
            raise PathRefused("expired", "dates", certificate.subject.rfc4514_string())
        if now < certificate.not_valid_before_utc:
            raise PathRefused("not_yet_valid", "dates", certificate.subject.rfc4514_string())


def moment_within(path: Sequence[x509.Certificate], now: datetime) -> datetime:
    """`now`, or else the first moment at which all of the path was valid: where only the dates are wrong, the rest of the
    path is judged there.

    Raises:
        PathRefused: `chain`, there is no such moment.
    """
    begin = max(c.not_valid_before_utc for c in path)
    end = min(c.not_valid_after_utc for c in path)
    if begin > end:
        raise PathRefused("chain", "dates", "the certificates of the path were never valid together")
    return now if begin <= now <= end else begin


def _extended_key_usage(certificate: x509.Certificate) -> set[x509.ObjectIdentifier] | None:
    try:
        return set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return None
