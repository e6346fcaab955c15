"""Path validation, rule by rule: one chain that is good, and one change for each way of being bad (RFC 5280).

docs/certificates.md cites the rows by name.
"""

import ipaddress
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway_addons.adapters.trust.path_validation import verify_client_chain
from gateway_addons.core.path import PathRefused, PathRules
from gateway_addons.core.trust import read_trust
from tests.support.chains import LEAF, ROOT, SUB, SUB2, Chain, chain, crl, key, name, patched, usage
from tests.support.pki import DAY, NOW

SERVER, CLIENT, ANY = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
ODD = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")


def judged(given: Chain, **bend: Any) -> tuple[str, str] | None:
    """None when accepted, else (failure, rule)."""
    try:
        verify_client_chain(given.leaf.der, given.intermediates, given.trust(**bend), NOW)
    except PathRefused as refused:
        return refused.failure, refused.rule
    return None


def eku(*usages: x509.ObjectIdentifier) -> tuple[x509.ExtensionType, bool]:
    return x509.ExtendedKeyUsage(usages), False


def names(*allowed: x509.GeneralName, excluded: tuple[x509.GeneralName, ...] = ()) -> tuple[x509.ExtensionType, bool]:
    return x509.NameConstraints(allowed or None, excluded or None), True


def san(*values: x509.GeneralName, critical: bool = False) -> tuple[x509.ExtensionType, bool]:
    return x509.SubjectAlternativeName(values), critical


def policies(*oids: str) -> tuple[x509.ExtensionType, bool]:
    return x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(o), None) for o in oids]), False


DNS = x509.DNSName
ACCEPTED: dict[str, Callable[[], Chain]] = {
    "leaf, authority, root": chain,
    "two authorities": lambda: chain(LEAF, SUB2, SUB),
    "leaf directly under the root": lambda: Chain(root := ROOT.signed_by(None), (), LEAF.signed_by(root)),
    "RSA 2048": lambda: chain(LEAF.bent(kind="rsa2048"), SUB.bent(kind="rsa2048"), root=ROOT.bent(kind="rsa2048")),
    "P-384 under P-521": lambda: chain(LEAF.bent(kind="p384"), SUB.bent(kind="p521")),
    "SHA-512": lambda: chain(LEAF.bent(digest=hashes.SHA512())),
    "RSA-PSS signature": lambda: Chain(root := ROOT.signed_by(None), (sub := SUB.bent(kind="rsa2048").signed_by(root),),
                                       LEAF.signed_by(sub, padding.PSS(padding.MGF1(hashes.SHA256()), 32))),
    "clientAuth and serverAuth": lambda: chain(LEAF.bent(extensions=(eku(CLIENT, SERVER),))),
    "authority limited to clientAuth": lambda: chain(LEAF, SUB.bent(extensions=(eku(CLIENT),))),
    "path length that is enough": lambda: chain(LEAF, SUB2.bent(path_length=1), SUB.bent(path_length=0)),
    "name within the constraints": lambda: chain(LEAF.bent(extensions=(san(DNS("a.essai.example")),)),
                                                 SUB.bent(extensions=(names(DNS("essai.example")),))),
    "unknown extension, not critical": lambda: chain(LEAF.bent(extensions=((ODD, False),))),
    "empty subject, critical SAN": lambda: chain(LEAF.bent(subject=x509.Name([]), extensions=(san(DNS("a.example"), critical=True),))),
}


@pytest.mark.parametrize("row", list(ACCEPTED))
def test_accepted(row: str) -> None:
    assert judged(ACCEPTED[row]()) is None


