"""The classes of cases of x509-limbo that the other tests leave open: encodings, key identifiers, constraints of each type, loops.

The corpus itself is in no registry, so each class is built here, for client authentication, with one thing bent.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway_addons.adapters.trust.path_validation import verify_client_chain
from gateway_addons.core.path import PathRefused
from gateway_addons.core.trust import read_trust
from tests.support.chains import LEAF, ROOT, SUB, SUB2, Chain, Made, Profile, chain, der, key, name, patched, usage
from tests.support.pki import DAY, NOW
from tests.trust.test_path_validation import ANY, CLIENT, DNS, eku, names, san

MAIL, URI = x509.RFC822Name, x509.UniformResourceIdentifier


def raw(oid: str, value: bytes, *, critical: bool = False) -> tuple[x509.ExtensionType, bool]:
    """An extension with these bytes as its value, whatever they are."""
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical


def leaf(*extensions: Any, **bend: Any) -> Callable[[], Chain]:
    return lambda: chain(LEAF.bent(extensions=extensions, **bend))


def under(*extensions: Any, of_leaf: Any = (), **bend: Any) -> Callable[[], Chain]:
    """Those are the authority's extensions."""
    return lambda: chain(LEAF.bent(extensions=of_leaf), SUB.bent(extensions=extensions, **bend))


def reencoded(old: bytes, new: bytes, profile: Profile = LEAF) -> Callable[[], Chain]:
    """The leaf with other bytes, of any length, and signed again."""

    def made() -> Chain:
        good = chain(profile)
        issuer = good.authorities[0]
        return Chain(good.root, good.authorities, _Bytes(_signed_again(good.leaf, issuer, old, new), good.leaf))

    return made


class _Bytes(Made):
    """A certificate that is only its bytes: no library reads it."""

    def __init__(self, content: bytes, like: Made) -> None:
        super().__init__(like.certificate, like.key)
        object.__setattr__(self, "content", content)

    @property
    def der(self) -> bytes:
        return self.content  # type: ignore[attr-defined,no-any-return]


def _signed_again(made: Made, issuer: Made, old: bytes, new: bytes) -> bytes:
    body = made.certificate.tbs_certificate_bytes
    assert old in body
    _, inside = _tlv(body)
    changed = der(0x30, inside.replace(old, new, 1))
    signature = issuer.key.sign(changed, ec.ECDSA(hashes.SHA256()))
    return der(0x30, changed + bytes.fromhex("300a06082a8648ce3d040302") + der(0x03, b"\0" + signature))


def _tlv(value: bytes) -> tuple[int, bytes]:
    size = value[1] & 0x7F if value[1] & 0x80 else 0
    return value[0], value[2 + size:]


def _utc(moment: Any) -> bytes:
    return der(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())


