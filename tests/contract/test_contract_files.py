"""Contracts in YAML: what is not strict is refused, and the error says file, line, place, clause."""

import hashlib
from pathlib import Path
from typing import Any

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


def line_of(text: str, part: str) -> int:
    """The line (1-based) of the first occurrence."""
    return text[: text.index(part)].count("\n") + 1


# what stands in the file, what is written instead, then what the error says: place, clause, and what to do
ROWS = [
    ("  etat: active ", "  etat: ouverte ", "convention.etat", "1-a", "'brouillon', 'instruite', 'active'"),
    ("  finalite:", "  finalites:", "convention.finalites", "1-a", "unknown key; did you mean finalite?"),
    ("convention:\n", "conventions:\n", "conventions", "", "unknown key; did you mean convention?"),
    ("  finalite:", "  xyz: 1\n  finalite:", "convention.xyz", "1-a", "unknown key; there are id, api, environnement"),
    ('siren: "130999907"', 'siren: "130999908"', "organisme.siren", "4-C4", "nine digits with their key, between quotes"),
    ('siren: "130999907"', "siren: 130999907", "organisme.siren", "4-C4", "between quotes"),
    ('siren: "130999907"', 'siren: "130 999 907"', "organisme.siren", "4-C4", "nine digits"),
    ('siret_demandeur: "13099990700012"', "siret_demandeur: 13099990700012", "organisme.siret_demandeur", "2.1-b", "between quotes"),
    ('siret_demandeur: "13099990700012"', 'siret_demandeur: "13099990700013"', "organisme.siret_demandeur", "2.1-b", "key"),
    ('siret_demandeur: "13099990700012"', "siret_demandeur: 01309999070001", "organisme.siret_demandeur", "2.1-b", "between quotes"),
    ("code_infinoe: OPN04242", "code_infinoe: 4242", "organisme.code_infinoe", "2.1-b", "4242 must be a text; write it between quotes"),
    ("soumis_rgs: true", "soumis_rgs: no", "organisme.soumis_rgs", "3.4-b", "write true or false"),
    ("soumis_rgs: true", 'soumis_rgs: "no"', "organisme.soumis_rgs", "3.4-b", "write true or false, without quotes"),
    ("soumis_rgs: true", "soumis_rgs: 1", "organisme.soumis_rgs", "3.4-b", "write true or false"),
    ('adresses_ip: ["127.0.0.1/32"]', 'adresses_ip: ["127.0.0.1/8"]', "acces.adresses_ip.0", "4-C2", "host bits"),
    ('adresses_ip: ["127.0.0.1/32"]', 'adresses_ip: ["127.0.0.1/33"]', "acces.adresses_ip.0", "4-C2", "CIDR"),
    ('adresses_ip: ["127.0.0.1/32"]', "adresses_ip: []", "acces.adresses_ip", "4-C2", "at least 1 item"),
    ('adresses_ip: ["127.0.0.1/32"]', "adresses_ip: 127.0.0.1/32", "acces.adresses_ip", "4-C2", "tuple"),
    ("souscription_production_le: 2026-01-12", "souscription_production_le: 2026-01-12T10:00:00",
     "convention.souscription_production_le", "3.1.2-d", "AAAA-MM-JJ"),
    ("souscription_production_le: 2026-01-12", "souscription_production_le: 86400", "convention.souscription_production_le", "3.1.2-d",
     "AAAA-MM-JJ"),
    ("souscription_production_le: 2026-01-12", "souscription_production_le: 2026-02-30", "convention.souscription_production_le",
     "3.1.2-d", "day is out of range"),
    ("acceptee_le: 2026-01-12T10:02:00+01:00", "acceptee_le: 2026-01-12", "cgu.acceptee_le", "1-a", "with its zone"),
    ("acceptee_le: 2026-01-12T10:02:00+01:00", "acceptee_le: 2026-01-12T10:02:00", "cgu.acceptee_le", "1-a", "needs its zone"),
    ('periodes: ["01..13"]', 'periodes: ["13..01"]', "droits.0", "4-C5", "neither a période nor a range"),
    ('periodes: ["01..13"]', 'periodes: ["01..14"]', "droits.0.periodes", "4-C5", "'14' is no période of infinoe"),
    ('periodes: ["01..13"]', "periodes: []", "droits.0.periodes", "4-C5", "names its periodes"),
    ("depot_au: 2031-03-16", "depot_au: 2024-03-16", "droits.0", "4-C5", "depot_au is before depot_du"),
    ("flux: referentiel, operations: [modifier]", 'flux: referentiel, budgets: ["BP/01"], operations: [modifier]', "droits.3.budgets",
     "4-C5", "a right for referentiel has no budgets"),
    ("flux: budgetaire, operations: [creer", "flux: budgetaires, operations: [creer", "droits.0.flux", "4-C5", "it has budgetaire, comptable"),
    ("operations: [creer, modifier, supprimer]", "operations: [creer, lire]", "droits.0.operations", "2.2.1", "no operation 'lire'"),
    ("infinoe_comptable_ecriture", "infinoe_compta", "acces.clients_oauth2.0.scopes", "4-C5", "no scope 'infinoe_compta'"),
    ("budgets: [{type: BP", 'budgets: [{type: XX, code: "1"}, {type: BP', "organisme.entites.0.budgets.0", "4-C5", "no budget of infinoe"),
    ("  environnement: production ", "  api: autre\n  environnement: production ", "convention.api", "1-a", "config/apis/ has infinoe"),
    ("appels_par_minute: 200", "appels_par_minute: 0", "volumetrie.appels_par_minute", "9.2-a", "greater than or equal to 1"),
    ("appels_par_minute: 200", 'appels_par_minute: "200"', "volumetrie.appels_par_minute", "9.2-a", "whole number, without quotes"),
    ("appels_par_minute: 200", "appels_par_minute: 200.5", "volumetrie.appels_par_minute", "9.2-a", "whole number"),
    ("  justificatifs: []\n", "  justificatifs: []\n  limites: [{flux: comptables, appels_par_minute: 5}]\n", "volumetrie.limites.0.flux",
     "3.1.1-g", "no flux 'comptables'"),
    ("resiliation: null", "resiliation: {par: producteur, notifiee_le: 2026-11-01, canal: ecrit}", "resiliation.motif", "14-c",
     "missing; add it"),
    ("resiliation: null", "resiliation: {par: producteur, notifiee_le: 2026-11-01, motif: fin, canal: telephone}", "resiliation.canal",
     "14-c", "'ecrit'"),
    ("resiliation: null", "changements: [{id: C-1, type: nominal, annonce_le: 2026-04-24, courriel_message_id: '<1@x>', "
     "application_le: 2026-05-18}]\nresiliation: null", "changements.0", "9.3-c", "by 2026-04-23"),
    ("resiliation: null", "changements: [{id: C-1, type: nominal, annonce_le: 2026-04-23, application_le: 2026-05-18}]\n"
     "resiliation: null", "changements.0.courriel_message_id", "9.3-a", "missing; add it"),
    ("resiliation: null", "suspensions: [{motif: panne, du: 2026-06-01T10:00:00+02:00, avertie_le: 2026-06-01T10:00:00+02:00, "
     "message: x}]\nresiliation: null", "suspensions.0.motif", "12-a", "'maintenance', 'securite' or 'autre'"),
    ("resiliation: null", "suspensions: [{motif: autre, du: 2026-06-01T10:00:00+02:00, message: x}]\nresiliation: null",
     "suspensions.0.avertie_le", "12-b", "missing; add it"),
]


