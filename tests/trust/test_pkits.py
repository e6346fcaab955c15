"""The 224 tests of NIST's PKITS against `verify_client_chain`: none that the suite calls invalid is accepted.

Of those that it calls valid, each one that is refused stands in a table here with the stricter rule that refuses it; the
table in docs/trust-vectors.md is made from these.
"""

import re
from collections import Counter
from pathlib import Path

import pytest

from gateway_addons.adapters.trust.path_validation import verify_client_chain
from gateway_addons.core.certificate_policies import PolicyBroken, check_policies
from gateway_addons.core.path import PathRefused
from gateway_addons.core.trust import TrustError
from tests.trust.pkits import JUDGED_AT, POLICY_CASES, SECTIONS, Case, cases

PAGE = Path(__file__).parents[2] / "docs" / "trust-vectors.md"

STRICTER: dict[str, tuple[str, str]] = {
    "DSA": ("not RSA, P-256|not its issuer's|not PEM certificates",
            "ValidDSASignaturesTest4 ValidDSAParameterInheritanceTest5"),
    "GeneralizedTime before 2050 (RFC 5280 4.1.2.5 asks for UTCTime)": ("must be UtcTime", "ValidGeneralizedTimenotBeforeDateTest4"),
    "issuer and subject agree byte by byte: no folding of case, spaces or string type": ("candidates exhausted|issued by no authority", """
        ValidNameChainingWhitespaceTest3 ValidNameChainingWhitespaceTest4 ValidNameChainingCapitalizationTest5
        ValidRolloverfromPrintableStringtoUTF8StringTest10 ValidUTF8StringCaseInsensitiveMatchTest11"""),
    "a client's certificate with cA": ("leaf_is_authority", """OverlappingPoliciesTest6 ValidpathLenConstraintTest8
        ValidpathLenConstraintTest14 ValidonlyContainsCACertsCRLTest13"""),
    "an authority's basicConstraints is critical (RFC 5280 4.2.1.9)": ("incorrect criticality", "ValidbasicConstraintsNotCriticalTest4"),
    "critical policyMappings, policyConstraints, inhibitAnyPolicy: the second verifier knows none of them": ("unaccounted-for critical", """
        ValidRequireExplicitPolicyTest1 ValidRequireExplicitPolicyTest2 ValidRequireExplicitPolicyTest4
        ValidPolicyMappingTest1 ValidPolicyMappingTest3 ValidPolicyMappingTest5 ValidPolicyMappingTest6 ValidPolicyMappingTest9
        ValidPolicyMappingTest11 ValidPolicyMappingTest12 ValidPolicyMappingTest13 ValidPolicyMappingTest14
        ValidinhibitPolicyMappingTest2 ValidinhibitPolicyMappingTest4 ValidinhibitAnyPolicyTest2 inhibitAnyPolicyTest3"""),
    "constraints on URIs, and on directory names of a subjectAltName: the second verifier compares neither": (
        "unsupported name constraint", "ValidDNnameConstraintsTest5 ValidURInameConstraintsTest34 ValidURInameConstraintsTest36"),
    "a list speaks for the key that signed it: each key of an authority has its own": ("no revocation list of|no current revocation list", """
        ValidBasicSelfIssuedOldWithNewTest1 ValidBasicSelfIssuedNewWithOldTest4
        ValidBasicSelfIssuedCRLSigningKeyTest6 ValidSeparateCertificateandCRLKeysTest19 ValidSelfIssuedpathLenConstraintTest15
        ValidSelfIssuedpathLenConstraintTest17 ValidSelfIssuedrequireExplicitPolicyTest6 ValidSelfIssuedinhibitPolicyMappingTest7
        ValidSelfIssuedinhibitAnyPolicyTest7 ValidSelfIssuedinhibitAnyPolicyTest9 ValidSelfIssuedDNnameConstraintsTest19"""),
    "OpenSSL 4 ends a path at a self-issued authority": ("unknown_issuer",
                                                        "ValidBasicSelfIssuedNewWithOldTest3"),
    "one list that does not verify refuses all of the material, at load": ("issued by no authority", "ValidTwoCRLsTest7"),
    "indirect lists and lists of some reasons are refused, at load": ("are not handled", """
        ValidIDPwithindirectCRLTest22 ValidIDPwithindirectCRLTest24 ValidIDPwithindirectCRLTest25
        ValidcRLIssuerTest28 ValidcRLIssuerTest29 ValidcRLIssuerTest30 ValidcRLIssuerTest33
        ValidonlySomeReasonsTest18 ValidonlySomeReasonsTest19"""),
    "a distribution point is named in full, not relative to its issuer": ("no current revocation list|are not handled", """
        ValiddistributionPointTest4 ValiddistributionPointTest5 ValiddistributionPointTest7"""),
}
"""Rule: (what the refusal says, the tests that the suite calls valid and this rule refuses)."""

