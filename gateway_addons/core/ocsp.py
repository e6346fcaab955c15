"""One OCSP response, judged (RFC 6960, RFC 5019): does it say of this certificate, now, with the right authority's word?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway_addons.core.path import Link

HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
SKEW = timedelta(seconds=60)
"""How far a responder's clock may be ahead of ours."""


class OcspRefused(ValueError):
    """The response says nothing that may be believed of this certificate now."""


@dataclass(frozen=True)
class OcspAnswer:
    """What a responder said, and until when it may be relied on."""

    revoked: bool
    until: datetime


def ask(link: Link, nonce: bytes | None) -> bytes:
    """A request for this certificate, DER; `nonce` (RFC 9654: 32 octets) where the responder is known to answer with it."""
    subject, issuer = x509.load_der_x509_certificate(link.der), x509.load_der_x509_certificate(link.issuer_der)
    builder = ocsp.OCSPRequestBuilder().add_certificate(subject, issuer, hashes.SHA1())  # noqa: S303 - a name (RFC 5019 2.1.1)
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def read_answer(raw: bytes, link: Link, nonce: bytes | None, now: datetime, max_age: timedelta) -> OcspAnswer:
    """What the response says of this certificate.

    Args:
        raw: the response, DER, as it came.
        link: the certificate and its issuer.
        nonce: what was sent, when the response must have it.
        now: the time to judge at.
        max_age: how long after `thisUpdate` a response without `nextUpdate` counts, and at most with it.

    Raises:
        OcspRefused: not a successful response, of another certificate, outside its dates, without the nonce, or not signed
            by the issuer or by a responder that the issuer itself appointed.
    """
    try:
        response = ocsp.load_der_ocsp_response(raw)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise OcspRefused(f"the responder answers {response.response_status.name}")
        issuer = x509.load_der_x509_certificate(link.issuer_der)
        single = _single(response, link, issuer)
        _check_signature(response, issuer, now)
        _check_extensions(response, nonce)
        return _judged(single, now, max_age)
    except OcspRefused:
        raise
    except Exception as e:  # whatever a parser raises on hostile bytes is a refusal
        raise OcspRefused(f"malformed response ({type(e).__name__})") from e


def _single(response: ocsp.OCSPResponse, link: Link, issuer: x509.Certificate) -> Any:
    """The one entry of this serial number and this very issuer (section 3.2, 1)."""
    for one in response.responses:
        if one.serial_number == link.serial:
            expected = _issuer_hashes(issuer, one.hash_algorithm)
            if (one.issuer_name_hash, one.issuer_key_hash) == expected:
                return one
    raise OcspRefused("the response is of another certificate")


def _issuer_hashes(issuer: x509.Certificate, algorithm: hashes.HashAlgorithm) -> tuple[bytes, bytes]:
    request = ocsp.OCSPRequestBuilder().add_certificate(issuer, issuer, cast(Any, algorithm)).build()
    if issuer.subject != issuer.issuer:
        name = hashes.Hash(algorithm)
        name.update(issuer.subject.public_bytes())
        return name.finalize(), request.issuer_key_hash
    return request.issuer_name_hash, request.issuer_key_hash


def _check_signature(response: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> None:
    if not isinstance(response.signature_hash_algorithm, HASHES):
        raise OcspRefused("signed with an algorithm that is not accepted")
    if _verifies(response, issuer):
        return
    for responder in response.certificates:
        if _is_appointed(responder, issuer, now) and _verifies(response, responder):
            return
    raise OcspRefused("signed neither by the issuer nor by a responder that it appointed")


def _is_appointed(responder: x509.Certificate, issuer: x509.Certificate, now: datetime) -> bool:
    """Issued directly by the certificate's own issuer, for OCSP signing, and not to be asked about itself (4.2.2.2)."""
    try:
        responder.verify_directly_issued_by(issuer)
        usages = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        responder.extensions.get_extension_for_class(x509.OCSPNoCheck)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    current = responder.not_valid_before_utc <= now <= responder.not_valid_after_utc
    return current and ExtendedKeyUsageOID.OCSP_SIGNING in usages


def _verifies(response: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    key, digest = signer.public_key(), cast(hashes.HashAlgorithm, response.signature_hash_algorithm)
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(digest))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _check_extensions(response: ocsp.OCSPResponse, nonce: bytes | None) -> None:
    given = None
    for extension in response.extensions:
        if isinstance(extension.value, x509.OCSPNonce):
            given = extension.value.nonce
        elif extension.critical:
            raise OcspRefused("a critical extension that is not known here")
    if nonce is not None and given != nonce:
        raise OcspRefused("the nonce is missing or another: the response may be an old one")


def _judged(single: Any, now: datetime, max_age: timedelta) -> OcspAnswer:
    begin, end = single.this_update_utc, single.next_update_utc
    until = min(end, begin + max_age) if end is not None else begin + max_age
    if not begin - SKEW <= now <= until:
        raise OcspRefused("outside its dates")
    if single.certificate_status is ocsp.OCSPCertStatus.UNKNOWN:
        raise OcspRefused("the responder does not know the certificate")
    return OcspAnswer(single.certificate_status is ocsp.OCSPCertStatus.REVOKED, until)
