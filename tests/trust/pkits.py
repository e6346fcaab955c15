"""NIST's Public Key Interoperability Test Suite (PKITS): each test as the corpus itself packs it, and what the suite expects.

The corpus holds a signed message for each test, with the path and the revocation lists in it: this is where they are taken
from. What is expected is in the test's name, but for the tests on policies (PKITS 4.8, 4.10, 4.12), where it depends on the
policies that the relying party asks for: `POLICY_CASES`, after the sections of the document.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from gateway_addons.core.certificate_policies import ANY_POLICY
from gateway_addons.core.path import PathRules
from gateway_addons.core.trust import TrustMaterial, read_trust

JUDGED_AT = datetime(2026, 1, 1, tzinfo=UTC)
"""Within the dates of every certificate that the suite means to be valid (2010 to 2030)."""

_DATA = files("cryptography_vectors") / "x509" / "PKITS_data"
_BODY = re.compile(r"smime\.p7[sm].*?\r?\n\r?\n(.*?)\r?\n(?:\r?\n|--)", re.DOTALL)

SECTIONS = {
    "4.1 signatures": r"(CA|EE|DSA)Signature|ValidSignatures|DSAParameter",
    "4.2 validity periods": r"not(Before|After)Date",
    "4.3 name chaining": r"NameChaining|RFC3280|UTF8String",
    "4.4 basic revocation": r"MissingCRL|Revoked|BadCRL|WrongCRL|TwoCRLs|UnknownCRL|CRLnextUpdate|SerialNumber|SeparateCertificate",
    "4.5 self-issued certificates": r"BasicSelfIssued",
    "4.6 basic constraints": r"[bB]asicConstraints|cAFalse|pathLen",
    "4.7 key usage": r"keyUsage",
    "4.8 policies": r"^(All|Different|Overlapping|AnyPolicy|UserNotice|CPSPointer)",
    "4.9 explicit policy": r"[rR]equireExplicitPolicy",
    "4.10 policy mappings": r"PolicyMappingTest|Mapping(From|To)any",
    "4.11 inhibited policy mappings": r"inhibitPolicyMapping",
    "4.12 inhibited anyPolicy": r"inhibitAnyPolicy",
    "4.13 name constraints": r"nameConstraints",
    "4.14 distribution points": r"distributionPoint|DistributionPoint|onlyContains|onlySomeReasons|IDPwith|cRLIssuer",
    "4.15 delta lists": r"deltaCRL",
    "4.16 private extensions": r"UnknownCritical|UnknownNotCritical",
}
_FIRST = ("4.11 inhibited policy mappings", "4.13 name constraints")
"""Their names hold another section's words."""

FREE, ANY = frozenset[str](), frozenset({ANY_POLICY})
"""No policy asked for; any will do, but there must be one (initial-explicit-policy)."""


def policies(*numbers: int) -> frozenset[str]:
    """NIST-test-policy-1 to -6."""
    return frozenset(f"2.16.840.1.101.3.2.1.48.{n}" for n in numbers)


POLICY_CASES: dict[str, tuple[tuple[frozenset[str], bool], ...]] = {
    "AllCertificatesSamePolicyTest1": ((ANY, True), (policies(1), True), (policies(2), False), (policies(1, 2), True)),
    "AllCertificatesNoPoliciesTest2": ((FREE, True), (ANY, False)),
    "DifferentPoliciesTest3": ((FREE, True), (ANY, False), (policies(1, 2), False)),
    "DifferentPoliciesTest4": ((FREE, False), (ANY, False)),
    "DifferentPoliciesTest5": ((FREE, False), (ANY, False)),
    "OverlappingPoliciesTest6": ((FREE, True), (policies(1), True), (policies(2), False)),
    "DifferentPoliciesTest7": ((FREE, False), (ANY, False)),
    "DifferentPoliciesTest8": ((FREE, False), (ANY, False)),
    "DifferentPoliciesTest9": ((FREE, False), (ANY, False)),
    "AllCertificatesSamePoliciesTest10": ((FREE, True), (policies(1), True), (policies(2), True)),
    "AllCertificatesAnyPolicyTest11": ((FREE, True), (policies(1), True)),
    "DifferentPoliciesTest12": ((FREE, False), (ANY, False)),
    "AllCertificatesSamePoliciesTest13": ((policies(1), True), (policies(2), True), (policies(3), True)),
    "AnyPolicyTest14": ((policies(1), True), (policies(2), False)),
    "UserNoticeQualifierTest15": ((FREE, True), (policies(1), True)),
    "UserNoticeQualifierTest16": ((FREE, True), (policies(1), True)),
    "UserNoticeQualifierTest17": ((FREE, True),),
    "UserNoticeQualifierTest18": ((policies(1), True), (policies(2), True)),
    "UserNoticeQualifierTest19": ((FREE, True), (policies(1), True)),
    "CPSPointerQualifierTest20": ((FREE, True), (policies(1), True)),
    "ValidPolicyMappingTest1": ((policies(1), True), (policies(2), False)),
    "ValidPolicyMappingTest3": ((policies(1), False), (policies(2), True)),
    "ValidPolicyMappingTest5": ((policies(1), True), (policies(6), False)),
    "ValidPolicyMappingTest6": ((policies(1), True), (policies(6), False)),
    "ValidPolicyMappingTest12": ((policies(1), True), (policies(2), True)),
}


