"""Each way of failing controls C1 to C4, alone: the code, and that the four identities must be one."""

from typing import Any

import pytest

from gateway_addons.core.contract.model import Contract
from tests.policy.calls import allowed_call, certificate
from tests.policy.opa_server import OpaServer

type Row = tuple[str, dict[str, Any], list[str]]

ROWS: list[Row] = [
    ("no certificate", {"certificate": {"presented": False, "verified": False, "failure": "absent", "sha256": None}},
     ["INF-CERT-01"]),
    ("expired", {"certificate": {"verified": False, "failure": "expired"}}, ["INF-CERT-02"]),
    ("not yet valid", {"certificate": {"verified": False, "failure": "not_yet_valid"}}, ["INF-CERT-02"]),
    ("ended since", {"certificate": {"not_after": "2026-11-23T19:09:59Z"}}, ["INF-CERT-02"]),
    ("begins later", {"certificate": {"not_before": "2026-11-23T19:10:01Z"}}, ["INF-CERT-02"]),
    ("revoked", {"certificate": {"verified": False, "failure": "revoked", "revocation": "revoked"}}, ["INF-CERT-03"]),
    ("revocation unknown", {"certificate": {"verified": False, "failure": "revocation_unknown", "revocation": "unknown"}},
     ["INF-CERT-03"]),
    ("revoked since", {"certificate": {"revocation": "revoked"}}, ["INF-CERT-03"]),
    ("unknown chain", {"certificate": {"verified": False, "failure": "chain"}}, ["INF-CERT-04"]),
    ("wrong usage", {"certificate": {"verified": False, "failure": "usage"}}, ["INF-CERT-05"]),
    ("serverAuth only", {"certificate": {"extended_key_usage": ["serverAuth"]}}, ["INF-CERT-05", "INF-CERT-06"]),
    ("no signature", {"certificate": {"key_usage": ["keyEncipherment"]}}, ["INF-CERT-05"]),
    ("unregistered", {"certificate": {"subject": "CN=stranger"}}, ["INF-CERT-06"]),
    ("other issuer", {"certificate": {"issuer": "CN=stranger"}}, ["INF-CERT-06"]),
    ("outside the networks", {"address": {"source": "192.0.2.1"}}, ["900805"]),
    ("IPv6 outside", {"address": {"source": "2001:db8::1"}}, ["900805"]),
    ("a network for an address", {"address": {"source": "127.0.0.1/32"}}, ["900805"]),
    ("not an address", {"address": {"source": "localhost"}}, ["900805"]),
    ("not canonical", {"address": {"source": "127.0.0.999"}}, ["900805"]),
    ("address unknown", {"address": {"source": None, "peer": None, "failure": "absent"}}, ["900805"]),
    ("no identifier", {"identifier": {"presented": False, "value": None, "failure": "absent"}}, ["INF-IDT-01"]),
    ("twice", {"identifier": {"value": None, "failure": "duplicate"}}, ["INF-IDT-02"]),
    ("malformed", {"identifier": {"value": None, "failure": "malformed"}}, ["INF-IDT-02"]),
    ("malformed in fact", {"identifier": {"value": "TS INFINOE"}}, ["INF-IDT-02"]),
    ("another's identifier", {"identifier": {"value": "TS-INFINOE-0043"}}, ["INF-IDT-03"]),
    ("nobody's identifier", {"identifier": {"value": "TS-INFINOE-9999"}}, ["INF-IDT-03"]),
    ("the sandbox's identifier", {"identifier": {"value": "TS-INFINOE-BAS-0042"}}, ["INF-IDT-03"]),
    ("no token", {"identity": {"presented": False, "verified": False, "failure": "absent"}}, ["900902"]),
    *[(f"token: {failure}", {"identity": {"verified": False, "failure": failure}}, ["900901"])
      for failure in ("malformed", "signature", "algorithm", "type", "issuer", "audience", "environment", "expired",
                      "not_yet_valid", "claims")],
    ("token ended since", {"identity": {"expires_at": "2026-11-23T19:10:00Z"}}, ["900901"]),
    ("token of the future", {"identity": {"issued_at": "2026-11-23T19:10:06Z"}}, ["900901"]),
    ("token of the sandbox", {"identity": {"environment": "sandbox"}}, ["900901"]),
    ("token without confirmation", {"identity": {"verified": False, "failure": "unbound", "certificate_sha256": None}},
     ["INF-IDC-01"]),
    ("token of another certificate", {"identity": {"certificate_sha256": "99" * 32}}, ["INF-IDC-01"]),
    ("token of another consumer", {"identity": {"client_id": "ecole-infinoe-prod"}}, ["INF-IDC-01"]),
    ("certificate without SIREN", {"certificate": {"siren": None, "siret": None}}, ["INF-IDC-02"]),
    ("another's SIREN", {"certificate": {"siren": "732829320", "siret": None}}, ["INF-IDC-02"]),
    ("SIRET of another body", {"certificate": {"siret": "73282932000074"}}, ["INF-CERT-04"]),
]


