"""The brake's arithmetic: full after a burst, empty after a while, bounded in memory; and what counts."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_addons.core.brake import Brake, Caller, is_authenticated, is_failure
from gateway_addons.core.facts import AddressFacts, CertificateFacts, Evidence, IdentifierFacts, IdentityFacts, RightsFacts


def brake(**bend: Any) -> Brake:
    given: dict[str, Any] = {"per_minute": 60, "burst": 5, "max_names": 3}
    return Brake(**(given | bend))


def test_a_burst_is_let_through_then_the_wait_is_over_when_it_was_said_to_be() -> None:
    one = brake()
    for n in range(5):
        assert one.wait_s("a", 0) == 0
        assert one.failed("a", 0) == (n == 4), "told once, when it fills"
    wait = one.wait_s("a", 0)
    assert 0 < wait <= 2
    assert one.wait_s("a", wait - 0.01) > 0
    assert one.wait_s("a", wait) == 0
    assert one.wait_s("a", 1e9) == 0


def test_a_long_attack_does_not_make_the_wait_longer() -> None:
    one = brake()
    for n in range(1000):
        one.failed("a", n / 1000)
    assert one.wait_s("a", 1) <= 3


def test_others_do_not_wait() -> None:
    one = brake()
    for _ in range(50):
        one.failed("a", 0)
    assert one.wait_s("b", 0) == 0


def test_memory_is_bounded_and_who_failed_longest_ago_is_forgotten() -> None:
    one = brake()
    for name in "abcd":
        for _ in range(5):
            one.failed(name, 0)
    assert len(one) == 3
    assert one.wait_s("a", 0) == 0
    assert one.wait_s("b", 0) > 0


@given(st.lists(st.floats(0, 600), max_size=200))
def test_in_the_long_run_no_more_than_the_rate(times: list[float]) -> None:
    """However failures are spread, those that are let through are at most burst + rate x time."""
    one, let = brake(), 0
    for at in sorted(times):
        if one.wait_s("a", at) == 0:
            let += 1
            one.failed("a", at)
    assert let <= 5 + (max(times, default=0) - min(times, default=0)) + 1


def test_a_clock_that_steps_back_frees_nobody() -> None:
    one = brake()
    for _ in range(5):
        one.failed("a", 100)
    assert one.wait_s("a", 50) >= one.wait_s("a", 100)


def test_a_verified_certificate_waits_for_itself_alone_and_counts_for_its_address_too() -> None:
    assert Caller("192.0.2.1", "ab").waits_as != Caller("192.0.2.1", "cd").waits_as
    assert Caller("192.0.2.1", None).waits_as in Caller("192.0.2.1", "ab").counted_as
    assert Caller("192.0.2.1", None).counted_as == (Caller("192.0.2.1", None).waits_as,)


PASSED = {"certificate": "pass", "identity": "pass", "rights": "pass"}


@pytest.mark.parametrize(("code", "controls", "counts"), [
    (None, None, False), (None, PASSED, False), ("INF-REQ-01", None, True), ("910000", None, True), ("INF-CLI-03", None, True),
    ("INF-CERT-06", {"certificate": "fail", "identity": "not_evaluated"}, True), ("900901", {"certificate": "pass", "identity": "fail"}, True),
    ("INF-CLI-01", {"certificate": "pass", "client": "fail"}, True), ("INF-CLI-02", {"certificate": "pass", "client": "fail"}, False),
    ("INF-DRT-03", PASSED | {"rights": "fail"}, False), ("900804", PASSED, False), ("INF-MET-05", PASSED, False), ("INF-DEP-01", None, False),
    ("INF-GEN-01", None, False), ("INF-INT-01", None, False), ("INF-LIM-02", None, False), ("INF-LIM-01", None, False), ("700700", None, False),
])
def test_what_counts(code: str | None, controls: dict[str, str] | None, counts: bool) -> None:
    assert is_failure(code, controls) is counts


def evidence(certificate: CertificateFacts, identity: IdentityFacts) -> Evidence:
    return Evidence(datetime.now(UTC), "production", None, certificate, AddressFacts("192.0.2.1", "192.0.2.1", None),  # type: ignore[arg-type]
                    IdentifierFacts(True, "TS-1", None), identity, RightsFacts(True, True, None, 1, ()), ())


def test_authenticated_is_a_verified_certificate_with_a_token_bound_to_it() -> None:
    certificate = CertificateFacts(True, True, None, sha256="ab")
    identity = IdentityFacts(True, True, None, certificate_sha256="ab")
    assert is_authenticated(evidence(certificate, identity))
    for c, i in ((replace(certificate, verified=False), identity), (certificate, replace(identity, verified=False)),
                 (certificate, replace(identity, certificate_sha256="cd")), (replace(certificate, sha256=None), replace(identity, certificate_sha256=None))):
        assert not is_authenticated(evidence(c, i))