@dataclass(frozen=True)
class Case:
    """One test: leaf, the other certificates of its message (DER), the lists (name, DER), and is the path valid by itself?"""

    name: str
    leaf: bytes
    others: tuple[bytes, ...]
    lists: tuple[tuple[str, bytes], ...]

    @property
    def section(self) -> str:
        """The section of the document that the test stands in."""
        found = [s for s in (*_FIRST, *SECTIONS) if re.search(SECTIONS[s], self.name)]
        return found[0]

    @property
    def subtests(self) -> tuple[tuple[frozenset[str], bool], ...]:
        """(policies asked for, is the path valid) of each."""
        if self.name in POLICY_CASES:
            return POLICY_CASES[self.name]
        if self.name == "inhibitAnyPolicyTest3":  # its second subtest needs initial-any-policy-inhibit, which nobody can set here
            return ((FREE, True),)
        return ((FREE, self.name.startswith("Valid")),)

    def trust(self, asked: frozenset[str], **bend: object) -> TrustMaterial:
        """The suite's anchor, its authorities and lists. PKITS's leaves are for mail: extendedKeyUsage is not asked for."""
        rules = PathRules(required_policies=asked, extended_key_usage="if_present")
        pem = b"".join(_pem(der) for der in (anchor(), *self.others))
        return read_trust(pem, self.lists if not bend else (), rules=rules, **bend)  # type: ignore[arg-type]

    def path(self) -> tuple[x509.Certificate, ...]:
        """Leaf first, anchor last."""
        pool = [x509.load_der_x509_certificate(der) for der in (*self.others, anchor())]
        path = [x509.load_der_x509_certificate(self.leaf)]
        while path[-1].public_bytes(Encoding.DER) != anchor():
            path.append(next(c for c in pool if _issued(path[-1], c)))
        return tuple(path)


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, InvalidSignature, TypeError):
        return False
    return True


def _pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


@lru_cache
def anchor() -> bytes:
    """The suite's trust anchor."""
    return (_DATA / "certs" / "TrustAnchorRootCertificate.crt").read_bytes()


@lru_cache
def cases() -> dict[str, Case]:
    """Every test of the suite, by its name."""
    return {case.name: case for case in _read()}


def _read() -> Iterator[Case]:
    certificates = {f.name.removesuffix(".crt"): f.read_bytes() for f in (_DATA / "certs").iterdir()}
    lists = {f.name.removesuffix(".crl"): f.read_bytes() for f in (_DATA / "crls").iterdir()}
    del certificates["TrustAnchorRootCertificate"]
    for message in sorted((_DATA / "smime").iterdir(), key=lambda f: f.name):
        body = _BODY.search(message.read_bytes().decode("ascii", "replace"))
        assert body is not None, message.name
        der = base64.b64decode(body[1])
        within = [(name, raw) for name, raw in certificates.items() if raw in der]
        [leaf] = [raw for name, raw in within if name.endswith("EE")]
        yield Case(message.name.removeprefix("Signed").removesuffix(".eml"), leaf,
                   tuple(raw for name, raw in within if not name.endswith("EE")),
                   tuple((name, raw) for name, raw in lists.items() if raw in der))
