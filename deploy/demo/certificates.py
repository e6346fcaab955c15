"""Makes certificates and revocation lists (RFC 5280) with EC P-256 keys; what a profile leaves out is left out on purpose."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

DAY = timedelta(days=1)
CRL_LIFE = 30 * DAY
SERVER_NAMES: tuple[x509.GeneralName, ...] = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
)


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True)
class Validity:
    """From when to when."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Authority:
    """A certification authority that can issue."""

    pair: Pair

    @property
    def name(self) -> x509.Name:
        """The name it puts as issuer."""
        return self.pair.certificate.subject

    def issue(self, subject: x509.Name, validity: Validity, usages: Sequence[x509.ObjectIdentifier],
              names: Sequence[x509.GeneralName] = ()) -> Pair:
        """A certificate of an end entity, for digitalSignature and the extended usages given."""
        key = new_key()
        builder = _builder(subject, self.name, key, validity)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_key_usage(authority=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        builder = builder.add_extension(_authority_key(self.pair), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return Pair(builder.sign(self.pair.key, hashes.SHA256()), key)

    def subordinate(self, subject: x509.Name, validity: Validity) -> "Authority":
        """An authority below this one that may issue end entities only."""
        key = new_key()
        builder = _authority_builder(_builder(subject, self.name, key, validity), path_length=0)
        builder = builder.add_extension(_authority_key(self.pair), critical=False)
        return Authority(Pair(builder.sign(self.pair.key, hashes.SHA256()), key))

    def revocations(self, now: datetime, revoked: Sequence[x509.Certificate] = ()) -> bytes:
        """The complete revocation list in PEM, valid for thirty days."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name)
        builder = builder.last_update(now - timedelta(minutes=5)).next_update(now + CRL_LIFE)
        builder = builder.add_extension(_authority_key(self.pair), critical=False)
        builder = builder.add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        for certificate in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
            entry = entry.revocation_date(now - timedelta(minutes=10))
            entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.pair.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def root(subject: x509.Name, validity: Validity) -> Authority:
    """A self-signed authority at the top of a chain."""
    key = new_key()
    builder = _authority_builder(_builder(subject, subject, key, validity), path_length=1)
    return Authority(Pair(builder.sign(key, hashes.SHA256()), key))


def self_signed(subject: x509.Name, validity: Validity) -> Pair:
    """A client certificate that nobody but itself vouches for."""
    key = new_key()
    builder = _builder(subject, subject, key, validity)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(authority=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    return Pair(builder.sign(key, hashes.SHA256()), key)


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key in PEM (PKCS#8), unprotected: it lives as long as the demonstration."""
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def write_private(file: Path, content: bytes) -> None:
    """Write a file that only its owner can read, from its first byte on."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_bytes(content)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey,
             validity: Validity) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(validity.start).not_valid_after(validity.end)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _authority_builder(builder: x509.CertificateBuilder, path_length: int) -> x509.CertificateBuilder:
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    return builder.add_extension(_key_usage(authority=True), critical=True)


def _authority_key(issuer: Pair) -> x509.AuthorityKeyIdentifier:
    known = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(known.value)


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(digital_signature=not authority, content_commitment=False, key_encipherment=False,
                         data_encipherment=False, key_agreement=False, key_cert_sign=authority, crl_sign=authority,
                         encipher_only=False, decipher_only=False)
