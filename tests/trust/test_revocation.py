"""The life of revocation lists: what is taken up, what is refused at load, and what a path is told (RFC 5280 section 5, 6.3)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509 import ReasonFlags

from gateway_addons.adapters.trust.path_validation import verify_client_chain
from gateway_addons.core.path import PathRefused
from gateway_addons.core.revocation_list import TrustError
from gateway_addons.core.trust import TrustMaterial, read_trust
from tests.support.chains import LEAF, ROOT, SUB, SUB2, Chain, Made, chain, crl, name, usage
from tests.support.pki import DAY, NOW

GOOD = chain()
ROOT_CA, SUB_CA = GOOD.root, GOOD.authorities[0]
SERIAL, SUB_SERIAL = GOOD.leaf.certificate.serial_number, SUB_CA.certificate.serial_number
ODD = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")


def idp(**bend: Any) -> tuple[x509.ExtensionType, bool]:
    every: dict[str, Any] = {
        "full_name": None, "relative_name": None, "only_contains_user_certs": False, "only_contains_ca_certs": False,
        "only_some_reasons": None, "indirect_crl": False, "only_contains_attribute_certs": False}
    return x509.IssuingDistributionPoint(**every | bend), True


def delta(base: int) -> tuple[x509.ExtensionType, bool]:
    return x509.DeltaCRLIndicator(base), True


def trust(*lists: bytes, of_root: bytes | None = None, grace_s: float = 0) -> TrustMaterial:
    return GOOD.trust(lists=[("root.crl", of_root or crl(ROOT_CA)), *((f"{n}.crl", one) for n, one in enumerate(lists))],
                      grace_s=grace_s)


def told(material: TrustMaterial, given: Chain = GOOD, now: Any = NOW) -> str | None:
    try:
        verify_client_chain(given.leaf.der, given.intermediates, material, now)
    except PathRefused as refused:
        return refused.failure
    return None


FRESHEST = x509.FreshestCRL([x509.DistributionPoint([x509.UniformResourceIdentifier("http://a.example/delta.crl")], None, None, None)]), False
OUT_AGAIN = crl(SUB_CA, [SERIAL], number=7, extensions=[delta(5)], entry_extensions=((x509.CRLReason(ReasonFlags.remove_from_crl), False),))
PASSED = NOW - timedelta(seconds=60)
TOLD: dict[str, tuple[TrustMaterial, str | None]] = {
    "nothing revoked": (trust(crl(SUB_CA)), None),
    "another revoked": (trust(crl(SUB_CA, [SERIAL + 1])), None),
    "leaf revoked": (trust(crl(SUB_CA, [SERIAL])), "revoked"),
    "leaf on hold": (trust(crl(SUB_CA, [SERIAL], entry_extensions=((x509.CRLReason(ReasonFlags.certificate_hold), False),))), "revoked"),
    "authority revoked": (trust(crl(SUB_CA), of_root=crl(ROOT_CA, [SUB_SERIAL])), "revoked"),
    "list outdated": (trust(crl(SUB_CA, end=PASSED)), "revocation_unknown"),
    "list of the root outdated": (trust(crl(SUB_CA), of_root=crl(ROOT_CA, end=PASSED)), "revocation_unknown"),
    "list outdated, within the grace": (trust(crl(SUB_CA, end=PASSED), grace_s=120), None),
    "list outdated, beyond the grace": (trust(crl(SUB_CA, end=PASSED), grace_s=30), "revocation_unknown"),
    "revoked by an outdated list": (trust(crl(SUB_CA, [SERIAL], end=PASSED)), "revoked"),
    "list not valid yet": (trust(crl(SUB_CA, begin=NOW + DAY)), "revocation_unknown"),
    "revoked by the older of two": (trust(crl(SUB_CA, number=2), crl(SUB_CA, [SERIAL], number=1)), "revoked"),
    "revoked by a delta list": (trust(crl(SUB_CA, number=5), crl(SUB_CA, [SERIAL], number=7, extensions=[delta(5)])), "revoked"),
    "a delta list that revokes another": (trust(crl(SUB_CA, number=5), crl(SUB_CA, [SERIAL + 1], number=7, extensions=[delta(5)])), None),
    "taken out again by a delta list": (trust(crl(SUB_CA, [SERIAL], number=5, extensions=[FRESHEST]), OUT_AGAIN), None),
    "taken out by a delta list that the complete one does not speak of": (trust(crl(SUB_CA, [SERIAL], number=5), OUT_AGAIN), "revoked"),
    "outdated delta list": (trust(crl(SUB_CA, number=5), crl(SUB_CA, number=7, end=PASSED, extensions=[delta(5)])), "revocation_unknown"),
    "list of users": (trust(crl(SUB_CA, extensions=[idp(only_contains_user_certs=True)])), None),
    "list of users, revoked": (trust(crl(SUB_CA, [SERIAL], extensions=[idp(only_contains_user_certs=True)])), "revoked"),
    "list of authorities only": (trust(crl(SUB_CA, extensions=[idp(only_contains_ca_certs=True)])), "revocation_unknown"),
    "list of another distribution point": (trust(crl(SUB_CA, extensions=[idp(
        full_name=[x509.UniformResourceIdentifier("http://a.example/1.crl")])])), "revocation_unknown"),
}


@pytest.mark.parametrize("row", list(TOLD))
def test_what_the_lists_say_of_a_path(row: str) -> None:
    material, failure = TOLD[row]
    assert told(material) == failure


def test_what_is_remembered_of_the_lists_holds_no_moment_and_no_other_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """One certificate is asked about again and again, while time goes on and lists follow each other."""
    monkeypatch.setattr("gateway_addons.core.trust.MAX_TOLD", 2)
    material = trust(crl(SUB_CA, end=NOW + DAY, number=1))
    leaf = verify_client_chain(GOOD.leaf.der, GOOD.intermediates, material, NOW).links[0]
    moments = [(0, "good"), (1, "good"), (1.1, "unknown"), (-0.9, "good"), (-1.1, "unknown"), (0, "good")]
    assert [material.status(leaf, NOW + days * DAY) for days, _ in moments] == [status for _, status in moments]
    for number in range(5):  # another certificate each: what is remembered is bounded
        assert material.status(replace(leaf, serial=number), NOW) == "good"
        assert len(material._told) <= 2
    after, _ = trust(crl(SUB_CA, [SERIAL], number=2)).after(material)
    assert (after.status(leaf, NOW), material.status(leaf, NOW)) == ("revoked", "good")


def test_list_of_the_certificates_own_distribution_point() -> None:
    point = x509.UniformResourceIdentifier("http://a.example/1.crl")
    one = chain(LEAF.bent(extensions=((x509.CRLDistributionPoints([x509.DistributionPoint([point], None, None, None)]), False),)))
    ca = one.authorities[0]
    for revoked, failure in (([], None), ([one.leaf.certificate.serial_number], "revoked")):
        lists = [("r", crl(one.root)), ("s", crl(ca, revoked, extensions=[idp(full_name=[point])]))]
        assert told(one.trust(lists=lists), one) == failure


def test_an_intermediate_revoked_two_levels_up() -> None:
    """What OpenSSL's CRL_CHECK alone lets through."""
    deep = chain(LEAF, SUB2, SUB)
    low, high = deep.authorities
    lists = [("r", crl(deep.root, [high.certificate.serial_number])), ("h", crl(high)), ("l", crl(low))]
    assert told(deep.trust(lists=lists), deep) == "revoked"