SERIAL = 0x0102030405
REFUSED: dict[str, Callable[[], Chain]] = {
    # serial numbers (RFC 5280 4.1.2.2) and DER (X.690)
    "serial number of 21 octets": reencoded(bytes.fromhex("02050102030405"), der(0x02, b"\x01" + bytes(20)), LEAF.bent(serial=SERIAL)),
    "serial number with a leading zero": reencoded(bytes.fromhex("02050102030405"), bytes.fromhex("0206000102030405"), LEAF.bent(serial=SERIAL)),
    "serial number of no octets": reencoded(bytes.fromhex("02050102030405"), bytes.fromhex("0200"), LEAF.bent(serial=SERIAL)),
    "a length in more octets than needed": reencoded(bytes.fromhex("02050102030405"), bytes.fromhex("0281050102030405"), LEAF.bent(serial=SERIAL)),
    "version 2": reencoded(bytes.fromhex("a003020102"), bytes.fromhex("a003020101")),
    "version 4": reencoded(bytes.fromhex("a003020102"), bytes.fromhex("a003020103")),
    "inner and outer algorithm differ": reencoded(bytes.fromhex("300a06082a8648ce3d040302"), bytes.fromhex("300a06082a8648ce3d040303")),
    "ECDSA with NULL parameters": reencoded(bytes.fromhex("300a06082a8648ce3d040302"), bytes.fromhex("300c06082a8648ce3d0403020500")),
    # validity (4.1.2.5)
    "ends before it begins": reencoded(_utc(LEAF.end), _utc(LEAF.begin - DAY)),
    "UTCTime without seconds": reencoded(_utc(LEAF.end), der(0x17, LEAF.end.strftime("%y%m%d%H%MZ").encode())),
    "UTCTime with an offset": reencoded(_utc(LEAF.end), der(0x17, LEAF.end.strftime("%y%m%d%H%M%S+0100").encode())),
    "GeneralizedTime before 2050": reencoded(_utc(LEAF.end), der(0x18, LEAF.end.strftime("%Y%m%d%H%M%SZ").encode())),
    "GeneralizedTime with a fraction": reencoded(_utc(LEAF.end), der(0x18, b"20510101000000.5Z")),
    "the 30th of February": reencoded(_utc(LEAF.end), der(0x17, b"300230000000Z")),
    # names and SAN (4.2.1.6)
    "empty SAN": leaf(raw("2.5.29.17", bytes.fromhex("3000"))),
    "SAN that is no sequence": leaf(raw("2.5.29.17", bytes.fromhex("0500"))),
    "SAN with bytes after its end": leaf(raw("2.5.29.17", bytes.fromhex("3003820161") + b"\0")),
    "IP address of 5 octets in the SAN": leaf(raw("2.5.29.17", bytes.fromhex("300787050102030405"))),
    "empty subject, empty critical SAN": lambda: chain(LEAF.bent(subject=x509.Name([]), extensions=(raw("2.5.29.17", b"\x30\x00", critical=True),))),
    # key identifiers (4.2.1.1, 4.2.1.2)
    "authority key identifier of another key": leaf((x509.AuthorityKeyIdentifier.from_issuer_public_key(key("p256", 70).public_key()), False)),
    "authority key identifier with another serial number": leaf((x509.AuthorityKeyIdentifier(
        None, [x509.DirectoryName(ROOT.subject)], 7), False)),
    "critical authority key identifier": leaf((x509.AuthorityKeyIdentifier.from_issuer_public_key(key("p256", SUB.number).public_key()), True)),
    "critical subject key identifier": leaf((x509.SubjectKeyIdentifier.from_public_key(key("p256", LEAF.number).public_key()), True)),
    "authority without a subject key identifier": under(without=(x509.SubjectKeyIdentifier,)),
    "leaf without an authority key identifier": lambda: chain(LEAF.bent(without=(x509.AuthorityKeyIdentifier,))),
    # usages (4.2.1.3, 4.2.1.12)
    "empty extended key usage": leaf(raw("2.5.29.37", bytes.fromhex("3000")), without=(x509.ExtendedKeyUsage,)),
    "anyExtendedKeyUsage and emailProtection": leaf(eku(ANY, ExtendedKeyUsageOID.EMAIL_PROTECTION)),
    "authority limited to OCSP": under(eku(ExtendedKeyUsageOID.OCSP_SIGNING)),
    "key usage without a bit": leaf(raw("2.5.29.15", bytes.fromhex("03020700"), critical=True), without=(x509.KeyUsage,)),
    # basic constraints (4.2.1.9)
    "negative path length": under(raw("2.5.29.19", bytes.fromhex("30060101ff0201ff"), critical=True), without=(x509.BasicConstraints,)),
    "path length without cA": under(raw("2.5.29.19", bytes.fromhex("3003020100"), critical=True), without=(x509.BasicConstraints,)),
    "path length 0 of the root": lambda: chain(LEAF, SUB2, SUB, root=ROOT.bent(path_length=0)),
    # name constraints (4.2.1.10), each type
    "mail outside": under(names(MAIL("essai.example")), of_leaf=(san(MAIL("a@autre.example")),)),
    "mail excluded": under(names(excluded=(MAIL("a@essai.example"),)), of_leaf=(san(MAIL("a@essai.example")),)),
    "mail of the domain where only one host is meant": under(names(MAIL("essai.example")), of_leaf=(san(MAIL("a@b.essai.example")),)),
    "URI outside": under(names(URI("essai.example")), of_leaf=(san(URI("https://autre.example/")),)),
    "URI excluded": under(names(excluded=(URI("essai.example"),)), of_leaf=(san(URI("https://essai.example/")),)),
    "IPv6 address outside": under(raw("2.5.29.30", der(0x30, der(0xA0, der(0x30, der(0x87, bytes.fromhex("20010db8") + bytes(12) + b"\xff" * 4 + bytes(12))))), critical=True),
                                  of_leaf=(raw("2.5.29.17", der(0x30, der(0x87, bytes.fromhex("20010db9") + bytes(12)))),)),
    "network with a mask that has holes": under(raw("2.5.29.30", der(0x30, der(0xA0, der(0x30, der(0x87, bytes.fromhex("0a000000ff00ff00"))))), critical=True),
                                                of_leaf=(raw("2.5.29.17", der(0x30, der(0x87, bytes.fromhex("0a010001")))),)),
    "IPv4 address where IPv6 is excluded whole": under(raw("2.5.29.30", der(0x30, der(0xA1, der(0x30, der(0x87, bytes(8))))), critical=True),
                                                       of_leaf=(raw("2.5.29.17", der(0x30, der(0x87, bytes.fromhex("0a010001")))),)),
    "directory name excluded": under(names(excluded=(x509.DirectoryName(x509.Name([x509.NameAttribute(x509.oid.NameOID.COUNTRY_NAME, "FR")])),))),
    "empty name constraints": under(raw("2.5.29.30", bytes.fromhex("3000"), critical=True)),
    "name constraints with a minimum": under(raw("2.5.29.30", der(0x30, der(0xA0, der(0x30, der(0x82, b"essai.example") + bytes.fromhex("800101")))), critical=True),
                                             of_leaf=(san(DNS("a.essai.example")),)),
    "constraint of a type that nobody knows": under(raw("2.5.29.30", der(0x30, der(0xA0, der(0x30, der(0x88, bytes.fromhex("2a0304"))))), critical=True),
                                                    of_leaf=(raw("2.5.29.17", der(0x30, der(0x88, bytes.fromhex("2a0305")))),)),
    "constraints of the root": lambda: chain(LEAF.bent(extensions=(san(DNS("a.autre.example")),)), root=ROOT.bent(extensions=(names(DNS("essai.example")),))),
    "name outside, of two authorities down": lambda: chain(LEAF.bent(extensions=(san(DNS("a.autre.example")),)), SUB2, SUB.bent(extensions=(names(DNS("essai.example")),))),
    # forms of keys
    "RSA of 2047 bits": lambda: chain(LEAF.bent(kind="rsa2047")),
    "a leaf with the name of its authority": lambda: chain(LEAF.bent(subject=SUB.subject, authority=True)),
}


