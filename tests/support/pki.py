"""A throw-away PKI for tests: one call makes one certificate, with every field a test may want to bend."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


@dataclass
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def write(self, folder: Path, name: str, *chain: "Issued") -> tuple[Path, Path]:
        """Write `name.pem` (leaf and chain) and `name.key`."""
        folder.mkdir(parents=True, exist_ok=True)
        pem = b"".join(c.certificate.public_bytes(Encoding.PEM) for c in (self, *chain))
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{name}.pem").write_bytes(pem)
        (folder / f"{name}.key").write_bytes(key)
        return folder / f"{name}.pem", folder / f"{name}.key"


@dataclass
class Authority:
    """A certificate authority that issues and revokes."""

    me: Issued
    revoked: list[int] = field(default_factory=list)

    def crl(self, *, last_update: datetime = NOW - DAY, next_update: datetime = NOW + 30 * DAY) -> bytes:
        builder = x509.CertificateRevocationListBuilder(
            issuer_name=self.me.certificate.subject, last_update=last_update, next_update=next_update)
        for serial in self.revoked:
            entry = x509.RevokedCertificateBuilder(serial_number=serial, revocation_date=last_update).build()
            builder = builder.add_revoked_certificate(entry)
        builder = builder.add_extension(x509.CRLNumber(1), critical=False).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.me.key.public_key()), critical=False)
        return builder.sign(self.me.key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def issue(
        self, common_name: str, *, unit: str | None = None, organization_identifier: str | None = None,
        begin: datetime = NOW - DAY, end: datetime = NOW + 365 * DAY,
        usages: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.CLIENT_AUTH,), digital_signature: bool = True,
        names: tuple[x509.GeneralName, ...] = (),
    ) -> Issued:
        attributes = [x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Essai")]
        if unit:
            attributes.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
        if organization_identifier:
            attributes.append(x509.NameAttribute(x509.ObjectIdentifier("2.5.4.97"), organization_identifier))
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(x509.Name(attributes), self.me.certificate.subject, key, begin, end)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_key_usage(digital_signature=digital_signature), critical=True)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.me.key.public_key()), critical=False)
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return Issued(builder.sign(self.me.key, hashes.SHA256()), key)

    def sub_authority(self, common_name: str) -> "Authority":
        return Authority(_authority(common_name, self.me))


def root(common_name: str) -> Authority:
    """A self-signed authority."""
    return Authority(_authority(common_name, None))


def _authority(common_name: str, parent: Issued | None) -> Issued:
    name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    key = ec.generate_private_key(ec.SECP256R1())
    signer = parent.key if parent else key
    issuer = parent.certificate.subject if parent else name
    builder = _builder(name, issuer, key, NOW - DAY, NOW + 3650 * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0 if parent else 1), critical=True)
    builder = builder.add_extension(_key_usage(authority=True), critical=True)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    return Issued(builder.sign(signer, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, authority: bool = False, digital_signature: bool = True) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature and not authority, content_commitment=not digital_signature, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=authority, crl_sign=authority, encipher_only=False,
        decipher_only=False)
