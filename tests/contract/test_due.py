"""What falls due, with its alerts: each deadline of the terms of use on the day it should be, and not when it is done."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gateway_addons.adapters.policy.contract_files import load_readings
from gateway_addons.core.contract.due import Due, due_within
from gateway_addons.core.contract.model import Contract
from tests.policy.opa_server import ROOT
from tests.policy.variants import QUESTIONNAIRE, SUSPENSION, Change, attested, changed, notice, risk, successor

READINGS = load_readings(ROOT / "config" / "readings.yaml").production
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
QUIET: Change = {"securite.audits": [], "resiliation": None}


def found(change: Change, days: int = 90, now: datetime = NOW) -> dict[str, Due]:
    contract = Contract.model_validate(changed("x", QUIET | change))
    return {f"{item.clause} {item.path}": item for item in due_within(contract, READINGS, now, days)}


@pytest.mark.parametrize(("change", "clause", "on"), [
    (attested("2027-05-10"), "3.4.1-d", "2027-02-10"),
    (attested("2026-12-31", successor("2027-01-01", "2027-05-10", "2026-09-30")), "3.4.1-d", "2027-02-10"),
    (attested("2026-12-31"), "3.4.1-d", "2026-09-30"),  # overdue: still to be done
    (QUESTIONNAIRE, "3.4.2-e", "2027-02-28"),
    (risk(None), "3.4.2-d", "2026-11-20"),
    ({"securite.transitoire": True, "securite.transitoire_motif": "x", "securite.transitoire_revue_le": "2027-01-15"}, "3.4-c",
     "2027-01-15"),
    ({"securite.evolutions_risque": [{"signalee_le": "2026-10-01", "motif": "x"}]}, "3.4.1-g", "2026-10-01"),
    ({"securite.vulnerabilites": [{"id": "V-1", "severite": "majeure", "constatee_le": "2026-10-01"}]}, "8-d", "2026-10-01"),
    ({"securite.audits": [{"date": "2025-10-20", "perimetre_oauth2": True, "prochain_le": "2026-12-20"}]}, "8-c", "2026-12-20"),
    ({"acces.certificats.0.au": "2027-01-01"}, "4-C1", "2027-01-01"),
    ({"droits.0.depot_au": "2027-01-01"}, "4-C5", "2027-01-01"),
    ({"cadre_juridique.textes.0.applicable_au": "2027-01-31"}, "13-b", "2027-01-31"),
    ({"contacts.rssi.verifie_le": "2026-01-31"}, "5.2-b", "2027-01-10"),
    ({"contacts.rssi.verifie_le": None}, "5.2-b", "2026-11-23"),
    ({"rgpd.information_usager": {"requise": True, "attestee_le": "2026-02-01"}}, "3.3", "2027-02-01"),
    ({"pieces_complementaires": [{"libelle": "Statuts", "demandee_le": "2026-11-01"}]}, "3.1.2-e", "2026-11-01"),
    ({"convention.fin_de_besoin": {"signalee_le": "2026-11-01", "motif": "x"}}, "13-c", "2026-11-01"),
    ({"rgpd.sous_traitants": [{"nom": "N", "siret": "73282932000074", "role": "r", "informe_le": "2026-11-01",
                               "mise_en_oeuvre_le": "2027-01-01"}]}, "5.2-h", "2027-01-01"),
    ({"suspensions": [SUSPENSION | {"motif": "securite"}]}, "8-g4", "2026-11-20"),
    (notice("2026-11-01"), "14-d", "2027-01-01"),
    ({"convention.fin_echange_le": "2027-01-02"}, "13-a", "2027-01-02"),
    ({"convention.fin_echange_le": "2026-11-01", "conservation.datapass_apres_arret_mois": 2}, "6.8-b", "2027-01-01"),
    ({"violations": [{"id": "VI-1", "connaissance_le": "2026-11-22T12:00:00+01:00", "risque": True}]}, "6.6-a", "2026-11-25"),
    ({"changements": [{"id": "C-1", "type": "nominal", "annonce_le": "2026-11-01", "courriel_message_id": "<1@x>",
                       "application_le": "2027-01-04"}]}, "9.3-c", "2027-01-04"),
    ({"cgu.sha256": "1" * 64}, "14-a", "2023-10-06"),
])
def test_a_deadline_is_due_on_its_day(change: Change, clause: str, on: str) -> None:
    items = [item for item in found(change, 100).values() if item.clause == clause]
    assert [str(item.on) for item in items][:1] == [on]
    assert all(item.what and item.path for item in items)


@pytest.mark.parametrize(("change", "clause"), [
    (attested("2029-12-31"), "3.4.1-d"),
    (attested("2026-12-31", successor("2027-01-01", "2029-12-31", "2026-09-30")), "3.4.1-d"),
    (risk("2026-11-19"), "3.4.2-d"), ({}, "4-C1"), ({}, "13-b"), ({}, "6.8-b"), ({}, "14-a"),
    ({"convention.fin_echange_le": "2026-11-01"}, "5.2-b"),  # an exchange that has ended asks for its purge alone
    ({"acces.certificats": [{"sujet": "CN=a", "emetteur": "CN=ca", "du": "2026-01-01", "au": "2026-12-31"},
                            {"sujet": "CN=a", "emetteur": "CN=ca", "du": "2027-01-01", "au": "2029-12-31"}]}, "4-C1"),
    ({"violations": [{"id": "VI-1", "connaissance_le": "2026-11-22T12:00:00+01:00", "risque": True, "anonymisees": True}]}, "6.6-a"),
    ({"cgu.sha256": "1" * 64, "cgu.versions_notifiees": ["cgu_infinoe_production_v_2023_10.pdf"]}, "14-a"),
])
def test_what_is_done_or_far_away_is_not_due(change: Change, clause: str) -> None:
    assert not [item for item in found(change).values() if item.clause == clause]


@pytest.mark.parametrize(("left", "alert"), [(61, None), (60, 60), (31, 60), (30, 30), (8, 30), (7, 7), (1, 7), (0, 0), (-5, 0)])
def test_alerts_of_a_renewal(left: int, alert: int | None) -> None:
    """3.4.1-d: -60, -30, -7 and day 0."""
    item = found(attested("2027-05-10"), 365)["3.4.1-d securite.homologation.valide_au"]
    assert item.on == date(2027, 2, 10)
    assert item.alert(item.on - timedelta(days=left)) == alert


@pytest.mark.parametrize(("left", "alert"), [(91, None), (90, 90), (30, 30), (7, 7), (0, 7)])
def test_alerts_of_a_questionnaire(left: int, alert: int | None) -> None:
    """3.4.2-e: -90, -30, -7."""
    item = found(QUESTIONNAIRE, 365)["3.4.2-e securite.questionnaire.retourne_le"]
    assert item.alert(item.on - timedelta(days=left)) == alert


def test_the_earliest_comes_first_and_the_horizon_ends() -> None:
    contract = Contract.model_validate(changed("x", {}))
    items = due_within(contract, READINGS, NOW, 400)
    assert [i.on for i in items] == sorted(i.on for i in items)
    assert all(i.on <= date(2026, 11, 23) + timedelta(days=400) for i in items)
    assert len(due_within(contract, READINGS, NOW, 0)) < len(items)


def test_the_sandbox_has_deadlines_but_no_homologation() -> None:
    document: dict[str, Any] = changed("x", {"convention.environnement": "bac_a_sable", "securite.voie": None})
    items = due_within(Contract.model_validate(document), READINGS, NOW, 3650)
    assert not [i for i in items if i.clause.startswith("3.4")]
