"""The state of a contract by date: both sides of every deadline of the terms of use, at midnight in Paris."""

import pytest

from gateway_addons.core.contract.model import Contract
from tests.policy.calls import allowed_call, allowed_token
from tests.policy.opa_server import OpaServer
from tests.policy.variants import GATES

type Row = tuple[str, str, list[str]]

# Paris is UTC+1 in winter, UTC+2 in summer: midnight there is 23:00Z or 22:00Z of the day before.
ROWS: list[Row] = [
    # 3.4.1-d, the vectors of the clause table: renewal due 2026-09-30, 2027-02-28, 2028-02-29, 2025-12-15
    ("attested-2026-12-31", "2026-09-30T21:59:59Z", []),
    ("attested-2026-12-31", "2026-09-30T22:00:00Z", ["INF-SUSP-01"]),
    ("attested-2027-05-31", "2027-02-28T22:59:59Z", []),
    ("attested-2027-05-31", "2027-02-28T23:00:00Z", ["INF-SUSP-01"]),
    ("attested-2028-05-31", "2028-02-29T22:59:59Z", []),
    ("attested-2028-05-31", "2028-02-29T23:00:00Z", ["INF-SUSP-01"]),
    ("attested-2026-03-15", "2025-12-15T22:59:59Z", []),
    ("attested-2026-03-15", "2025-12-15T23:00:00Z", ["INF-SUSP-01"]),
    # 3.4.1-e: lifted when a successor is recorded and covers today; never begun when it came in time
    ("renewed-late", "2026-10-14T21:59:59Z", ["INF-SUSP-01"]),
    ("renewed-late", "2026-10-14T22:00:00Z", []),
    ("renewed-late-for-later", "2026-12-31T22:59:59Z", ["INF-SUSP-01"]),
    ("renewed-late-for-later", "2026-12-31T23:00:00Z", []),
    ("renewed-in-time", "2026-10-01T12:00:00Z", []),
    ("renewed-in-time", "2026-12-31T22:59:59Z", []),
    ("renewed-in-time", "2026-12-31T23:00:00Z", []),
    ("renewed-in-time", "2029-09-29T21:59:59Z", []),
    ("renewed-in-time", "2029-09-30T22:00:00Z", ["INF-SUSP-01"]),
    # 3.4.2-e: an overdue questionnaire is an alert (AMB-2)
    ("questionnaire", "2027-03-01T12:00:00Z", []),
    # 14-d: two months after the notice, 00:00 in Paris; 14-e: until then the exchange goes on; 14-f: at once
    ("notice-2026-06-30", "2026-08-29T21:59:59Z", []),
    ("notice-2026-06-30", "2026-08-29T22:00:00Z", ["INF-SUSP-03"]),
    ("notice-2026-12-31", "2027-02-27T22:59:59Z", []),
    ("notice-2026-12-31", "2027-02-27T23:00:00Z", ["INF-SUSP-03"]),
    ("notice-longer", "2026-09-30T21:59:59Z", []),
    ("notice-longer", "2026-09-30T22:00:00Z", ["INF-SUSP-03"]),
    ("notice-too-short", "2026-08-29T21:59:59Z", []),
    ("notice-too-short", "2026-08-29T22:00:00Z", ["INF-SUSP-03"]),
    ("security-end", "2026-11-19T22:59:59Z", []),
    ("security-end", "2026-11-19T23:00:00Z", ["INF-SUSP-03"]),
    ("security-end-later", "2026-11-19T22:59:59Z", []),
    ("security-end-later", "2026-11-19T23:00:00Z", ["INF-SUSP-03"]),
    ("end-of-exchange", "2026-11-19T22:59:59Z", []),
    ("end-of-exchange", "2026-11-19T23:00:00Z", ["INF-SUSP-03"]),
    # 3.4.2-d: a critical risk past its deadline
    ("risk-open", "2026-11-20T22:59:59Z", []),
    ("risk-open", "2026-11-20T23:00:00Z", ["INF-SUSP-02"]),
    ("risk-resolved", "2026-11-20T23:00:00Z", []),
    # 12-a: to the second
    ("suspended-and-back", "2026-11-20T08:59:59Z", []),
    ("suspended-and-back", "2026-11-20T09:00:00Z", ["INF-SUSP-02"]),
    ("suspended-and-back", "2026-11-20T10:59:59Z", ["INF-SUSP-02"]),
    ("suspended-and-back", "2026-11-20T11:00:00Z", []),
    # 8-g4: after a suspension for security the exchange reopens only once it was verified
    ("suspended-for-security", "2026-11-20T08:59:59Z", []),
    ("suspended-for-security", "2026-11-20T11:00:00Z", ["INF-SUSP-02"]),
    ("suspended-for-security-half", "2026-11-20T12:00:01Z", ["INF-SUSP-02"]),
    ("suspended-for-security-verified", "2026-11-20T11:59:59Z", ["INF-SUSP-02"]),
    ("suspended-for-security-verified", "2026-11-20T12:00:00Z", []),
    # 3.4.1-c: an attestation with open reservations does not renew
    ("renewed-with-reservations", "2026-09-30T21:59:59Z", []),
    ("renewed-with-reservations", "2026-09-30T22:00:00Z", ["INF-SUSP-01"]),
    ("renewed-with-reservations", "2027-01-01T12:00:00Z", ["INF-SUSP-01"]),
    ("renewed-with-reservations-lifted", "2026-09-30T22:00:00Z", []),
    ("renewed-with-reservations-lifted", "2027-01-01T12:00:00Z", []),
    # 3.2-a: not before the day of the declaration; 1-a: only for terms that are known
    ("declared-later", "2026-11-19T22:59:59Z", ["INF-SUSP-04"]),
    ("declared-later", "2026-11-19T23:00:00Z", []),
    ("unknown-terms", "2026-11-23T12:00:00Z", ["INF-SUSP-04"]),
    ("suspended-open-end", "2026-11-20T08:59:59Z", []),
    ("suspended-open-end", "2026-11-25T11:00:00Z", ["INF-SUSP-02"]),
    # what persons decided
    ("cut", "2026-11-23T12:00:00Z", ["INF-SUSP-02"]),
    ("ended", "2026-11-23T12:00:00Z", ["INF-SUSP-03"]),
    ("draft", "2026-11-23T12:00:00Z", ["INF-SUSP-04"]),
    ("examined", "2026-11-23T12:00:00Z", ["INF-SUSP-04"]),
    ("suspended-by-hand", "2026-11-23T12:00:00Z", ["INF-SUSP-01"]),
    ("in-notice-by-hand", "2026-11-23T12:00:00Z", []),
    # 1-a: not before the terms were accepted
    ("accepted-later", "2026-11-20T08:59:59Z", ["INF-SUSP-04"]),
    ("accepted-later", "2026-11-20T09:00:00Z", []),
    # 13-b: a right ends with its text, and begins with it
    ("text-ends", "2026-11-20T22:59:59Z", []),
    ("text-ends", "2026-11-20T23:00:00Z", ["INF-DRT-06"]),
    ("text-begins", "2026-11-19T22:59:59Z", ["INF-DRT-06"]),
    ("text-begins", "2026-11-19T23:00:00Z", []),
    # 4-C5: the deposit window, on the nights that clocks change (2026-10-25, 2027-03-28)
    ("window", "2026-10-24T21:59:59Z", ["INF-DRT-06"]),
    ("window", "2026-10-24T22:00:00Z", []),
    ("window", "2027-03-28T21:59:59Z", []),
    ("window", "2027-03-28T22:00:00Z", ["INF-DRT-06"]),
    # 4-C1: the registration of the certificate, on such nights too
    ("registration", "2026-03-28T22:59:59Z", ["INF-CERT-06"]),
    ("registration", "2026-03-28T23:00:00Z", []),
    ("registration", "2026-10-25T22:59:59Z", []),
    ("registration", "2026-10-25T23:00:00Z", ["INF-CERT-06"]),
    ("two-registrations", "2026-05-01T12:00:00Z", []),
    ("two-registrations", "2026-07-15T12:00:00Z", ["INF-CERT-06"]),
    ("two-registrations", "2026-10-01T12:00:00Z", []),
]