REFUSED: dict[str, tuple[Callable[[], Chain], str, str | None]] = {
    # 6.1.3 a 1: signatures
    "signed by another key of the authority's name": (lambda: Chain((c := chain()).root, c.authorities, LEAF.signed_by(
        SUB.bent(number=9).signed_by(c.root))), "chain", "unknown_issuer"),
    "signature bent": (lambda: Chain((c := chain()).root, c.authorities, LEAF.bent(extensions=(
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(c.authorities[0].key.public_key()), False),)).signed_by(
        SUB.bent(number=9).signed_by(c.root))), "chain", "signature"),
    "authority of a stranger": (lambda: Chain(ROOT.bent(number=8).signed_by(None), (c := chain()).authorities, c.leaf), "chain", None),
    # 4.1.1.2, ANSSI: algorithms
    "SHA-224": (lambda: chain(LEAF.bent(digest=hashes.SHA224())), "chain", "signature_algorithm"),
    "RSA 1024": (lambda: chain(LEAF.bent(kind="rsa1024")), "chain", "key"),
    "RSA 1024 of the authority": (lambda: chain(LEAF, SUB.bent(kind="rsa1024")), "chain", "key"),
    "RSA 1024 of the root": (lambda: chain(LEAF, SUB, root=ROOT.bent(kind="rsa1024")), "chain", "key"),
    "RSA with exponent 3": (lambda: chain(LEAF.bent(kind="rsa2048e3")), "chain", "key"),
    "P-224": (lambda: chain(LEAF.bent(kind="p224")), "chain", "key"),
    "secp256k1": (lambda: chain(LEAF.bent(kind="k256")), "chain", "key"),
    "brainpool": (lambda: chain(LEAF.bent(kind="brainpool")), "chain", "key"),
    "DSA": (lambda: chain(LEAF.bent(kind="dsa")), "chain", "key"),
    "Ed25519": (lambda: chain(LEAF.bent(kind="ed25519")), "chain", "key"),
    "Ed448": (lambda: chain(LEAF.bent(kind="ed448")), "chain", "key"),
    "Ed25519 of the authority": (lambda: chain(LEAF, SUB.bent(kind="ed25519")), "chain", None),
    # 4.1.2.2, 4.1.2.4, 4.1.2.6: serial number and names
    "empty subject, SAN not critical": (lambda: chain(LEAF.bent(subject=x509.Name([]), extensions=(san(DNS("a.example")),))), "chain", None),
    "empty subject, no SAN": (lambda: chain(LEAF.bent(subject=x509.Name([]))), "chain", None),
    "authority without a name": (lambda: chain(LEAF, SUB.bent(subject=x509.Name([]))), "chain", None),
    # 4.2.1.1: key identifiers
    "wrong authority key identifier": (lambda: chain(LEAF.bent(extensions=(
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(key("p256", 77).public_key()), False),))), "chain", "unknown_issuer"),
    # 4.2.1.3: key usage
    "no digitalSignature": (lambda: chain(LEAF.bent(extensions=((usage("key_agreement"), True),))), "usage", "key_usage"),
    "no key usage": (lambda: chain(LEAF.bent(without=(x509.KeyUsage,))), "usage", "key_usage"),
    "authority without keyCertSign": (lambda: chain(LEAF, SUB.bent(extensions=((usage("crl_sign"), True),))), "chain", None),
    "authority without key usage": (lambda: chain(LEAF, SUB.bent(without=(x509.KeyUsage,))), "chain", None),
    "leaf that may sign certificates": (lambda: chain(LEAF.bent(extensions=((usage("digital_signature", "key_cert_sign"), True),))),
                                        "chain", None),
    # 4.2.1.4, 4.2.1.5, 4.2.1.11, 4.2.1.14: policies
    "explicit policy asked for by the authority, none in the leaf": (lambda: chain(LEAF, SUB.bent(extensions=(
        (x509.PolicyConstraints(0, None), True), policies("1.2.3")))), "chain", "policies"),
    "anyPolicy inhibited": (lambda: chain(LEAF.bent(extensions=(policies("2.5.29.32.0"),)), SUB.bent(extensions=(
        (x509.InhibitAnyPolicy(0), True), (x509.PolicyConstraints(0, None), True), policies("1.2.3")))), "chain", "policies"),
    "a policy named twice": (lambda: chain(LEAF.bent(extensions=(policies("1.2.3", "1.2.3"),))), "chain", None),
    # 4.2.1.9: basic constraints
    "leaf that is an authority": (lambda: chain(LEAF.bent(authority=True, extensions=(eku(CLIENT),))), "chain", None),
    "authority that is none": (lambda: chain(LEAF, SUB.bent(extensions=((x509.BasicConstraints(False, None), True),))), "chain", None),
    "authority without basic constraints": (lambda: chain(LEAF, SUB.bent(without=(x509.BasicConstraints,))), "chain", None),
    "authority with basic constraints not critical": (lambda: chain(LEAF, SUB.bent(extensions=((x509.BasicConstraints(True, None), False),))),
                                                      "chain", None),
    "path length exceeded": (lambda: chain(LEAF, SUB2.bent(path_length=0), SUB), "chain", "path_length"),
    "a leaf as issuer": (lambda: Chain((c := chain()).root, (c.leaf, *c.authorities), LEAF.bent(number=6).signed_by(c.leaf)), "chain", None),
    # 4.2.1.10: name constraints
    "name outside the constraints": (lambda: chain(LEAF.bent(extensions=(san(DNS("a.autre.example")),)),
                                                   SUB.bent(extensions=(names(DNS("essai.example")),))), "chain", "name_constraints"),
    "name excluded": (lambda: chain(LEAF.bent(extensions=(san(DNS("a.essai.example")),)),
                                    SUB.bent(extensions=(names(excluded=(DNS("essai.example"),)),))), "chain", "name_constraints"),
    "subject outside a directory name constraint": (lambda: chain(LEAF, SUB.bent(extensions=(names(x509.DirectoryName(x509.Name(
        [x509.NameAttribute(x509.oid.NameOID.COUNTRY_NAME, "DE")]))),))), "chain", "name_constraints"),
    "address outside the constraints": (lambda: chain(
        LEAF.bent(extensions=(san(x509.IPAddress(ipaddress.ip_address("192.0.2.1"))),)),
        SUB.bent(extensions=(names(x509.IPAddress(ipaddress.ip_network("10.0.0.0/8"))),))), "chain", "name_constraints"),
    "name constraints in the leaf": (lambda: chain(LEAF.bent(extensions=(names(DNS("essai.example")),))), "chain", None),
    # 4.2.1.12: extended key usage
    "serverAuth only": (lambda: chain(LEAF.bent(extensions=(eku(SERVER),))), "usage", "extended_key_usage"),
    "anyExtendedKeyUsage only": (lambda: chain(LEAF.bent(extensions=(eku(ANY),))), "usage", "extended_key_usage"),
    "no extended key usage": (lambda: chain(LEAF.bent(without=(x509.ExtendedKeyUsage,))), "usage", "extended_key_usage"),
    "authority limited to serverAuth": (lambda: chain(LEAF, SUB.bent(extensions=(eku(SERVER),))), "chain", "authority_usage"),
    # 4.2: critical extensions
    "unknown critical extension": (lambda: chain(LEAF.bent(extensions=((ODD, True),))), "chain", None),
    "unknown critical extension of the authority": (lambda: chain(LEAF, SUB.bent(extensions=((ODD, True),))), "chain", None),
    # 6.1.3 a 2: dates
    "expired": (lambda: chain(LEAF.bent(end=NOW - timedelta(hours=1))), "expired", "dates"),
    "not yet valid": (lambda: chain(LEAF.bent(begin=NOW + DAY)), "not_yet_valid", "dates"),
    "authority expired": (lambda: chain(LEAF, SUB.bent(end=NOW - timedelta(hours=1))), "expired", "dates"),
    "root expired": (lambda: chain(LEAF, SUB, root=ROOT.bent(end=NOW - timedelta(hours=1))), "expired", "dates"),
    "never valid together": (lambda: chain(LEAF.bent(begin=NOW - DAY), SUB.bent(begin=NOW - 9 * DAY, end=NOW - 3 * DAY)), "chain", "dates"),
}


