"""Self-signed certificates of clients (RFC 8705 section 2.2): admitted one by one, and each by nothing but itself."""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway_addons.adapters.trust.path_validation import verify_client_chain
from gateway_addons.core.path import PathRefused
from gateway_addons.core.trust import TrustError, TrustMaterial, read_trust
from tests.support import pki
from tests.support.rig import read_answer, request, running_rig

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
CLIENT = (ExtendedKeyUsageOID.CLIENT_AUTH,)
type Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey]


def self_signed(*, ca: bool = False, usages: Sequence[x509.ObjectIdentifier] = CLIENT, end: datetime = NOW + DAY,
                key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None, signer: ec.EllipticCurvePrivateKey | None = None) -> Pair:
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "0002 13099990700012"), x509.NameAttribute(NameOID.COMMON_NAME, "seul")])
    usage = x509.KeyUsage(True, False, False, False, False, ca, ca, False, False)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(NOW - DAY).not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True).add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False).sign(signer or key, hashes.SHA256()))
    return certificate, key


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(c.public_bytes(Encoding.PEM) for c in certificates)


def trust(*registered: x509.Certificate) -> TrustMaterial:
    top = pki.root("Racine")
    return read_trust(pem(top.me.certificate), [("root.crl", top.crl())], self_signed_pem=pem(*registered))


def test_the_registered_certificate_is_a_path_of_itself() -> None:
    mine, _ = self_signed()
    material = trust(mine)
    path = verify_client_chain(der(mine), [], material, NOW)
    assert [material.status(link, NOW) for link in path.links] == ["good"]


def test_taken_out_it_is_revoked_for_connections_that_are_open() -> None:
    mine, _ = self_signed()
    path = verify_client_chain(der(mine), [], trust(mine), NOW)
    assert [trust().status(link, NOW) for link in path.links] == ["revoked"]


@pytest.mark.parametrize("name", ["not registered", "same name and key, another certificate", "expired", "for servers"])
def test_what_is_not_that_very_certificate_or_not_good_is_refused(name: str) -> None:
    mine, key = self_signed()
    other = {"not registered": self_signed()[0], "same name and key, another certificate": self_signed(key=key, end=NOW + 2 * DAY)[0],
             "expired": self_signed(end=NOW - DAY / 2)[0], "for servers": self_signed(usages=(ExtendedKeyUsageOID.SERVER_AUTH,))[0]}[name]
    registered = [mine, other] if name in {"expired", "for servers"} else [mine]
    with pytest.raises(PathRefused) as refused:
        verify_client_chain(der(other), [], trust(*registered), NOW)
    assert refused.value.failure == {"expired": "expired", "for servers": "usage"}.get(name, "chain")


def test_what_it_signs_is_not_admitted() -> None:
    mine, key = self_signed()
    child_key = ec.generate_private_key(ec.SECP256R1())
    child = (
        x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "enfant")])).issuer_name(mine.subject)
        .public_key(child_key.public_key()).serial_number(8).not_valid_before(NOW - DAY).not_valid_after(NOW + DAY)
        .add_extension(x509.ExtendedKeyUsage(CLIENT), critical=False).sign(key, hashes.SHA256()))
    with pytest.raises(PathRefused):
        verify_client_chain(der(child), [der(mine)], trust(mine), NOW)


@pytest.mark.parametrize("wrong", [
    self_signed(ca=True)[0], self_signed(key=rsa.generate_private_key(65537, 1024))[0],
    self_signed(signer=ec.generate_private_key(ec.SECP256R1()))[0], pki.root("AC").issue("délivré").certificate,
], ids=["an authority", "a weak key", "signed by another key", "issued by another"])
def test_refused_at_load(wrong: x509.Certificate) -> None:
    with pytest.raises(TrustError, match="self-signed"):
        trust(wrong)


def test_junk_is_refused_at_load() -> None:
    top = pki.root("Racine")
    with pytest.raises(TrustError, match="self-signed"):
        read_trust(pem(top.me.certificate), [("root.crl", top.crl())], self_signed_pem=b"junk")


def write(folder: Path, name: str, pair: Pair) -> tuple[Path, Path]:
    certificate, key = pair
    (folder / f"{name}.pem").write_bytes(pem(certificate))
    (folder / f"{name}.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder / f"{name}.pem", folder / f"{name}.key"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_at_a_real_listener(tmp_path: Path, version: ssl.TLSVersion) -> None:
    """Admitted while it is in the file; another one never; refused at the next call of its open connection once taken out."""
    mine, stranger = self_signed(), self_signed()
    listed = tmp_path / "self-signed.pem"
    listed.write_bytes(pem(mine[0]))
    files, others = write(tmp_path, "mine", mine), write(tmp_path, "stranger", stranger)
    async with running_rig(tmp_path, self_signed_file=listed) as rig:
        versions = {"minimum_version": version, "maximum_version": version}
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, ssl=rig.client(files, **versions), server_hostname="localhost")
        writer.write(request())
        assert (await read_answer(reader)).startswith(b"HTTP/1.1 201 ")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await _served(rig.port, rig.client(others, **versions))
        listed.write_bytes(b"\n")
        assert rig.trust.reload()
        writer.write(request())
        assert b"HTTP/1.1 201 " not in await read_answer(reader)
        assert not rig.policy.asked[-1].certificate.verified
        assert rig.policy.asked[-1].certificate.failure == "revoked"
        writer.transport.abort()


async def _served(port: int, context: ssl.SSLContext) -> bytes:
    """The answer. Raises `ssl.SSLError`, `ConnectionError` where none comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    try:
        writer.write(request())
        answer = await read_answer(reader)
        if not answer:
            raise ConnectionError("closed")
        return answer
    finally:
        writer.transport.abort()