@pytest.mark.parametrize(("change", "codes"), [pytest.param(c, e, id=n) for n, c, e in ROWS])
def test_one_fact_changed_gives_one_reason(
        opa: OpaServer, contracts: dict[str, Contract], change: dict[str, Any], codes: list[str]) -> None:
    call = allowed_call(contracts["production/anfm.yaml"])
    for room, facts in change.items():
        call[room] |= facts
    decision = opa.decide(call)
    told = [r["code"] for r in decision["reasons"]]
    followers = {"INF-IDC-01", "900910"} if set(codes) & {"INF-CERT-01"} or "900902" in codes else {"900910"}
    assert [c for c in told if c not in followers or c in codes] == codes
    assert decision["allow"] is False
    assert decision["assertion"] is None


def test_a_certificate_of_one_consumer_with_all_else_of_another(opa: OpaServer, contracts: dict[str, Contract]) -> None:
    call = allowed_call(contracts["production/anfm.yaml"])
    call["certificate"] = certificate(contracts["production/ecole.yaml"])
    call["identity"]["certificate_sha256"] = call["certificate"]["sha256"]
    decision = opa.decide(call)
    assert decision["contract"] == "CONV-INFINOE-2026-0043"
    assert {r["code"] for r in decision["reasons"]} >= {"INF-IDT-03", "INF-IDC-01"}


@pytest.mark.parametrize("environment", ["production", "sandbox"])
def test_the_other_environment_s_contract_cannot_be_reached(
        opa: OpaServer, contracts: dict[str, Contract], environment: str) -> None:
    call = allowed_call(contracts[f"{environment}/anfm.yaml"])
    call["environment"] = {"production": "sandbox", "sandbox": "production"}[environment]
    decision = opa.decide(call)
    assert decision["contract"] is None
    assert decision["controls"] == {"certificate": "fail", "address": "not_evaluated", "identifier": "not_evaluated",
                                    "identity": "fail", "contract": "not_evaluated", "rights": "not_evaluated"}


def test_names_that_no_authority_signed_lead_to_no_contract(opa: OpaServer, contracts: dict[str, Contract]) -> None:
    call = allowed_call(contracts["production/anfm.yaml"])
    call["certificate"] |= {"verified": False, "failure": "chain"}
    decision = opa.decide(call)
    assert (decision["contract"], decision["quota"]) == (None, None)


@pytest.mark.parametrize(("source", "allowed"), [
    ("192.0.2.16", True), ("192.0.2.31", True), ("192.0.2.15", False), ("192.0.2.32", False),
    ("2001:db8:42::", True), ("2001:db8:42:0:ffff:ffff:ffff:ffff", True), ("2001:db8:42:1::", False),
    ("2001:db8:41:ffff::", False), ("127.0.0.1", False)])
def test_networks(variant_opa: OpaServer, variant_contracts: dict[str, Contract], source: str, allowed: bool) -> None:
    call = allowed_call(variant_contracts["production/networks.yaml"])
    call["address"] |= {"source": source, "peer": source}
    assert variant_opa.decide(call)["allow"] is allowed


@pytest.mark.parametrize(("sha256", "allowed"), [("ef" * 32, True), ("ab" * 32, False)])
def test_a_pinned_fingerprint_is_not_replaced_by_names(
        variant_opa: OpaServer, variant_contracts: dict[str, Contract], sha256: str, allowed: bool) -> None:
    call = allowed_call(variant_contracts["production/pinned.yaml"])
    call["certificate"]["sha256"] = call["identity"]["certificate_sha256"] = sha256
    assert variant_opa.decide(call)["allow"] is allowed
