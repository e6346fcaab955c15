"""Contracts in YAML: what is not strict is refused, and the error says file, line, place, clause."""

from pathlib import Path

import pytest

from gateway_addons.adapters.policy.contract_files import (
    ContractFileError,
    load_contract,
    load_contracts,
    load_readings,
)
from tests.policy.opa_server import ROOT
from tests.policy.variants import BASE, changed, dumped

TEXT = BASE.read_text(encoding="utf-8")


def test_the_repository_s_contracts_can_be_used() -> None:
    found = dict(load_contracts(ROOT / "config" / "contracts"))
    assert {c.environment for c in found.values()} == {"production", "sandbox"}
    assert found["production/anfm.yaml"].convention.id == "CONV-INFINOE-2026-0042"


@pytest.mark.parametrize(("old", "new", "place"), [
    ("  etat: active ", "  etat: ouverte ", "convention.etat"),
    ("  finalite:", "  finalites:", "convention.finalite"),
    ('siren: "130999907"', 'siren: "130999908"', "organisme.siren"),
    ('siren: "130999907"', "siren: 130999907", "organisme.siren"),
    ('adresses_ip: ["127.0.0.1/32"]', 'adresses_ip: ["127.0.0.1/8"]', "acces.adresses_ip.0"),
    ('adresses_ip: ["127.0.0.1/32"]', "adresses_ip: []", "acces.adresses_ip"),
    ("souscription_production_le: 2026-01-12", "souscription_production_le: 2026-01-12T10:00:00", "souscription_production_le"),
    ('periodes: ["01..13"]', 'periodes: ["13..01"]', "droits.0"),
    ('periodes: ["01..13"]', "periodes: []", "droits.0"),
    ("depot_au: 2031-03-16", "depot_au: 2024-03-16", "droits.0"),
    ("appels_par_minute: 200", "appels_par_minute: 0", "volumetrie.appels_par_minute"),
])
def test_a_value_that_does_not_fit_is_named_with_its_line(tmp_path: Path, old: str, new: str, place: str) -> None:
    assert old in TEXT
    file = tmp_path / "c.yaml"
    file.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ContractFileError) as caught:
        load_contract(file)
    first = next(line for line in str(caught.value).splitlines() if place in line)
    number = int(first.removeprefix(f"{file}:").partition(":")[0])
    key = place.split(".")[-2] if place[-1].isdigit() and place.count(".") > 1 else place.split(".")[0]
    assert number > 1, key


@pytest.mark.parametrize(("change", "clause"), [
    ({"droits.0.texte_id": "T9"}, "3.1.1-b"),
    ({"droits.0.siret": "73282932000074"}, "2.1-b"),
    ({"droits.0.budgets": ["BP/09"]}, "4-C5"),
    ({"organisme.siren": "732829320"}, "2.1-b"),
    ({"cadre_juridique.textes.0.url": None}, "3.1.1-c"),
    ({"securite.homologation.valide_au": "2025-12-31"}, "3.4.1-a"),
    ({"acces.certificats.0.au": "2025-12-31"}, "4-C1"),
])
def test_a_contract_that_contradicts_itself_is_told_the_clause(tmp_path: Path, change: dict[str, object], clause: str) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(dumped(changed("x", change)), encoding="utf-8")
    with pytest.raises(ContractFileError, match=clause.replace(".", r"\.")):
        load_contract(file)


@pytest.mark.parametrize(("text", "why"), [
    ("a: 1\na: 2\n", "'a' is repeated"),
    ("a: {b: 1, b: 2}\n", "'b' is repeated"),
    ("a: &x [1]\nb: *x\n", "aliases are not accepted"),
    ("a: &x {b: *x}\n", "aliases are not accepted"),
    ("<<: {a: 1}\n", "a key must be a plain name"),
    ("? [a, b]\n: 1\n", "a key must be a plain name"),
    ("[" * 40 + "]" * 40, "deeper than"),
    ("[" * 100_000, "deeper than"),
    ("!!python/object/apply:os.system ['x']\n", "could not determine a constructor"),
    ("a: [\n", "expected"),
    ("a: 2026-13-45\n", "month must be"),
    ("- 1\n", "contract"),
    ("", "contract"),
    ("a: 1\n---\nb: 2\n", "single document"),
    ("x" * 300_000, "larger than"),
])
def test_yaml_that_is_not_strict(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ContractFileError, match=why):
        load_contract(file)


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "c.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ContractFileError, match=str(file)):
        load_contract(file)


def test_a_contract_in_the_other_environment_s_folder(tmp_path: Path) -> None:
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "c.yaml").write_text(TEXT, encoding="utf-8")
    with pytest.raises(ContractFileError, match="4-e"):
        load_contracts(tmp_path)


def test_a_folder_without_contracts(tmp_path: Path) -> None:
    with pytest.raises(ContractFileError, match="no contract"):
        load_contracts(tmp_path)


@pytest.mark.parametrize(("old", "new"), [
    ("suspension_homologation: echeance", "suspension_homologation: jamais"), ("  api_bloquee: false", ""),
    ("api_bloquee: false", "api_bloquée: false"),
    ("maintenances: []", "maintenances: [{du: 2026-11-24T23:00:00+01:00, au: 2026-11-24T23:00:00+01:00}]"),
    ("maintenances: []", "maintenances: [{du: 2026-11-24T23:00:00, au: 2026-11-25T00:00:00}]"),
])
def test_readings_that_do_not_fit(tmp_path: Path, old: str, new: str) -> None:
    text = (ROOT / "config" / "readings.yaml").read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "readings.yaml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ContractFileError, match="production"):
        load_readings(file)