def told(given: Chain) -> str | None:
    try:
        verify_client_chain(given.leaf.der, given.intermediates, read_trust(given.root.pem, [], revocation="unchecked"), NOW)
    except PathRefused as refused:
        return refused.rule
    return None


@pytest.mark.parametrize("row", list(REFUSED))
def test_refused(row: str) -> None:
    rule = told(REFUSED[row]())
    assert rule is not None
    assert rule != "signature", "for the reason that the row names, not because it was not signed again"


ACCEPTED: dict[str, Callable[[], Chain]] = {
    "re-encoded with nothing changed": reencoded(bytes.fromhex("a003020102"), bytes.fromhex("a003020102")),
    "serial number of 20 octets": lambda: chain(LEAF.bent(serial=0x7F << 152)),
    "ends in 2050 or later": lambda: chain(LEAF.bent(end=NOW + timedelta(days=365 * 40))),
    "extended key usage, critical": leaf((x509.ExtendedKeyUsage([CLIENT]), True)),
    "anyExtendedKeyUsage beside clientAuth": leaf(eku(CLIENT, ANY)),
    "authority with anyExtendedKeyUsage": under(eku(ANY)),
    "SAN of several types": leaf(san(DNS("a.example"), MAIL("a@a.example"), URI("https://a.example/"))),
    "mail within": under(names(MAIL("essai.example")), of_leaf=(san(MAIL("a@essai.example")),)),
    "directory name within": under(names(x509.DirectoryName(x509.Name([x509.NameAttribute(x509.oid.NameOID.COUNTRY_NAME, "FR")])))),
    "constraint on names, and none of that type in the leaf": under(names(DNS("essai.example"))),
    "path length 0 above the leaf": under(path_length=0),
    "a leaf with keyAgreement too": leaf((usage("digital_signature", "key_agreement"), True)),
}


