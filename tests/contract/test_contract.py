"""Contracts: the calendar's vectors, strict files, conditions of activity, one identity for one contract."""

import copy
import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway_addons.adapters.contract_files import ContractFileError, load_contract, load_contracts
from gateway_addons.core.contract import calendar
from gateway_addons.core.contract.compile import ContractConflict, compile_contracts
from gateway_addons.core.contract.gates import missing_conditions
from gateway_addons.core.contract.model import Contract

ROOT = Path(__file__).resolve().parents[2]
ANFM = ROOT / "config/contracts/production/anfm.yaml"

RENEWALS = [("2026-12-31", "2026-09-30"), ("2027-05-31", "2027-02-28"), ("2028-05-31", "2028-02-29"), ("2026-03-15", "2025-12-15")]
NOTICES = [("2026-05-18", 14, "2026-04-23"), ("2026-05-18", 7, "2026-05-05"), ("2026-06-01", 14, "2026-05-07"), ("2026-06-01", 7, "2026-05-20"),
           ("2027-01-04", 14, "2026-12-11"), ("2027-01-04", 7, "2026-12-22")]


@pytest.mark.parametrize(("end", "due"), RENEWALS)
def test_renewal_due(end: str, due: str) -> None:
    assert str(calendar.renewal_due(date.fromisoformat(end))) == due


def test_other_deadlines() -> None:
    assert str(calendar.questionnaire_due(date(2024, 2, 29))) == "2027-02-28"
    assert str(calendar.purge_due(date(2026, 11, 23))) == "2032-11-23"
    assert str(calendar.termination_effective(date(2026, 6, 30))) == "2026-08-30"
    assert str(calendar.termination_effective(date(2026, 12, 31))) == "2027-02-28"


@pytest.mark.parametrize(("day", "count", "notice"), NOTICES)
def test_working_days(day: str, count: int, notice: str) -> None:
    assert str(calendar.minus_working_days(date.fromisoformat(day), count)) == notice


@given(st.dates(date(1900, 1, 1), date(2200, 1, 1)), st.integers(-600, 600))
def test_months_keep_the_day_or_clamp_to_the_end(day: date, months: int) -> None:
    moved = calendar.plus_mois(day, months)
    assert (moved.year * 12 + moved.month) - (day.year * 12 + day.month) == months
    assert moved.day == day.day or (moved + timedelta(days=1)).day == 1


@given(st.integers(1900, 2200))
def test_eleven_holidays(year: int) -> None:
    assert len(calendar.holidays(year)) in {10, 11}  # Ascension may fall on 1 or 8 May
    assert calendar.easter(year).weekday() == 6


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(ANFM.read_text(encoding="utf-8"))
    return loaded


