"""Control C1: what the client certificate says and whether its path was verified (clause 4-C1, RFC 5280)."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway_addons.core.facts import CertificateFacts, rfc3339
from gateway_addons.core.path import Link
from gateway_addons.core.ports import RevocationLists

ORGANIZATION_IDENTIFIER = x509.ObjectIdentifier("2.5.4.97")
"""organizationIdentifier, ITU-T X.520; ETSI EN 319 412-1 5.1.4 gives it the form `NTRFR-<SIREN>` in France."""

_ORGANIZATION_IDENTIFIER_VALUE = re.compile(r"(?:NTRFR|SI:FR)-([0-9]{14}|[0-9]{9})")
_ORGANIZATION_IDENTIFIER_BEGINS = ("NTRFR", "SI:FR")
_ORGANIZATIONAL_UNIT_VALUE = re.compile(r"0002 ([0-9]{14}|[0-9]{9})")
_ORGANIZATIONAL_UNIT_BEGINS = ("0002",)
"""RGS: OU holds the ICD of SIRENE (ISO 6523, 0002), a space, then the SIRET or the SIREN."""

_EKU_NAMES = {ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth", ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth"}
_KEY_USAGES = ("digital_signature", "key_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
_KEY_USAGE_NAMES = ("digitalSignature", "keyEncipherment", "keyAgreement", "keyCertSign", "cRLSign")

ABSENT = CertificateFacts(presented=False, verified=False, failure="absent")


@dataclass(frozen=True, slots=True)
class PresentedCertificate:
    """The leaf that the TLS peer proved to hold, and what path validation in the handshake said of it.

    `failure` is None only when the whole path was verified, up to an admitted authority; `links` is that path.
    """

    der: bytes
    failure: str | None
    links: tuple[Link, ...] = ()


def certificate_facts(presented: PresentedCertificate | None, revocation: RevocationLists, now: datetime) -> CertificateFacts:
    """The facts of control C1 at this moment: dates and revocation of the whole path are looked at again for every call,
    because a certificate, or its authority's, can expire or be revoked while its connection stays open.
    """
    if presented is None:
        return ABSENT
    try:
        fixed = _read(presented.der)
    except Exception:  # noqa: BLE001 - the library raises at least six kinds; bytes that it cannot read prove nothing
        return CertificateFacts(presented=True, verified=False, failure="chain")
    status = _status(presented.links, revocation, now)
    return _told(presented.der, presented.failure or _failure_now(fixed, status, presented.links, now), status)


@lru_cache(maxsize=4096)
def _told(der: bytes, failure: str | None, status: str) -> CertificateFacts:
    return replace(_read(der), verified=failure is None, failure=failure, revocation=status)


def _status(links: tuple[Link, ...], revocation: RevocationLists, now: datetime) -> str:
    """The worst of the whole path; `unknown` without one."""
    states = {revocation.status(link, now) for link in links} or {"unknown"}
    return "revoked" if "revoked" in states else ("good" if states == {"good"} else "unknown")


def _failure_now(fixed: CertificateFacts, status: str, links: tuple[Link, ...], now: datetime) -> str | None:
    if not links:
        return "chain"
    for link in links:
        if now < link.not_before:
            return "not_yet_valid"
    for link in links:
        if now > link.not_after:
            return "expired"
    if status != "good":
        return "revoked" if status == "revoked" else "revocation_unknown"
    if "clientAuth" not in fixed.extended_key_usage or "digitalSignature" not in fixed.key_usage:
        return "usage"
    return None


@lru_cache(maxsize=4096)
def _read(der: bytes) -> CertificateFacts:
    """The part that never changes. Raises `ValueError` when the DER or an extension cannot be read."""
    certificate = x509.load_der_x509_certificate(der)
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    siren, siret = registration_numbers(certificate.subject)
    return CertificateFacts(
        presented=True,
        verified=False,
        failure="chain",
        sha256=certificate.fingerprint(hashes.SHA256()).hex(),
        spki_sha256=_sha256(spki),
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        serial=f"{certificate.serial_number:x}",
        not_before=rfc3339(certificate.not_valid_before_utc),
        not_after=rfc3339(certificate.not_valid_after_utc),
        key_usage=_key_usage(certificate),
        extended_key_usage=_extended_key_usage(certificate),
        siren=siren,
        siret=siret,
    )


def registration_numbers(subject: x509.Name) -> tuple[str | None, str | None]:
    """SIREN and SIRET named by the subject; (None, None) when it names none, names two that differ, or one malformed."""
    found: list[str] = []
    for oid, form, begins in ((ORGANIZATION_IDENTIFIER, _ORGANIZATION_IDENTIFIER_VALUE, _ORGANIZATION_IDENTIFIER_BEGINS),
                              (NameOID.ORGANIZATIONAL_UNIT_NAME, _ORGANIZATIONAL_UNIT_VALUE, _ORGANIZATIONAL_UNIT_BEGINS)):
        for attribute in subject.get_attributes_for_oid(oid):
            value = str(attribute.value)
            match = form.fullmatch(value)
            if match is None and value.startswith(begins):
                return None, None
            found += [match[1]] if match else []
    sirens = {number[:9] for number in found}
    sirets = {number for number in found if len(number) == 14}
    if len(sirens) != 1 or len(sirets) > 1:
        return None, None
    return sirens.pop(), sirets.pop() if sirets else None


def _key_usage(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(name for name, attribute in zip(_KEY_USAGE_NAMES, _KEY_USAGES, strict=True) if getattr(usage, attribute))


def _extended_key_usage(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(_EKU_NAMES.get(oid, oid.dotted_string) for oid in usage)


def _sha256(data: bytes) -> str:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(data)
    return digest.finalize().hex()
