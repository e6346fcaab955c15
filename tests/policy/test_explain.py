"""`explain` tells the real OPA's decision, and the rule and line at which a control failed."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway_addons.adapters.policy.api_files import load_routes
from gateway_addons.adapters.policy.bundle import build_bundle
from gateway_addons.adapters.policy.contract_files import load_readings
from gateway_addons.adapters.policy.explain import ExplainError, PolicyFolder, explain
from gateway_addons.core.contract.compile import compile_contracts
from gateway_addons.core.contract.model import Contract
from gateway_addons.core.contract.sample_call import NoSuchCall, changed, sample_call, sample_token_request
from gateway_addons.core.explanation import ControlExplained
from tests.policy.conftest import sources
from tests.policy.opa_server import ROOT, opa_binary

NOW = datetime(2026, 11, 23, 19, 10, tzinfo=UTC)
_, (API,) = load_routes([ROOT / "config" / "apis" / "infinoe.yaml"])
ROUTES = {(r.flux, r.operation): r for r in API.routes}


@pytest.fixture(scope="module")
def folder(contracts: dict[str, Contract]) -> PolicyFolder:
    return PolicyFolder(ROOT / "policies", {
        "contracts": compile_contracts(contracts.items()), "readings": load_readings(ROOT / "config" / "readings.yaml").data(),
        "exceptions": {"production": [], "sandbox": []}, "revision": "r-test"})


def document(contract: Contract, now: datetime = NOW, **facts: Any) -> dict[str, Any]:
    right = contract.droits[0]
    call = sample_call(contract, ROUTES[right.flux, right.operations[0]], now, right)
    return changed(call.document(), {name.replace("__", "."): value for name, value in facts.items()})


def line_of(file: str, text: str) -> int:
    lines = Path(file).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.strip() == text)


def control(contracts: dict[str, Contract], folder: PolicyFolder, name: str, **facts: Any) -> ControlExplained:
    found = explain(opa_binary(), folder, document(contracts["production/anfm.yaml"], **facts))
    assert found.allow is False
    return next(c for c in found.controls if c.name == name)


def test_a_sample_call_of_every_working_contract_passes_everywhere(contracts: dict[str, Contract], folder: PolicyFolder) -> None:
    for file in ("production/anfm.yaml", "production/musee.yaml", "sandbox/ecole.yaml"):
        found = explain(opa_binary(), folder, document(contracts[file]))
        assert found.allow is True, file
        assert {c.verdict for c in found.controls} == {"pass"}
        assert all(c.held_at and not c.failed_at and not c.reasons for c in found.controls)


@pytest.mark.parametrize(("facts", "name", "code", "rule", "text"), [
    ({"address__source": "198.51.100.9"}, "address", "900805", "poterne.address.verdict",
     "net.cidr_contains(network, input.address.source)"),
    ({"certificate__revocation": "unknown"}, "certificate", "INF-CERT-03", "poterne.certificate.verdict",
     'input.certificate.revocation == "good"'),
    ({"identifier__value": "TS-OTHER"}, "identifier", "INF-IDT-03", "poterne.identifier.verdict",
     "agreements.environment.identifiers[input.identifier.value] == agreements.id"),
    ({"identity__certificate_sha256": "f" * 64}, "identity", "INF-IDC-01", "poterne.identity.bound", None),
    ({"identity__scopes": []}, "rights", "900910", "poterne.rights.scoped", "input.call.scope in input.identity.scopes"),
])
def test_the_line_that_failed_is_told(contracts: dict[str, Contract], folder: PolicyFolder, facts: dict[str, Any], name: str,
                                      code: str, rule: str, text: str | None) -> None:
    told = control(contracts, folder, name, **facts)
    assert (told.verdict, [r.code for r in told.reasons]) == ("fail", [code])
    step = next(s for s in told.failed_at if s.rule == rule)
    assert Path(step.file).exists()
    assert step.line == line_of(step.file, step.text)
    assert text in {None, step.text}
    assert step.clause
    assert told.failed_at[0].depth == 0
    assert all(r.given_at and f'"{code}"' in r.given_at[0].text for r in told.reasons)


def test_a_date_leads_down_to_its_line(contracts: dict[str, Contract], folder: PolicyFolder) -> None:
    """3.4.1-e: the renewal due on 2031-09-30 has not come."""
    contract = contracts["production/anfm.yaml"]
    late = datetime(2031, 10, 1, 12, tzinfo=UTC)
    found = explain(opa_binary(), folder, changed(document(contract, late), {}))
    told = next(c for c in found.controls if c.name == "contract")
    assert [r.code for r in told.reasons] == ["INF-SUSP-01"]
    assert [s.rule.rpartition(".")[2] for s in told.failed_at] == ["verdict", "current", "renewed_in_time"]
    assert told.failed_at[-1].text == "calendar.today <= attestation.renewal_due"
    assert [s.depth for s in told.failed_at] == [0, 1, 2]


def test_a_right_that_is_missing_is_told_where_policy_finds_it(contracts: dict[str, Contract], folder: PolicyFolder) -> None:
    perimeter = {"flux": "budgetaire", "operation": "creer", "siret": "13099990700012", "budget": "BP/01", "exercice": 2040,
                 "periode": "2040-01"}
    told = control(contracts, folder, "rights", rights__perimeters=[perimeter])
    assert [r.code for r in told.reasons] == ["INF-DRT-05"]
    assert told.reasons[0].given_at[0].rule == "poterne.rights.lines.first_unmatched"
    assert told.failed_at[-1].text == "perimeter.exercice in line.exercices"


def test_a_bundle_answers_like_its_folder(contracts: dict[str, Contract], tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.tar.gz"
    build_bundle(sources(ROOT / "config" / "contracts"), bundle)
    found = explain(opa_binary(), bundle, document(contracts["production/anfm.yaml"], address__source="198.51.100.9"))
    told = next(c for c in found.controls if c.name == "address")
    assert told.failed_at[-1].text == "net.cidr_contains(network, input.address.source)"
    assert told.failed_at[-1].file.endswith("poterne/address/address.rego")


def test_a_token_is_explained_too(contracts: dict[str, Contract], folder: PolicyFolder) -> None:
    asked = sample_token_request(contracts["production/anfm.yaml"], NOW).document()
    assert explain(opa_binary(), folder, asked, "token").allow is True
    found = explain(opa_binary(), folder, changed(asked, {"client.authenticated": False}), "token")
    told = next(c for c in found.controls if c.name == "client")
    assert [r.code for r in told.reasons] == ["INF-CLI-01"]
    assert [s.rule for s in told.failed_at] == ["poterne.token.client_verdict", "poterne.token.authenticated"]


@pytest.mark.parametrize(("binary", "why"), [(Path("/nonexistent/opa"), "No such file"), (Path("/bin/false"), "opa eval")])
def test_without_opa_there_is_no_answer(folder: PolicyFolder, binary: Path, why: str) -> None:
    with pytest.raises(ExplainError, match=why):
        explain(binary, folder, {})


def test_a_file_that_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_bytes(b"x")
    with pytest.raises(ExplainError, match="not a bundle"):
        explain(opa_binary(), tmp_path / "b.tar.gz", {})


@pytest.mark.parametrize("place", ["certificate.revocations", "now.x", "x", "certificate"])
def test_a_fact_that_there_is_none_of(contracts: dict[str, Contract], place: str) -> None:
    with pytest.raises(NoSuchCall, match=r"certificate\.revocation"):
        changed(document(contracts["production/anfm.yaml"]), {place: "x"})
