"""The lines of config/readings.yaml, each turned over: AMB-1, AMB-2, the whole API stopped (12-a), maintenance (11-b)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway_addons.adapters.policy.bundle import build_bundle
from gateway_addons.core.contract.model import Contract
from gateway_addons.core.decision import Decision, read_decision
from tests.policy.calls import allowed_call, allowed_token
from tests.policy.conftest import sources
from tests.policy.opa_server import ROOT, OpaServer

OTHER: dict[str, Any] = {
    "suspension_homologation": "fin_validite", "questionnaire_expire": "suspendre", "api_bloquee": False,
    "nouvelle_cgu": "reaccepter", "delai_sous_traitance_jours": 30, "cgu_connues": [
        {"document": "cgu", "publiee_le": "2023-10-06", "sha256": "1" * 64},
        {"document": "cgu", "publiee_le": "2026-10-06", "sha256": "0" * 64}],
    "maintenances": [{"du": "2026-11-24T23:00:00+01:00", "au": "2026-11-25T01:00:00+01:00"}]}

ROWS = [
    # AMB-1 read the other way: suspended after the end of validity only
    ("attested-2026-12-31", "2026-12-31T22:59:59Z", []),
    ("attested-2026-12-31", "2026-12-31T23:00:00Z", ["INF-SUSP-01"]),
    # AMB-2 read the other way; 3.4.2-e: returned 2024-02-29, due 2027-02-28
    ("questionnaire", "2027-02-28T22:59:59Z", []),
    ("questionnaire", "2027-02-28T23:00:00Z", ["INF-SUSP-01"]),
    # AMB-10 read the other way: an older version of the terms is not enough
    ("unknown-terms", "2026-11-23T12:00:00Z", ["INF-SUSP-04"]),
    ("untouched", "2026-11-23T12:00:00Z", []),
    # 11-b: the end is excluded
    ("untouched", "2026-11-24T21:59:59Z", []),
    ("untouched", "2026-11-24T22:00:00Z", ["INF-MNT-01"]),
    ("untouched", "2026-11-24T23:59:59Z", ["INF-MNT-01"]),
    ("untouched", "2026-11-25T00:00:00Z", []),
]


@pytest.fixture(scope="module")
def other_opa(variants: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpaServer]:
    """The sandbox of these readings is stopped, so that each environment is seen to have its own."""
    folder = tmp_path_factory.mktemp("readings")
    stopped = OTHER | {"api_bloquee": True, "maintenances": []}
    (folder / "readings.yaml").write_text(json.dumps({"version_schema": 1, "production": OTHER, "bac_a_sable": stopped}))
    sandbox = variants / "sandbox" / "anfm.yaml"
    sandbox.write_bytes((ROOT / "config" / "contracts" / "sandbox" / "anfm.yaml").read_bytes())
    build_bundle(sources(variants, folder / "readings.yaml"), folder / "bundle.tar.gz")
    sandbox.unlink()
    with OpaServer(folder / "bundle.tar.gz") as server:
        yield server


@pytest.mark.parametrize(("name", "now", "codes"), ROWS)
def test_each_reading_turned_over(
        other_opa: OpaServer, variant_contracts: dict[str, Contract], name: str, now: str, codes: list[str]) -> None:
    call = allowed_call(variant_contracts[f"production/{name}.yaml"], now=now)
    call["certificate"] |= {"not_after": "2040-01-01T00:00:00Z"}
    assert [r["code"] for r in other_opa.decide(call)["reasons"]] == codes


def test_a_maintenance_says_when_it_ends(other_opa: OpaServer, variant_contracts: dict[str, Contract]) -> None:
    """11-b: Retry-After is the end of the slot."""
    contract = variant_contracts["production/untouched.yaml"]
    during = read_decision(Decision, other_opa.decide(allowed_call(contract, now="2026-11-24T23:00:00Z")))
    assert during.retry_at == "2026-11-25T00:00:00.000000Z"
    assert other_opa.decide(allowed_call(contract, now="2026-11-25T00:00:00Z"))["retry_at"] is None


def test_an_api_that_is_stopped(other_opa: OpaServer, contracts: dict[str, Contract]) -> None:
    contract = contracts["sandbox/anfm.yaml"]
    assert [r["code"] for r in other_opa.decide(allowed_call(contract))["reasons"]] == ["700700"]
    assert other_opa.decide_token(allowed_token(contract))["allow"] is False
