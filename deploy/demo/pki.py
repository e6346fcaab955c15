"""The throw-away PKI of one environment: authorities, revocation lists, server, clients, and the bad certificates."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from deploy.demo.certificates import (
    DAY,
    SERVER_NAMES,
    Authority,
    Pair,
    Validity,
    key_pem,
    root,
    self_signed,
    write_private,
)

CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
STRANGER = "CN=infinoe.inconnu.example,OU=0002 73282932000074,O=Organisme inconnu,C=FR"
"""A well-formed certificate of nobody's contract (its SIRET is the documented test vector)."""

ISSUING = "issuing"
"""Where the authority of the client certificates is kept, for consumers that come later; a real one is in a vault."""


@dataclass(frozen=True)
class CertificateFiles:
    """Where a certificate (with its chain) and its key are."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class PkiFiles:
    """What the gateway trusts and shows, and what the clients hold, in one environment."""

    anchors: Path
    crls: tuple[Path, ...]
    server: CertificateFiles
    server_ca: Path
    clients: Mapping[str, CertificateFiles]
    bad: Mapping[str, CertificateFiles]


@dataclass(frozen=True)
class Identity:
    """The names of a consumer's certificate as its contract has them (RFC 4514)."""

    subject: str
    issuer: str


def make(folder: Path, identities: Mapping[str, Identity], model: str, now: datetime) -> PkiFiles:
    """Make the PKI below `folder`.

    Args:
        folder: a fresh folder of this environment.
        identities: by consumer; all of one issuer.
        model: the consumer whose names the bad certificates carry, so that only their one defect tells them apart.
        now: the time that certificates are valid around.

    Raises:
        ValueError: the contracts name more than one issuer; the demonstration has one for each environment.
    """
    issuers = {i.issuer for i in identities.values()}
    if len(issuers) != 1:
        raise ValueError(f"one issuer of client certificates is expected in an environment, contracts name {sorted(issuers)}")
    issuer = issuers.pop()
    life = Validity(now - timedelta(hours=1), now + 300 * DAY)
    top = root(_name(issuer.replace("AC Clients", "Racine")), Validity(now - DAY, now + 900 * DAY))
    issuing = top.subordinate(_name(issuer), Validity(now - DAY, now + 600 * DAY))
    clients = {name: issuing.issue(_name(i.subject), life, [CLIENT]) for name, i in identities.items()}
    bad = _bad(issuing, identities[model].subject, issuer, now, life)
    crls = (folder / "racine.crl.pem", folder / "clients.crl.pem")
    _write(folder / "clients-ca.pem", issuing.pair.pem + top.pair.pem)
    _write(folder / ISSUING / "ca.pem", issuing.pair.pem)
    write_private(folder / ISSUING / "ca.key", key_pem(issuing.pair.key))
    _write(crls[0], top.revocations(now))
    _write(crls[1], issuing.revocations(now, [bad["revoked"][0].certificate]))
    server, server_ca = _server(folder, issuer, now)
    chain = issuing.pair.pem
    return PkiFiles(
        anchors=folder / "clients-ca.pem", crls=crls, server=server, server_ca=server_ca,
        clients={name: _files(folder / "clients", name, pair, chain) for name, pair in clients.items()},
        bad={name: _files(folder / "bad", name, pair, sent) for name, (pair, sent) in bad.items()},
    )


def issue_another(folder: Path, name: str, subject: str, now: datetime) -> CertificateFiles:
    """One more client certificate of the PKI that `make` left below `folder`, for a consumer that comes later.

    Raises:
        OSError, ValueError: there is no such PKI, or the subject is not written as RFC 4514 has it.
    """
    certificate = x509.load_pem_x509_certificate((folder / ISSUING / "ca.pem").read_bytes())
    key = serialization.load_pem_private_key((folder / ISSUING / "ca.key").read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{folder / ISSUING / 'ca.key'}: not the key of an authority of this demonstration")
    issuing = Authority(Pair(certificate, key))
    pair = issuing.issue(_name(subject), Validity(now - timedelta(hours=1), now + 300 * DAY), [CLIENT])
    return _files(folder / "clients", name, pair, issuing.pair.pem)


def _bad(issuing: Authority, subject: str, issuer: str, now: datetime, life: Validity) -> dict[str, tuple[Pair, bytes]]:
    """One certificate, with the chain its holder sends, for each way of failing control C1 (clause 4-C1)."""
    name = _name(subject)
    foreign = root(_name("CN=AC etrangere,O=Autre IGC,C=FR"), Validity(now - DAY, now + 600 * DAY))
    double = root(_name(issuer), Validity(now - DAY, now + 600 * DAY))
    own = issuing.pair.pem
    return {
        "expired": (issuing.issue(name, Validity(now - 30 * DAY, now - DAY), [CLIENT]), own),
        "not_yet_valid": (issuing.issue(name, Validity(now + DAY, now + 30 * DAY), [CLIENT]), own),
        "revoked": (issuing.issue(name, life, [CLIENT]), own),
        "unknown_ca": (foreign.issue(name, life, [CLIENT]), foreign.pair.pem),
        "same_name_ca": (double.issue(name, life, [CLIENT]), double.pair.pem),
        "self_signed": (self_signed(name, life), b""),
        "server_auth_only": (issuing.issue(name, life, [SERVER]), own),
        "unregistered": (issuing.issue(_name(STRANGER), life, [CLIENT]), own),
    }


def _server(folder: Path, issuer: str, now: datetime) -> tuple[CertificateFiles, Path]:
    """The listener's certificate, by an authority that vouches for servers only."""
    authority = root(_name(issuer.replace("AC Clients", "AC Serveurs")), Validity(now - DAY, now + 600 * DAY))
    pair = authority.issue(_name("CN=localhost,O=Poterne Demo,C=FR"), Validity(now - timedelta(hours=1), now + 300 * DAY),
                           [SERVER], SERVER_NAMES)
    _write(folder / "server-ca.pem", authority.pair.pem)
    return _files(folder, "server", pair, authority.pair.pem), folder / "server-ca.pem"


def _files(folder: Path, name: str, pair: Pair, chain: bytes) -> CertificateFiles:
    files = CertificateFiles(folder / f"{name}.pem", folder / f"{name}.key")
    _write(files.certificate, pair.pem + chain)
    write_private(files.key, key_pem(pair.key))
    return files


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def _name(text: str) -> x509.Name:
    return x509.Name.from_rfc4514_string(text)
