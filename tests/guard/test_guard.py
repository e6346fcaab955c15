"""The guard stops policy edits that loosen a control, by itself and by comparing with what runs; and finds nothing else."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway_addons.adapters.policy.api_files import load_routes
from gateway_addons.adapters.policy.bundle import Content, Sources, read_sources
from gateway_addons.adapters.policy.contract_files import load_contracts
from gateway_addons.adapters.policy.guard import Guard, GuardReport
from gateway_addons.core.contract.model import Contract
from tests.policy.opa_server import ROOT, opa_binary
from tests.policy.variants import write_variants

NOW = datetime(2026, 11, 23, 19, 10, tzinfo=UTC)
_, APIS = load_routes([ROOT / "config" / "apis" / "infinoe.yaml"])


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two contracts of one shape: one is broken, the other lends its identities."""
    folder = tmp_path_factory.mktemp("guard") / "contracts"
    write_variants(folder, {"one": {}, "other": {}})
    return folder


def content(contracts: Path, policies: Path = ROOT / "policies") -> Content:
    return read_sources(Sources(opa_binary(), policies, contracts, ROOT / "config" / "readings.yaml"))


def ask(candidate: Content, contracts: Path, running: Content | None = None, now: datetime = NOW) -> GuardReport:
    loaded: list[Contract] = [c for _, c in load_contracts(contracts)]
    return Guard(opa_binary(), ROOT / "config" / "schemas", APIS).run(candidate, loaded, now, running)


def edited(folder: Path, file: str, old: str, new: str) -> Path:
    """The repository's policies with one edit."""
    policies = folder / "policies"
    shutil.copytree(ROOT / "policies", policies)
    module = policies / "poterne" / file
    text = module.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file}: the edit has no place"
    module.write_text(text.replace(old, new), encoding="utf-8")
    return policies


def test_the_repository_s_policies_pass(contracts: Path) -> None:
    report = ask(content(contracts), contracts)
    assert report.findings == []
    assert (report.contracts, report.uncallable) == (2, {})
    assert (report.shapes, report.rights) == (1, 8)
    assert report.facts > 50
    assert report.questions > 1000


LOOSENED = {
    "SIREN not compared": ("identity/identity.rego", "\tinput.certificate.siren == agreements.found.siren\n}", "}", "SIREN of another body"),
    "absence let through by not": (
        "address/address.rego", "\testablished == true\n\tsome network in agreements.found.addresses\n\tnet.cidr_contains(network, input.address.source)\n",
        "\tagreements.known == true\n\tnot stranger\n",
        "absent address.source"),
    "any periode of the exercice": ("rights/lines.rego", "\tmonth in line.months\n", "\tmonth != \"\"\n", "outside periode"),
    "suspensions forgotten": ("contract/contract.rego", "\tcontract.suspensions == []\n\tcontract.security.risk == null\n", "\tcontract.security.risk == null\n", "contract suspended for an hour"),
    "revocation not looked at": ("certificate/certificate.rego", "\tinput.certificate.revocation == \"good\"\n\tusable == true\n", "\tusable == true\n",
                                 "certificate revocation revoked"),
    "identifier of any contract": ("identifier/identifier.rego", "\tagreements.environment.identifiers[input.identifier.value] == agreements.id\n",
                                   "\tagreements.environment.identifiers[input.identifier.value]\n", "identifier of another contract"),
}
STRANGER = """
stranger if {
	every network in agreements.found.addresses {
		not net.cidr_contains(network, input.address.source)
	}
}
"""


@pytest.mark.parametrize(("file", "old", "new", "question"), LOOSENED.values(), ids=LOOSENED.keys())
def test_a_loosening_edit_is_stopped(contracts: Path, tmp_path: Path, file: str, old: str, new: str, question: str) -> None:
    policies = edited(tmp_path, file, old, new)
    if "stranger" in new:
        module = policies / "poterne" / file
        module.write_text(module.read_text(encoding="utf-8") + STRANGER, encoding="utf-8")
    report = ask(content(contracts, policies), contracts)
    found = {finding.question for finding in report.open}
    assert question in found
    assert ("outside in every dimension" in found) is (question == "outside periode"), "the contract of a known shape is asked too"
    assert report.document()["passed"] is False


def test_what_only_the_running_policies_refuse_is_found_by_comparing(contracts: Path, tmp_path: Path) -> None:
    """A rule that the guard knows nothing of: a certificate must name a SIRET. The candidate drops it."""
    strict = edited(tmp_path, "certificate/certificate.rego", "siret_agrees(null)\n", "")
    running = content(contracts, strict)
    report = ask(content(contracts), contracts, running)
    assert report.compared_with == running.digest
    assert {(f.question, f.control) for f in report.open} == {("SIREN of another body", "certificate"), ("SIREN of nobody", "certificate")}


def test_a_contract_that_begins_later_is_called_at_its_own_time(contracts: Path) -> None:
    report = ask(content(contracts), contracts, now=datetime(2024, 1, 1, 12, tzinfo=UTC))
    assert (report.findings, report.uncallable) == ([], {})