@pytest.mark.parametrize(("name", "now", "codes"), ROWS)
def test_state_by_date(
        variant_opa: OpaServer, variant_contracts: dict[str, Contract], name: str, now: str, codes: list[str]) -> None:
    call = allowed_call(variant_contracts[f"production/{name}.yaml"], now=now)
    call["certificate"] |= {"not_before": "2020-01-01T00:00:00Z", "not_after": "2040-01-01T00:00:00Z"}
    call["identity"] |= {"issued_at": "2020-01-01T00:00:00Z"}
    decision = variant_opa.decide(call)
    assert [r["code"] for r in decision["reasons"]] == codes
    assert decision["allow"] is (codes == [])


@pytest.mark.parametrize("offset", ["2026-09-30T23:59:59+02:00", "2026-09-30T21:59:59.999999Z", "2026-10-01T07:59:59+10:00"])
def test_the_zone_of_now_does_not_matter(
        variant_opa: OpaServer, variant_contracts: dict[str, Contract], offset: str) -> None:
    assert variant_opa.decide(allowed_call(variant_contracts["production/attested-2026-12-31.yaml"], now=offset))["allow"] is True


@pytest.mark.parametrize("now", ["", "2026-11-23", "23/11/2026", "2026-11-23T19:10:00", "now", "9999-99-99T99:99:99Z"])
def test_a_clock_that_is_no_instant_refuses(opa: OpaServer, contracts: dict[str, Contract], now: str) -> None:
    contract = contracts["production/anfm.yaml"]
    assert opa.decide(allowed_call(contract, now=now))["allow"] is False
    assert opa.decide_token(allowed_token(contract, now=now))["allow"] is False


@pytest.mark.parametrize("name", sorted(GATES))
def test_a_contract_with_a_condition_missing_is_not_active(
        variant_opa: OpaServer, variant_contracts: dict[str, Contract], name: str) -> None:
    """1-a and the conditions of sections 3, 8 and 9, each removed in turn, through the real bundle."""
    contract = variant_contracts[f"production/{name}.yaml"]
    untouched = variant_contracts["production/untouched.yaml"]
    call = allowed_call(contract if contract.droits else contract.model_copy(update={"droits": untouched.droits}))
    decision = variant_opa.decide(call)
    assert [r["code"] for r in decision["reasons"] if r["control"] == "contract"][-1:] == ["INF-SUSP-04"]
    assert decision["allow"] is False
    token = variant_opa.decide_token(allowed_token(contract))
    assert token["allow"] is False
    assert token["scopes"] == []