@pytest.mark.parametrize(("old", "new", "place", "clause", "what_to_do"), ROWS)
def test_a_defect_is_told_with_line_place_clause_and_what_to_do(tmp_path: Path, old: str, new: str, place: str, clause: str,
                                                                 what_to_do: str) -> None:
    assert old in TEXT
    text = TEXT.replace(old, new, 1)
    file = tmp_path / "c.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ContractFileError) as caught:
        load_contract(file)
    defect = next(d for d in caught.value.defects if d.path == place)
    assert what_to_do in defect.text
    assert defect.clause == clause
    assert defect.line in {line_of(text, new.strip("\n")) + n for n in range(3)}
    assert str(defect) == f"{file}:{defect.line}: {place}: {f'clause {clause}: ' if clause else ''}{defect.text}"


def test_all_defects_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "production").mkdir()
    for name, old in (("a", "  finalite:"), ("b", "  finalite:")):
        text = TEXT.replace(old, "  finalites:", 1).replace('siren: "130999907"', "siren: 1", 1)
        (tmp_path / "production" / f"{name}.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ContractFileError) as caught:
        load_contracts(tmp_path)
    assert sorted({(Path(d.file).name, d.path) for d in caught.value.defects}) == [
        (f"{name}.yaml", path) for name in "ab" for path in ("convention.finalite", "convention.finalites", "organisme.siren")]


@pytest.mark.parametrize(("index", "clause"), [
    ("id", "1-a"), ("certificats", "4-C1"), ("identifiants", "4-C3"), ("client_id", "4-C4")])
def test_what_two_contracts_claim_is_told_with_both_places(tmp_path: Path, index: str, clause: str) -> None:
    (tmp_path / "production").mkdir()
    changes: dict[str, dict[str, Any]] = {
        "id": {"convention.id": "CONV-a"}, "certificats": {"acces.certificats.0.sujet": "CN=a"},
        "identifiants": {"acces.identifiants_techniques": ["TS-a"]}, "client_id": {"acces.clients_oauth2.0.client_id": "client-a"}}
    for name, change in (("a", {}), ("b", changes[index])):
        (tmp_path / "production" / f"{name}.yaml").write_text(dumped(changed(name, change)), encoding="utf-8")
    with pytest.raises(ContractFileError) as caught:
        load_contracts(tmp_path)
    (defect,) = caught.value.defects
    assert (Path(defect.file).name, defect.clause) == ("b.yaml", clause)
    assert index in defect.path
    assert str(tmp_path / "production" / "a.yaml") in defect.text
    assert defect.line > 1


@pytest.mark.parametrize(("field", "sha256", "why"), [
    ("datapass.instantane", "0" * 64, None),
    ("datapass.instantane", "0" * 64, "not what was accepted"), ("cgu", "0" * 64, "not what was accepted"), ("cgu", "absent", "cannot be read")])
def test_documents_beside_the_contract_are_those_accepted(tmp_path: Path, field: str, sha256: str, why: str | None) -> None:
    """1-c: the hash of what was accepted is verified at every load."""
    prefix = field + ("_" if field == "datapass.instantane" else ".")
    document = changed("x", {f"{prefix}fichier": "document.txt", f"{prefix}sha256": sha256.replace("absent", "0" * 64)})
    file = tmp_path / "c.yaml"
    file.write_text(dumped(document), encoding="utf-8")
    if sha256 != "absent":
        (tmp_path / "document.txt").write_text("ABC", encoding="utf-8")
    if why is None:
        document["datapass"]["instantane_sha256"] = hashlib.sha256(b"ABC").hexdigest()
        file.write_text(dumped(document), encoding="utf-8")
        load_contract(file)
        return
    with pytest.raises(ContractFileError, match=why) as caught:
        load_contract(file)
    assert caught.value.defects[0].clause == "1-c"


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
    ("a: &x [1]\nb: *x\n", "anchors are not accepted"),
    ("a: &x {b: *x}\n", "anchors are not accepted"),
    ("a: 1\nb: *x\n", "not YAML: found undefined alias|aliases are not accepted"),
    ("<<: {a: 1}\n", "a key must be a plain name"),
    ("? [a, b]\n: 1\n", "a key must be a plain name"),
    ("[" * 40 + "]" * 40, "deeper than"),
    ("[" * 100_000, "deeper than"),
    ("!!python/object/apply:os.system ['x']\n", "tags are not accepted"),
    ("a: [\n", "not YAML: "),
    ("a: 2026-13-45\n", "month must be"),
    ("- 1\n", "contract"),
    ("", "the file is empty"), ("a: yes\n", "write true or false"), ("a: 0777\n", "between quotes"), ("a: !t 1\n", "tags are not"),
    ("a: \x07\n", "not YAML"), ("\ta: 1\n", "not YAML"),
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
    ("maintenances: []", "maintenances: [{du: 2026-11-24T22:59:00+01:00, au: 2026-11-25T00:00:00+01:00}]"),
    ("maintenances: []", "maintenances: [{du: 2026-11-24T23:00:00+01:00, au: 2026-11-25T01:00:01+01:00}]"),
    ("maintenances: []", "maintenances: [{du: 2026-11-25T05:00:00+01:00, au: 2026-11-25T06:01:00+01:00}]"),
    ("maintenances: []", "maintenances: [{du: 2026-11-24T23:00:00+01:00, au: 2026-11-25T00:00:00+01:00}, "
     "{du: 2026-11-25T05:00:00+01:00, au: 2026-11-25T06:00:00+01:00}]"),
    ("nouvelle_cgu: informer", "nouvelle_cgu: ignorer"), ("delai_sous_traitance_jours: 30", "delai_sous_traitance_jours: -1"),
    ("publiee_le: 2023-10-06,", ""),
])
def test_readings_that_do_not_fit(tmp_path: Path, old: str, new: str) -> None:
    text = (ROOT / "config" / "readings.yaml").read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "readings.yaml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ContractFileError, match="production"):
        load_readings(file)