@pytest.mark.parametrize("row", list(REFUSED))
def test_refused(row: str) -> None:
    make, failure, rule = REFUSED[row]
    told = judged(make(), lists=[], revocation="unchecked")
    assert told is not None
    assert told[0] == failure
    assert rule is None or told[1] == rule


RSA_SUB = SUB.bent(kind="rsa2048")
SHA256_WITH_RSA, SHA1_WITH_RSA, MD5_WITH_RSA = (bytes.fromhex("2a864886f70d0101") + bytes([n]) for n in (11, 5, 4))
VERSION_3, VERSION_1 = bytes.fromhex("a003020102"), bytes.fromhex("a003020100")
PATCHED: dict[str, tuple[Any, Any, bytes, bytes, Any]] = {
    "SHA-1": (LEAF, RSA_SUB, SHA256_WITH_RSA, SHA1_WITH_RSA, hashes.SHA1()),
    "MD5": (LEAF, RSA_SUB, SHA256_WITH_RSA, MD5_WITH_RSA, hashes.MD5()),
    "negative serial number": (LEAF.bent(serial=0x7f << 152), SUB, b"\x02\x14\x7f", b"\x02\x14\xff", None),
    "serial number zero": (LEAF.bent(serial=1), SUB, VERSION_3 + b"\x02\x01\x01", VERSION_3 + b"\x02\x01\x00", None),
    "version 1": (LEAF, SUB, VERSION_3, VERSION_1, None),
    "an extension twice": (LEAF, SUB, bytes.fromhex("0603551d0e"), bytes.fromhex("0603551d0f"), None),
    "basic constraints cA of odd BOOLEAN": (LEAF.bent(extensions=((ODD, True),)), SUB, b"\x01\x01\xff", b"\x01\x01\x01", None),
    "leaf's time of odd form": (LEAF, SUB, LEAF.end.strftime("%y%m%d%H%M%SZ").encode(), LEAF.end.strftime("%y%m%d%H%M%S+").encode(), None),
}


