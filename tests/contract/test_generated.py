"""The generated contracts of the benchmarks are valid, varied, and the same for the same seed."""

from pathlib import Path

from benchmarks.contract_generator import write_contracts
from gateway_addons.adapters.policy.contract_files import load_contracts
from gateway_addons.core.contract.compile import compile_contracts
from gateway_addons.core.contract.gates import missing_conditions


def test_generated_contracts_are_valid_and_varied(tmp_path: Path) -> None:
    ids = write_contracts(tmp_path, 60)
    contracts = load_contracts(tmp_path)
    data = compile_contracts(contracts)["production"]
    assert sorted(data["by_id"]) == sorted(ids)
    assert [missing_conditions(c) for _, c in contracts] == [()] * 60
    assert {c.securite.voie for _, c in contracts} == {"homologation", "questionnaire"}
    assert len({len(c.droits) for _, c in contracts}) > 3
    assert any(c.resiliation for _, c in contracts)


def test_the_same_seed_makes_the_same_files(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_contracts(tmp_path / folder, 5, seed=7)
    texts = [[f.read_text() for f in sorted((tmp_path / folder / "production").iterdir())] for folder in ("one", "two")]
    assert texts[0] == texts[1]