def bent(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    made = copy.deepcopy(document)
    *parents, last = path.split(".")
    node: Any = made
    for part in parents:
        node = node[int(part)] if isinstance(node, list) else node[part]
    if value is ...:
        del node[last]
    else:
        node[int(last) if isinstance(node, list) else last] = value
    return made


def test_the_projects_contracts_are_whole() -> None:
    for file, contract in load_contracts(ROOT / "config/contracts"):
        assert missing_conditions(contract) == (), file


QUESTIONNAIRE = {"voie": "questionnaire", "questionnaire": {"modele_version": "1", "transmis_le": date(2026, 1, 1), "retourne_le": date(2026, 1, 2), "sha256": "0" * 64}}
CONDITIONS: list[tuple[str, str, Any, str]] = [
    ("1-a DataPass", "datapass.etat", "submitted", "1-a"), ("1-a terms", "cgu.acceptee_le", None, "1-a"),
    ("3.1.1-h", "services_destinataires", [], "3.1.1-h"),
    ("3.1.2-e", "pieces_complementaires", [{"libelle": "x", "demandee_le": date(2026, 1, 1)}], "3.1.2-e"),
    ("8-d", "securite.vulnerabilites", [{"id": "V1", "severite": "majeure", "constatee_le": date(2026, 1, 1)}], "8-d"),
    ("9.2-b", "volumetrie.appels_par_minute", 500, "9.2-b"), ("3.1.1-a", "cadre_juridique.instruction.eligibilite", None, "3.1.1-a"),
    ("3.1.1-d", "cadre_juridique.instruction.analyse_juridique.decision", "defavorable", "3.1.1-d"),
    ("3.1.2-a", "cadre_juridique.derogation_secret", None, "3.1.2-a"), ("3.1.2-c", "recette_fonctionnelle.confirmee", False, "3.1.2-c"),
    ("3.1.2-d", "cadre_juridique.textes.0.communique_le", date(2026, 1, 13), "3.1.2-d"),
    ("3.2-a", "rgpd.formalites_accomplies.coche", False, "3.2-a"), ("3.4-a", "securite.voie", None, "3.4-a"),
    ("3.4-a document", "securite.homologation.document_sha256", None, "3.4-a"), ("3.4-b", "securite", QUESTIONNAIRE, "3.4-b"),
    ("3.4.1-c reservations", "securite.homologation.reserves", ["one"], "3.4.1-c"), ("3.4.1-c APE", "securite.homologation.type", "ape", "3.4.1-c"),
    ("3.4.2-b", "securite", QUESTIONNAIRE | {"transitoire": True}, "3.4.2-b"), ("9.1.3", "contacts.delegue_protection_donnees", None, "9.1.3"),
]


@pytest.mark.parametrize(("path", "value", "clause"), [pytest.param(*row[1:], id=row[0]) for row in CONDITIONS])
def test_each_condition_forbids_activity(document: dict[str, Any], path: str, value: Any, clause: str) -> None:
    contract = Contract.model_validate(bent(document, path, value))
    missing = missing_conditions(contract)
    assert clause in {m.clause for m in missing}
    compiled = compile_contracts([("x.yaml", contract)])["production"]["by_id"][contract.convention.id]
    assert clause in compiled["missing"]


INVALID: list[tuple[str, str, Any]] = [
    ("unknown key", "convention.extra", 1), ("unknown state", "convention.etat", "ouverte"), ("unknown environment", "convention.environnement", "prod"),
    ("SIREN with a wrong key", "organisme.siren", "130999908"), ("SIREN as a number", "organisme.siren", 130999907),
    ("entity of another organisme", "organisme.entites.0.siret", "73282932000074"), ("right of another entity", "droits.0.siret", "73282932000074"),
    ("right without a text", "droits.0.texte_id", "T9"), ("right on another's budget", "droits.0.budgets", ["BP/02"]),
    ("période 14", "droits.0.periodes", ["01..14"]), ("période backwards", "droits.0.periodes", ["05..03"]), ("période as a number", "droits.0.periodes", [1]),
    ("no période", "droits.0.periodes", []), ("unknown operation", "droits.0.operations", ["lire"]), ("unknown flux", "droits.0.flux", "autre"),
    ("network with host bits", "acces.adresses_ip", ["192.0.2.1/28"]), ("network that is none", "acces.adresses_ip", ["localhost"]),
    ("no network", "acces.adresses_ip", []), ("no certificate", "acces.certificats", []), ("unknown scope", "acces.clients_oauth2.0.scopes", ["all"]),
    ("fingerprint in capitals", "acces.certificats.0.empreinte_sha256", "A" * 64), ("text without document or address", "cadre_juridique.textes.0.url", None),
    ("validity backwards", "securite.homologation.valide_au", date(2020, 1, 1)), ("moment for a date", "droits.0.depot_du", "2026-01-01T00:00:00Z"),
    ("moment without a zone", "cgu.acceptee_le", "2026-01-12T10:02:00"), ("quota of zero", "volumetrie.appels_par_minute", 0),
]


@pytest.mark.parametrize(("path", "value"), [pytest.param(*row[1:], id=row[0]) for row in INVALID])
def test_invalid_contracts_name_file_line_and_place(document: dict[str, Any], tmp_path: Path, path: str, value: Any) -> None:
    file = tmp_path / "contract.yaml"
    file.write_text(yaml.safe_dump(bent(document, path, value), allow_unicode=True, sort_keys=False), encoding="utf-8")
    with pytest.raises(ContractFileError) as refused:
        load_contract(file)
    assert str(refused.value).startswith(f"{file}:")


STRICT: dict[str, Callable[[str], str]] = {
    "repeated key": lambda text: text + "\nresiliation: null\n", "alias": lambda text: text.replace("version_schema: 1", "version_schema: &a 1\nx: *a"),
    "python object": lambda text: text + "\nx: !!python/object/apply:os.system ['true']\n", "not YAML": lambda text: text + "\n  : [",
    "two documents": lambda text: text + "\n---\na: 1\n", "too large": lambda text: text + "# " + "x" * 300_000,
}


@pytest.mark.parametrize("name", list(STRICT))
def test_files_are_read_strictly(tmp_path: Path, name: str) -> None:
    file = tmp_path / "contract.yaml"
    file.write_text(STRICT[name](ANFM.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ContractFileError):
        load_contract(file)


CLAIMS = ["acces.certificats", "acces.identifiants_techniques", "acces.clients_oauth2", "convention.id"]


@pytest.mark.parametrize("shared", CLAIMS)
def test_one_identity_for_one_contract(document: dict[str, Any], shared: str) -> None:
    other = yaml.safe_load((ROOT / "config/contracts/production/ecole.yaml").read_text(encoding="utf-8"))
    section, key = shared.split(".")
    other[section][key] = document[section][key]
    pair = [("a.yaml", Contract.model_validate(document)), ("b.yaml", Contract.model_validate(other))]
    with pytest.raises(ContractConflict, match=r"b\.yaml and a\.yaml"):
        compile_contracts(pair)


def test_the_compiled_contract_holds_no_contact(document: dict[str, Any]) -> None:
    assert "@" not in json.dumps(compile_contracts([("a.yaml", Contract.model_validate(document))]))


def test_the_other_environments_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox/anfm.yaml").write_text(ANFM.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(ContractFileError, match="4-e"):
        load_contracts(tmp_path)


def test_the_published_schema_is_current() -> None:
    published = json.loads((ROOT / "config/contract.schema.json").read_text(encoding="utf-8"))
    assert published == Contract.model_json_schema(), "write it again from Contract.model_json_schema()"
