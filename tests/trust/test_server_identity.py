"""What a listener shows is checked at the start and at every change, and warned of before it ends."""

import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway_addons.adapters.trust.server_files import ServerFiles
from gateway_addons.core.server_identity import ServerIdentityError, read_server_identity
from gateway_addons.settings.listener import ServerIdentity
from tests.support.chains import LEAF, ROOT, SUB, Made, Profile, chain, key, usage
from tests.support.pki import DAY, NOW

SERVER = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
NAMES = (x509.SubjectAlternativeName([x509.DNSName("infinoe.example"), x509.DNSName("*.essai.example")]), False)
OWN = LEAF.bent(extensions=(SERVER, NAMES))


def pem(*certificates: Made) -> bytes:
    return b"".join(c.pem for c in certificates)


def key_pem(made: Made) -> bytes:
    return made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[no-any-return]


def shown(leaf: Profile = OWN, sub: Profile = SUB) -> tuple[Made, Made, Made]:
    made = chain(leaf, sub)
    return made.leaf, made.authorities[0], made.root


def test_a_good_chain_with_and_without_its_root() -> None:
    leaf, sub, root = shown()
    for certificates in ((leaf,), (leaf, sub), (leaf, sub, root)):
        material = read_server_identity(pem(*certificates), key_pem(leaf), NOW)
        assert material.ends == leaf.certificate.not_valid_after_utc
        assert material.missing_names(["infinoe.example", "a.essai.example", "essai.example", "127.0.0.1"]) == ["essai.example", "127.0.0.1"]


BAD: dict[str, tuple[Any, Any, str]] = {
    "another key": (lambda: pem(*shown()[:2]), lambda: key_pem(Made(shown()[0].certificate, key("p256", 99))), "not that of the first"),
    "authority first": (lambda: pem(shown()[1], shown()[0]), lambda: key_pem(shown()[0]), "not that of the first"),
    "out of order": (lambda: pem(shown()[0], shown()[2], shown()[1]), lambda: key_pem(shown()[0]), "in order"),
    "a stranger in the chain": (lambda: pem(shown()[0], ROOT.bent(number=9).signed_by(None)), lambda: key_pem(shown()[0]), "in order"),
    "expired": (lambda: pem(shown(OWN.bent(end=NOW - timedelta(hours=1)))[0]), lambda: key_pem(shown()[0]), "is valid only from"),
    "not yet valid": (lambda: pem(shown(OWN.bent(begin=NOW + DAY))[0]), lambda: key_pem(shown()[0]), "is valid only from"),
    "authority expired": (lambda: pem(*shown(OWN, SUB.bent(end=NOW - timedelta(hours=1)))[:2]), lambda: key_pem(shown()[0]), "is valid only from"),
    "for clients": (lambda: pem(shown(LEAF)[0]), lambda: key_pem(shown()[0]), "serverAuth"),
    "may not sign": (lambda: pem(shown(OWN.bent(extensions=(SERVER, (usage("key_agreement"), True))))[0]), lambda: key_pem(shown()[0]), "digitalSignature"),
    "RSA 1024": (lambda: pem(LEAF.bent(kind="rsa1024", extensions=(SERVER,)).signed_by(shown()[1])), lambda: key_pem(Made(
        shown()[0].certificate, key("rsa1024", 4))), "key: RSA of 1024"),
    "SHA-224": (lambda: pem(shown(OWN.bent(digest=hashes.SHA224()))[0]), lambda: key_pem(shown()[0]), "signature_algorithm"),
    "no certificate": (lambda: b"", lambda: key_pem(shown()[0]), "not PEM"),
    "no key": (lambda: pem(*shown()[:2]), lambda: b"", "not PEM"),
    "encrypted key": (lambda: pem(*shown()[:2]), lambda: b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n\n-----END ENCRYPTED PRIVATE KEY-----\n", "not PEM"),
}


@pytest.mark.parametrize("row", list(BAD))
def test_refused(row: str) -> None:
    certificates, own_key, why = BAD[row]
    with pytest.raises(ServerIdentityError, match=why):
        read_server_identity(certificates(), own_key(), NOW)


@pytest.mark.parametrize(("days", "warned"), [(200, None), (29, 30), (8, 30), (6, 7)])
def test_warned_of_before_it_ends(days: int, warned: int | None) -> None:
    leaf, sub, _ = shown(OWN.bent(end=NOW + timedelta(days=days)))
    reached = read_server_identity(pem(leaf, sub), key_pem(leaf), NOW).remaining_warning(NOW)
    assert reached == (timedelta(days=warned) if warned else None)


def test_a_changed_file_is_taken_up_and_a_bad_one_is_not(tmp_path: Path) -> None:
    stamp = itertools.count(1)

    def write(leaf: Made, *above: Made, own_key: Made | None = None) -> None:
        (tmp_path / "server.pem").write_bytes(pem(leaf, *above) + b"\n" * next(stamp))
        (tmp_path / "server.key").write_bytes(key_pem(own_key or leaf))

    first, sub, _ = shown()
    write(first, sub)
    files = ServerFiles(ServerIdentity(certificate_file=tmp_path / "server.pem", key_file=tmp_path / "server.key"), ["infinoe.example"])
    assert files.reload() is False
    second = OWN.bent(number=20).signed_by(sub)
    write(second, sub)
    assert files.reload() is True
    assert files.material.chain[0] == second.certificate
    write(first, sub, own_key=second)
    assert files.reload() is False
    assert files.alert is not None
    assert files.material.chain[0] == second.certificate
    write(first, sub)
    assert files.reload() is True
    assert files.alert is None
