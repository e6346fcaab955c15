"""Each condition of activation, removed in turn, is named with its clause and place (1-a, 3, 8-d, 9)."""

from typing import Any

import pytest

from gateway_addons.core.contract.gates import missing_conditions
from gateway_addons.core.contract.model import Contract
from tests.policy.variants import GATES, QUESTIONNAIRE, changed

CLAUSES = {
    "gate-datapass": "1-a", "gate-datapass-revoked": "1-a", "gate-datapass-date": "1-a", "gate-datapass-form": "1-a",
    "gate-cgu": "1-a", "gate-service": "3.1.1-h", "gate-document": "3.1.2-e", "gate-vulnerability": "8-d",
    "gate-quota": "9.2-b", "gate-eligibility": "3.1.1-a", "gate-legal-analysis": "3.1.1-d", "gate-secrecy": "3.1.2-a",
    "gate-acceptance": "3.1.2-c", "gate-text-late": "3.1.2-d", "gate-formalities": "3.2-a", "gate-security": "3.4-a",
    "gate-security-way": "3.4-a", "gate-rgs": "3.4-b", "gate-reservations": "3.4.1-c", "gate-provisional": "3.4.1-c",
    "gate-first-group": "3.4.2-b", "gate-officer": "9.1.3", "gate-declarant": "3.2-b", "gate-acceptance-date": "3.1.2-c",
    "gate-transition": "3.4-c", "gate-personal-data": "5.3-b", "gate-service-hours": "11-d",
}


def contract(name: str, change: dict[str, Any]) -> Contract:
    return Contract.model_validate(changed(name, change))


def test_the_base_contract_lacks_nothing() -> None:
    assert missing_conditions(contract("base", {})) == ()


@pytest.mark.parametrize("name", sorted(CLAUSES))
def test_a_condition_removed_is_named(name: str) -> None:
    missing = missing_conditions(contract(name, GATES[name]))
    assert [m.clause for m in missing] == [CLAUSES[name]]
    assert all(m.path and m.to_do for m in missing)


def test_a_contract_without_text_or_right() -> None:
    assert [m.clause for m in missing_conditions(contract("x", GATES["gate-text"]))] == ["3.1.1-f", "2.1-c"]


@pytest.mark.parametrize("change", [
    {"pieces_complementaires": [{"libelle": "Statuts", "demandee_le": "2026-01-20", "obligatoire": False}]},
    {"pieces_complementaires": [{"libelle": "Statuts", "demandee_le": "2026-01-20", "recue_le": "2026-01-30"}]},
    {"securite.vulnerabilites": [{"id": "V-1", "severite": "moyenne", "constatee_le": "2026-01-20"}]},
    {"securite.vulnerabilites": [
        {"id": "V-1", "severite": "majeure", "constatee_le": "2026-01-20", "corrigee_le": "2026-01-30"}]},
    {"securite.homologation.reserves": ["reserve 1"], "securite.homologation.levee_reserves": {
        "echange_le": "2026-01-20", "participants": ["P. Durand"], "decision": "ouverture", "motif": "mineure"}},
    QUESTIONNAIRE, QUESTIONNAIRE | {
        "organisme.soumis_rgs": True, "securite.transitoire": True, "securite.transitoire_motif": "homologation en cours",
        "securite.transitoire_revue_le": "2027-06-30"},
    {"rgpd.contient_dcp": True, "rgpd.registre_traitement_ref": "RT-7", "rgpd.duree_conservation_mois": 12},
    {"volumetrie.appels_par_minute": 500, "volumetrie.justification": "pics", "volumetrie.justificatifs": [
        {"releves_pics": "mars", "nb_dossiers": 9, "periodicite": "mensuelle", "decision": "acceptee"}]},
])
def test_what_meets_a_condition(change: dict[str, Any]) -> None:
    assert missing_conditions(contract("x", change)) == ()


def test_every_gate_is_tried() -> None:
    assert set(CLAUSES) | {"gate-text"} == set(GATES)