def test_a_key_vouched_for_under_its_authoritys_own_name_is_no_anchor() -> None:
    """Self-issued, not self-signed: what the authority above it says of it counts."""
    root = ROOT.signed_by(None)
    newer = ROOT.bent(number=9).signed_by(root)
    assert newer.certificate.subject == newer.certificate.issuer
    lists = [("r", crl(root)), ("n", crl(newer))]
    material = read_trust(newer.pem + root.pem, lists)
    assert (material.anchors, material.intermediates) == ((root.certificate,), (newer.certificate,))
    renewed = ROOT.bent(end=NOW + 4000 * DAY).signed_by(None)
    assert len(read_trust(renewed.pem + root.pem, [("r", crl(root))]).anchors) == 2


def _without_sign() -> tuple[Made, Made]:
    root = ROOT.signed_by(None)
    return root, SUB.bent(extensions=((usage("key_cert_sign"), True),)).signed_by(root)


NO_SIGN_ROOT, NO_SIGN = _without_sign()
REFUSED_AT_LOAD: dict[str, tuple[bytes, str]] = {
    "garbage": (b"garbage", "not a revocation list"),
    "empty": (b"", "not a revocation list"),
    "PEM of something else": (SUB_CA.pem, "not a revocation list"),
    "cut short": (crl(SUB_CA)[:-10], "not a revocation list"),
    "one bit of the signature": (crl(SUB_CA)[:-1] + bytes([crl(SUB_CA)[-1] ^ 1]), "signature|not a revocation list"),
    "of a stranger": (crl(SUB.bent(subject=name("Autre")).signed_by(ROOT_CA)), "issued by no authority"),
    "signed by another key of that name": (crl(SUB_CA, signer=SUB.bent(number=9).signed_by(ROOT_CA).key), "signature"),
    "without nextUpdate": (b"", "not a revocation list"),
    "indirect": (crl(SUB_CA, extensions=[idp(indirect_crl=True)]), "indirect"),
    "of some reasons": (crl(SUB_CA, extensions=[idp(only_some_reasons=frozenset({ReasonFlags.key_compromise}))]), "indirect"),
    "of attribute certificates": (crl(SUB_CA, extensions=[idp(only_contains_attribute_certs=True)]), "attribute"),
    "unknown critical extension": (crl(SUB_CA, extensions=[(ODD, True)]), "critical"),
    "unknown critical extension of an entry": (crl(SUB_CA, [1], entry_extensions=((ODD, True),)), "an entry"),
    "entry of another issuer": (crl(SUB_CA, [1], entry_extensions=(
        (x509.CertificateIssuer([x509.DirectoryName(name("Autre"))]), True),)), "an entry"),
    "delta list without a complete one": (crl(SUB_CA, number=7, extensions=[delta(5)]), "delta"),
    "delta list without a number": (crl(SUB_CA, number=None, extensions=[delta(5)]), "cRLNumber"),
}