@pytest.mark.parametrize("row", list(PATCHED))
def test_refused_though_signed(row: str) -> None:
    leaf, sub, old, new, digest = PATCHED[row]
    good = chain(leaf, sub)
    bent = patched(good.leaf, good.authorities[0], old, new, digest)
    with pytest.raises(PathRefused) as refused:
        verify_client_chain(bent, good.intermediates, good.trust(), NOW)
    assert refused.value.failure == "chain"
    assert refused.value.rule not in {"signature", "unknown_issuer"}


def test_a_patched_certificate_with_nothing_bent_is_accepted() -> None:
    for sub in (SUB, RSA_SUB):
        good = chain(LEAF, sub)
        verify_client_chain(patched(good.leaf, good.authorities[0], b"client", b"CLIENT"), good.intermediates, good.trust(), NOW)


def test_name_constraints_of_odd_syntax_are_refused() -> None:
    """OpenSSL alone takes them for a name that matches nothing, or something."""
    sub = SUB.bent(extensions=(names(DNS("x.essai.example")),))
    root = ROOT.signed_by(None)
    odd = patched(made := sub.signed_by(root), root, b"x.essai.example", b"*.essai.example")
    leaf = LEAF.bent(extensions=(san(DNS("a.essai.example")),)).signed_by(made)
    with pytest.raises(PathRefused):
        verify_client_chain(leaf.der, [odd], read_trust(root.pem, [], revocation="unchecked"), NOW)


SOFT = {"expired": LEAF.bent(end=NOW - timedelta(hours=1)), "usage": LEAF.bent(extensions=(eku(SERVER),))}


@pytest.mark.parametrize("row", list(SOFT))
def test_what_is_wrong_besides_goes_before(row: str) -> None:
    """A failure that leaves the names believed is told only when the rest of the path is good."""
    assert judged(chain(SOFT[row], SUB.bent(extensions=(names(x509.DirectoryName(name("Autre"))),)))) == ("chain", "name_constraints")
    good = chain(SOFT[row])
    forged = Chain(good.root, good.authorities, SOFT[row].signed_by(SUB.bent(number=9).signed_by(good.root)))
    told = judged(forged)
    assert told is not None
    assert told[0] == "chain"


def test_no_issuer_no_path() -> None:
    good = chain()
    with pytest.raises(PathRefused) as refused:
        verify_client_chain(good.leaf.der, [], read_trust(good.root.pem, [("r", crl(good.root))]), NOW)
    assert refused.value.rule == "unknown_issuer"


def test_junk_among_the_intermediates_is_borne() -> None:
    good, other = chain(), chain(LEAF, SUB2.bent(subject=name("Autre AC"), number=12))
    path = verify_client_chain(good.leaf.der, [other.leaf.der, *good.intermediates, *good.intermediates, good.root.der, good.leaf.der],
                               good.trust(), NOW)
    assert [link.is_authority for link in path.links] == [False, True]
    assert path.leaf == good.leaf.certificate


def test_a_leaf_that_is_an_anchor_is_refused() -> None:
    own = LEAF.signed_by(None)
    trust = read_trust(own.pem, [], revocation="unchecked")
    with pytest.raises(PathRefused):
        verify_client_chain(own.der, [], trust, NOW)