@pytest.mark.parametrize("row", list(ACCEPTED))
def test_accepted(row: str) -> None:
    assert told(ACCEPTED[row]()) is None


# --- paths that branch, cross and run in circles ---


def test_authorities_that_certify_each_other_lead_nowhere() -> None:
    one, two = SUB.bent(number=31, subject=name("Un")), SUB2.bent(number=32, subject=name("Deux"))
    stranger = ROOT.bent(number=33, subject=name("Autre racine")).signed_by(None)
    of_one, of_two = one.signed_by(stranger), two.signed_by(stranger)
    loop = [one.signed_by(of_two), two.signed_by(of_one)]
    client = LEAF.signed_by(of_one)
    trust = read_trust(ROOT.signed_by(None).pem, [], revocation="unchecked")
    with pytest.raises(PathRefused) as refused:
        verify_client_chain(client.der, [c.der for c in loop], trust, NOW)
    assert refused.value.failure == "chain"


def test_a_cross_certificate_that_leads_to_the_anchor_is_found_beside_one_that_does_not() -> None:
    root, stranger = ROOT.signed_by(None), ROOT.bent(number=33, subject=name("Autre racine")).signed_by(None)
    crossed, own = SUB.signed_by(stranger), SUB.signed_by(root)
    client = LEAF.signed_by(own)
    trust = read_trust(root.pem, [], revocation="unchecked")
    for order in ([crossed.der, own.der], [own.der, crossed.der]):
        assert verify_client_chain(client.der, order, trust, NOW).certificates[1] == own.certificate


def test_dead_ends_are_left_one_by_one() -> None:
    root, client, dead = ROOT.signed_by(None), None, []
    own = SUB.signed_by(root)
    client = LEAF.signed_by(own)
    for number in range(6):
        dead.append(SUB.signed_by(ROOT.bent(number=40 + number, subject=name(f"Autre {number}")).signed_by(None)).der)
    trust = read_trust(root.pem, [], revocation="unchecked")
    assert verify_client_chain(client.der, [*dead, own.der], trust, NOW).certificates[1] == own.certificate
    with pytest.raises(PathRefused) as refused:
        verify_client_chain(client.der, dead, trust, NOW)
    assert refused.value.rule == "unknown_issuer"


def test_an_authority_that_is_its_own_ancestor_by_key() -> None:
    """Two authorities with one key: the path is what was signed, and its length counts."""
    root = ROOT.signed_by(None)
    upper = SUB.bent(path_length=0).signed_by(root)
    lower = SUB2.bent(number=SUB.number).signed_by(upper)
    trust = read_trust(root.pem, [], revocation="unchecked")
    with pytest.raises(PathRefused) as refused:
        verify_client_chain(LEAF.signed_by(lower).der, [lower.der, upper.der], trust, NOW)
    assert refused.value.failure == "chain"


def test_an_unsigned_change_is_told_as_such() -> None:
    good = chain()
    bent = bytearray(patched(good.leaf, good.authorities[0], b"client", b"CLIENT"))
    bent[bent.index(b"CLIENT")] ^= 1
    with pytest.raises(PathRefused) as refused:
        verify_client_chain(bytes(bent), good.intermediates, good.trust(), NOW)
    assert refused.value.rule == "signature"