BY_LISTS_ONLY = re.compile(r"(?i)crl|revoked|SerialNumber|BasicSelfIssuedNewWithOld|onlyContains|onlySomeReasons|IDPwith|distributionPoint|SeparateC")


def judged(case: Case, asked: frozenset[str], *, lists: bool = True) -> str | None:
    """None when accepted, else what the refusal says: of the material at load, or of the path."""
    try:
        trust = case.trust(asked) if lists else case.trust(asked, revocation="unchecked")
        verify_client_chain(case.leaf, case.others, trust, JUDGED_AT)
    except (TrustError, PathRefused) as refused:
        return str(refused)
    return None


def refusing_rule(name: str) -> str | None:
    return next((rule for rule, (_, names) in STRICTER.items() if name in names.split()), None)


def test_the_whole_suite_is_there() -> None:
    assert len(cases()) == 224
    assert Counter(case.section for case in cases().values()) == dict(zip(
        SECTIONS, (6, 8, 11, 21, 8, 17, 5, 20, 8, 14, 11, 10, 38, 35, 10, 2), strict=True))


@pytest.mark.parametrize("name", list(cases()))
def test_as_the_suite_says_or_by_a_stricter_rule(name: str) -> None:
    case = cases()[name]
    for asked, valid in case.subtests:
        told = judged(case, asked)
        rule = refusing_rule(name)
        if not valid:
            assert told is not None
        elif rule is None:
            assert told is None
        else:
            assert re.search(STRICTER[rule][0], told or "accepted")


@pytest.mark.parametrize("name", [n for n in cases() if not BY_LISTS_ONLY.search(n)])
def test_what_is_wrong_with_the_path_is_seen_without_the_lists(name: str) -> None:
    """So that no refusal above is owed to a list that was refused."""
    for asked, valid in cases()[name].subtests:
        assert valid or judged(cases()[name], asked, lists=False) is not None


@pytest.mark.parametrize("name", [n for n, c in cases().items() if re.match(r"4\.(8|9|1[0-2]) ", c.section)])
def test_policies_as_the_suite_says_to_the_letter(name: str) -> None:
    """Our own reading of RFC 5280 section 6.1 by itself, since the second verifier refuses much of it before."""
    case = cases()[name]
    for asked, valid in case.subtests:
        try:
            check_policies(case.path(), asked)
            told = True
        except PolicyBroken:
            told = False
        assert told == valid, sorted(asked)


def table() -> str:
    """The table of the page: section, tests, subtests that are invalid and refused, valid and accepted, valid and refused."""
    rows = ["| PKITS | tests | invalid: refused | invalid: accepted | valid: accepted | valid: refused |", "|---|---|---|---|---|---|"]
    totals = Counter[str]()
    for section in SECTIONS:
        of = Counter[str]()
        for case in (c for c in cases().values() if c.section == section):
            of["tests"] += 1
            for asked, valid in case.subtests:
                of[f"{valid} {judged(case, asked) is None}"] += 1
        totals += of
        rows.append(_row(section, of))
    reasons = [f"- {rule}: {', '.join(names.split())}" for rule, (_, names) in STRICTER.items()]
    return "\n".join([*rows, _row("**all**", totals), "", "Valid, and refused by a stricter rule:", "", *reasons])


def _row(name: str, of: Counter[str]) -> str:
    counts = (of[key] for key in ("tests", "False False", "False True", "True True", "True False"))
    return f"| {name} | " + " | ".join(map(str, counts)) + " |"


def test_the_page_says_what_was_found() -> None:
    assert table() in PAGE.read_text(encoding="utf-8")


def test_policy_cases_are_of_the_suite() -> None:
    assert set(POLICY_CASES) <= set(cases())