def test_more_authorities_than_allowed() -> None:
    assert judged(chain(LEAF, SUB2, SUB), rules=PathRules(max_depth=1)) is not None
    assert judged(chain(LEAF, SUB2, SUB), rules=PathRules(max_depth=2)) is None


def test_extended_key_usage_may_be_left_out_where_the_rules_say_so() -> None:
    bare = chain(LEAF.bent(without=(x509.ExtendedKeyUsage, x509.KeyUsage)))
    assert judged(bare, rules=PathRules(extended_key_usage="if_present")) is None
    assert judged(chain(LEAF.bent(extensions=(eku(SERVER),))), rules=PathRules(extended_key_usage="if_present")) is not None


@pytest.mark.parametrize(("sub", "leaf", "held"), [
    ((policies("1.2.3"),), (policies("1.2.3"),), True), ((policies("1.2.3"),), (), False), ((), (policies("1.2.3"),), False),
    ((policies("2.5.29.32.0"),), (policies("1.2.3"),), True), ((policies("1.2.3"),), (policies("2.5.29.32.0"),), True),
    ((policies("1.2.4"),), (policies("1.2.3"),), False), ((policies("1.2.3", "1.2.4"),), (policies("1.2.4"),), False),
    ((policies("2.5.29.32.0"), (x509.InhibitAnyPolicy(0), True)), (policies("2.5.29.32.0"),), False),
])
def test_required_policies(sub: Any, leaf: Any, held: bool) -> None:
    told = judged(chain(LEAF.bent(extensions=leaf), SUB.bent(extensions=sub)), rules=PathRules(required_policies=frozenset({"1.2.3"})))
    assert told == (None if held else ("chain", "policies"))


# --- bounds: hostile chains are refused before anything costly runs ---


def test_too_many_and_too_large() -> None:
    good = chain()
    with pytest.raises(PathRefused) as refused:
        verify_client_chain(good.leaf.der, good.intermediates * 9, good.trust(), NOW)
    assert refused.value.rule == "too_many_certificates"
    with pytest.raises(PathRefused) as refused:
        verify_client_chain(good.leaf.der, [bytes(40_000)], good.trust(), NOW)
    assert refused.value.rule == "too_many_bytes"


def test_intermediates_of_one_name_and_key_cost_little() -> None:
    """A hundred of them stalled a path builder for 20 s: here eight at most are looked at, and one path only."""
    root = ROOT.signed_by(None)
    twins = [SUB.bent(serial=n + 2).signed_by(SUB.signed_by(root)) for n in range(100)]
    leaf = LEAF.signed_by(twins[0])
    trust = read_trust(root.pem, [], revocation="unchecked", rules=PathRules(max_intermediates=100, max_bytes=1 << 20))
    start = time.process_time()
    with pytest.raises(PathRefused):
        verify_client_chain(leaf.der, [t.der for t in twins], trust, NOW)
    assert time.process_time() - start < 5


# --- whatever bytes come, PathRefused is the only exception ---

GOOD = chain()
TRUST = GOOD.trust()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_bent_bytes_are_refused_and_nothing_else(data: st.DataObject) -> None:
    """A signed byte that is not the authority's is refused; of the rest, nothing but PathRefused ever comes out."""
    which = data.draw(st.sampled_from(["leaf", "authority"]))
    raw = bytearray(GOOD.leaf.der if which == "leaf" else GOOD.intermediates[0])
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 3))
    bent = bytes(raw[:len(raw) - cut]) + data.draw(st.binary(max_size=2))
    leaf, others = (bent, GOOD.intermediates) if which == "leaf" else (GOOD.leaf.der, [bent])
    try:
        path = verify_client_chain(leaf, others, TRUST, NOW)
    except PathRefused:
        return
    assert path.leaf == GOOD.leaf.certificate


@given(st.binary(max_size=2000), st.lists(st.binary(max_size=500), max_size=4))
def test_any_bytes_are_refused(leaf: bytes, others: list[bytes]) -> None:
    with pytest.raises(PathRefused):
        verify_client_chain(leaf, others, TRUST, NOW)


def test_bytes_after_the_end_are_refused() -> None:
    with pytest.raises(PathRefused) as refused:
        verify_client_chain(GOOD.leaf.der + b"\0", GOOD.intermediates, TRUST, NOW)
    assert refused.value.rule == "malformed"
