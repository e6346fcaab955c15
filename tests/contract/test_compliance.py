"""Duties that stop no call are warned of, each with its clause and place; a contract that fulfils them has no warning."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway_addons.adapters.policy.contract_files import load_readings
from gateway_addons.core.contract.compliance import warnings
from gateway_addons.core.contract.model import Contract
from tests.policy.opa_server import ROOT
from tests.policy.variants import QUESTIONNAIRE, Change, changed

READINGS = load_readings(ROOT / "config" / "readings.yaml").production
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
FULFILLED: Change = {
    "rgpd.information_usager": {"requise": True, "mention": "x", "attestee_le": "2026-06-01"},
    "securite.audits": [{"date": "2026-06-20", "perimetre_oauth2": True, "prochain_le": "2027-06-20"}]}
HELPER: dict[str, Any] = {"nom": "Editeur", "siret": "73282932000074", "role": "editeur", "informe_le": "2026-11-01",
                          "mise_en_oeuvre_le": "2027-01-01", "garanties_rgpd": {"clauses": "art. 28", "attestees_le": "2026-11-01"}}
BREACH: dict[str, Any] = {"id": "VI-1", "connaissance_le": "2026-11-01T12:00:00+01:00", "risque": True}


def found(change: Change, **more: Any) -> list[str]:
    contract = Contract.model_validate(changed("x", FULFILLED | change | more))
    return [w.clause for w in warnings(contract, READINGS, NOW)]


@pytest.mark.parametrize(("change", "clauses"), [
    ({}, []),
    ({"rgpd.information_usager": {}}, ["3.3"]),
    ({"rgpd.information_usager": {"requise": True, "mention": "x", "attestee_le": "2025-11-22"}}, ["3.3"]),
    ({"rgpd.information_usager": {"requise": True, "attestee_le": "2026-06-01"}}, ["5.2-d"]),
    ({"contacts.responsable_traitement.verifie_le": "2025-11-22"}, ["5.2-b"]),
    ({"contacts.responsable_traitement.verifie_le": "2025-11-23"}, []),
    ({"contacts.responsable_traitement.verifie_le": None}, ["5.2-b"]),
    ({"contacts.rssi": None}, ["8-g3"]),
    ({"contacts.privilegies_usagers_interdits": False}, ["9.3-d"]),
    # 5.2-h: strictly before, and thirty days (AMB-8)
    ({"rgpd.sous_traitants": [HELPER]}, []),
    ({"rgpd.sous_traitants": [HELPER | {"informe_le": "2027-01-01"}]}, ["5.2-h"]),
    ({"rgpd.sous_traitants": [HELPER | {"informe_le": "2027-01-02"}]}, ["5.2-h"]),
    ({"rgpd.sous_traitants": [HELPER | {"informe_le": "2026-12-31"}]}, ["5.2-h"]),
    ({"rgpd.sous_traitants": [HELPER | {"informe_le": "2026-12-03"}]}, ["5.2-h"]),
    ({"rgpd.sous_traitants": [HELPER | {"informe_le": "2026-12-02"}]}, []),
    ({"rgpd.sous_traitants": [HELPER | {"garanties_rgpd": None}]}, ["6.5"]),
    ({"securite.audits": []}, ["8-c"]),
    ({"securite.audits": [{"date": "2026-06-20", "perimetre_oauth2": False}]}, ["8-c"]),
    ({"securite.audits": [{"date": "2025-06-20", "perimetre_oauth2": True, "prochain_le": "2026-11-22"}]}, ["8-c"]),
    ({"securite.evolutions_risque": [{"signalee_le": "2026-10-01", "motif": "x"}]}, ["3.4.1-g"]),
    (QUESTIONNAIRE, []),
    (QUESTIONNAIRE | {"securite.questionnaire": QUESTIONNAIRE["securite.questionnaire"] | {"retourne_le": "2023-11-22"}}, ["3.4.2-e"]),
    (QUESTIONNAIRE | {"securite.questionnaire": QUESTIONNAIRE["securite.questionnaire"] | {"groupe2": {"preconisations": [
        {"id": "P-1", "texte": "x", "emise_le": "2026-01-01", "planifiee_pour": "2026-11-22"},
        {"id": "P-2", "texte": "x", "emise_le": "2026-01-01", "planifiee_pour": "2026-11-23"},
        {"id": "P-3", "texte": "x", "emise_le": "2026-01-01"},
        {"id": "P-4", "texte": "x", "emise_le": "2026-01-01", "realisee_le": "2026-02-01"}]}}}, ["3.4.2-c", "3.4.2-c"]),
    ({"securite.transitoire": True, "securite.transitoire_motif": "x", "securite.transitoire_revue_le": "2026-11-22"}, ["3.4-c"]),
    # 6.6-a: 72 elapsed hours, or the reason
    ({"violations": [BREACH | {"notifiee_cnil_le": "2026-11-04T12:00:00+01:00"}]}, []),
    ({"violations": [BREACH | {"notifiee_cnil_le": "2026-11-04T12:00:01+01:00"}]}, ["6.6-a"]),
    ({"violations": [BREACH | {"notifiee_cnil_le": "2026-11-05T12:00:00+01:00", "motif_retard": "x"}]}, []),
    ({"droits.0.depot_au": "2026-11-22"}, ["4-C5"]),
])
def test_a_duty_that_is_open_is_warned_of(change: Change, clauses: list[str]) -> None:
    assert found(change) == clauses


def test_a_text_that_ended_leaves_rights_without_ground() -> None:
    assert found({"cadre_juridique.textes.0.applicable_au": "2026-11-22"}) == ["13-b"] * 4


def test_the_sandbox_has_no_warning() -> None:
    assert found({"rgpd.information_usager": {}, "convention.environnement": "bac_a_sable"}) == []
