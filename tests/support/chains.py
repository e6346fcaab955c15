"""Certificate chains of which one thing is bent: every field and extension of every certificate can be given.

Keys are made once for a test run; nothing here is secret.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway_addons.core.path import PathRules
from gateway_addons.core.trust import TrustMaterial, read_trust
from tests.support.pki import DAY, NOW

CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
type Extension = tuple[x509.ExtensionType, bool]


@lru_cache
def key(kind: str, number: int = 0) -> Any:
    """A key of that kind; the same for the same arguments."""
    if kind.startswith("rsa"):
        size, _, exponent = kind[3:].partition("e")
        return rsa.generate_private_key(int(exponent or 65537), int(size))
    if kind == "dsa":
        return dsa.generate_private_key(2048)
    return {"p256": lambda: ec.generate_private_key(ec.SECP256R1()), "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
            "p521": lambda: ec.generate_private_key(ec.SECP521R1()), "p224": lambda: ec.generate_private_key(ec.SECP224R1()),
            "k256": lambda: ec.generate_private_key(ec.SECP256K1()),
            "brainpool": lambda: ec.generate_private_key(ec.BrainpoolP256R1()),
            "ed25519": ed25519.Ed25519PrivateKey.generate, "ed448": ed448.Ed448PrivateKey.generate}[kind]()


def name(common_name: str, *more: x509.NameAttribute[str]) -> x509.Name:
    """C=FR, O=Essai, CN=`common_name`."""
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Essai"),
                      *more, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def usage(*names: str) -> x509.KeyUsage:
    """A keyUsage with those bits."""
    every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{n: n in names for n in every})


@dataclass(frozen=True)
class Made:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


@dataclass(frozen=True)
class Profile:
    """What a certificate is made of; `extensions` replaces those of the same kind, `without` leaves kinds out."""

    subject: x509.Name
    authority: bool = False
    path_length: int | None = None
    kind: str = "p256"
    number: int = 0
    begin: datetime = NOW - DAY
    end: datetime = NOW + 300 * DAY
    digest: Any = field(default_factory=hashes.SHA256)
    serial: int = 0
    issuer_name: x509.Name | None = None
    extensions: tuple[Extension, ...] = ()
    without: tuple[type, ...] = ()

    def bent(self, **change: Any) -> "Profile":
        return replace(self, **change)

    def signed_by(self, issuer: "Made | None", rsa_padding: Any = None) -> Made:
        """The certificate; self-signed without an issuer."""
        own = key(self.kind, self.number)
        signer = issuer.key if issuer else own
        signer_name = self.issuer_name or (issuer.certificate.subject if issuer else self.subject)
        builder = (x509.CertificateBuilder().subject_name(self.subject).issuer_name(signer_name).public_key(own.public_key())
                   .serial_number(self.serial or x509.random_serial_number()).not_valid_before(self.begin)
                   .not_valid_after(self.end))
        for value, critical in self._extensions(own, signer):
            builder = builder.add_extension(value, critical)
        digest = None if isinstance(signer, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else self.digest
        return Made(builder.sign(signer, digest, rsa_padding=rsa_padding), own)

    def _extensions(self, own: Any, signer: Any) -> list[Extension]:
        default: list[Extension] = [
            (x509.BasicConstraints(ca=self.authority, path_length=self.path_length), True),
            (usage("key_cert_sign", "crl_sign") if self.authority else usage("digital_signature"), True),
            (x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False)]
        if not self.authority:
            default.append((x509.ExtendedKeyUsage([CLIENT]), False))
        given = {type(v) for v, _ in self.extensions if not isinstance(v, x509.UnrecognizedExtension)}
        return [e for e in default if type(e[0]) not in given and type(e[0]) not in self.without] + list(self.extensions)


def patched(made: Made, issuer: Made, old: bytes, new: bytes, digest: Any = None) -> bytes:
    """The certificate with `old` replaced by `new` (as long) where it first stands, and signed again: what no builder makes."""
    assert len(old) == len(new)
    assert old in made.certificate.tbs_certificate_bytes
    body = made.certificate.tbs_certificate_bytes.replace(old, new, 1)
    digest = digest or hashes.SHA256()
    if isinstance(issuer.key, rsa.RSAPrivateKey):
        algorithm = bytes.fromhex("300d06092a864886f70d01010b0500")
        signature = issuer.key.sign(body, padding.PKCS1v15(), digest)
    else:
        algorithm = bytes.fromhex("300a06082a8648ce3d040302")
        signature = issuer.key.sign(body, ec.ECDSA(digest))
    return der(0x30, body + algorithm.replace(old, new, 1) + der(0x03, b"\0" + signature))


def der(tag: int, content: bytes) -> bytes:
    """A DER value with that tag."""
    size = len(content)
    length = bytes([size]) if size < 0x80 else bytes([0x80 | (n := (size.bit_length() + 7) // 8)]) + size.to_bytes(n)
    return bytes([tag]) + length + content


ROOT = Profile(name("Racine"), authority=True, number=1, end=NOW + 3000 * DAY)
SUB = Profile(name("AC"), authority=True, number=2, end=NOW + 2000 * DAY)
SUB2 = Profile(name("AC 2"), authority=True, number=3, end=NOW + 2000 * DAY)
LEAF = Profile(name("client"), number=4)


@dataclass(frozen=True)
class Chain:
    """Root, authorities below it, leaf."""

    root: Made
    authorities: tuple[Made, ...]
    leaf: Made

    @property
    def intermediates(self) -> list[bytes]:
        return [a.der for a in self.authorities]

    def trust(self, **bend: Any) -> TrustMaterial:
        """The root is trusted; every authority has a list that revokes nothing, unless told otherwise."""
        everyone = (self.root, *self.authorities)
        lists = bend.pop("lists") if "lists" in bend else [(f"{n}.crl", crl(a)) for n, a in enumerate(everyone)]
        pem = b"".join(a.pem for a in everyone)
        return read_trust(pem, lists, bend.pop("grace_s", 0), rules=bend.pop("rules", PathRules()), **bend)


def chain(leaf: Profile = LEAF, *authorities: Profile, root: Profile = ROOT) -> Chain:
    """Root -> authorities (one when none is given) -> leaf."""
    top = root.signed_by(None)
    above, made = top, []
    for profile in authorities or (SUB,):
        above = profile.signed_by(above)
        made.append(above)
    return Chain(top, tuple(reversed(made)), leaf.signed_by(above))


def crl(
    issuer: Made, revoked: Sequence[int] = (), *, number: int | None = 1, begin: datetime = NOW - DAY,
    end: datetime | None = NOW + 30 * DAY, extensions: Sequence[Extension] = (), signer: Any = None,
    entry_extensions: Sequence[Extension] = (),
) -> bytes:
    """A revocation list in DER."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject).last_update(begin)
    builder = builder.next_update(end) if end else builder
    for serial in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(begin)
        for value, critical in entry_extensions:
            entry = entry.add_extension(value, critical)
        builder = builder.add_revoked_certificate(entry.build())
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return builder.sign(signer or issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)