@pytest.mark.parametrize("row", list(REFUSED_AT_LOAD))
def test_refused_at_load(row: str) -> None:
    raw, why = REFUSED_AT_LOAD[row]
    with pytest.raises(TrustError, match=why):
        trust(raw)


def test_an_issuer_that_may_not_sign_lists() -> None:
    with pytest.raises(TrustError, match="may not sign"):
        read_trust(NO_SIGN_ROOT.pem + NO_SIGN.pem, [("r", crl(NO_SIGN_ROOT)), ("s", crl(NO_SIGN))])


def test_an_authority_without_a_list() -> None:
    with pytest.raises(TrustError, match="no revocation list of"):
        trust()


def test_a_delta_list_newer_than_its_complete_list() -> None:
    with pytest.raises(TrustError, match="delta list from 9 on"):
        trust(crl(SUB_CA, number=5), crl(SUB_CA, number=10, extensions=[delta(9)]))


def test_a_number_can_be_asked_for() -> None:
    lists = [("r", crl(ROOT_CA)), ("s", crl(SUB_CA, number=None))]
    assert told(GOOD.trust(lists=lists)) is None
    with pytest.raises(TrustError, match="cRLNumber is missing"):
        GOOD.trust(lists=lists, crl_number_required=True)


def test_a_list_that_goes_backwards_undoes_no_revocation() -> None:
    newer = trust(crl(SUB_CA, [SERIAL], number=9))
    material, alerts = trust(crl(SUB_CA, number=8)).after(newer)
    assert told(material) == "revoked"
    assert "cRLNumber 8 is lower than 9" in alerts[0]
    material, alerts = trust(crl(SUB_CA, number=10)).after(newer)
    assert (told(material), alerts) == (None, [])
    material, _ = trust(crl(SUB_CA, [SERIAL], number=8)).after(trust(crl(SUB_CA, number=9)))
    assert told(material) == "revoked"


def test_two_authorities_of_one_name_have_each_its_own_list() -> None:
    """A list speaks for the key that signed it, not for whoever has the same name."""
    root = ROOT.signed_by(None)
    old, new = SUB.signed_by(root), SUB.bent(number=9).signed_by(root)
    leaf = LEAF.signed_by(new)
    lists = [("r", crl(root)), ("o", crl(old, [leaf.certificate.serial_number])), ("n", crl(new))]
    material = read_trust(root.pem + old.pem + new.pem, lists)
    status = material.status(verify_links(leaf, new, root, material)[0], NOW)
    assert status == "good"


def verify_links(leaf: Made, ca: Made, root: Made, material: TrustMaterial) -> Any:
    return verify_client_chain(leaf.der, [ca.der], material, NOW).links
