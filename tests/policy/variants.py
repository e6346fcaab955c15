"""One contract, changed in one place at a time; each variant has identities of its own, so that one OPA serves them all."""

import copy
import re
from pathlib import Path
from typing import Any

import yaml

from tests.policy.opa_server import ROOT

BASE = ROOT / "config" / "contracts" / "production" / "anfm.yaml"

type Change = dict[str, Any]
"""Dotted path in the contract to its new value."""

QUESTIONNAIRE: Change = {
    "securite.voie": "questionnaire", "organisme.soumis_rgs": False, "securite.homologation": None,
    "securite.questionnaire": {"modele_version": "2025-1", "transmis_le": "2023-11-01", "retourne_le": "2024-02-29",
                               "sha256": "0" * 64, "groupe1": {"decision": "ouverture", "le": "2026-02-10", "par": "agent-0117"}}}


def successor(start: str, end: str, received: str) -> Change:
    return {"valide_du": start, "valide_au": end, "recu_le": received, "document_sha256": "0" * 64}


def attested(end: str, following: Change | None = None) -> Change:
    return {"securite.homologation.prononcee_le": "2025-01-01", "securite.homologation.valide_du": "2025-01-01",
            "securite.homologation.valide_au": end, "securite.homologation.recu_le": "2025-01-02",
            "securite.homologation.successeur": following,
            "datapass.validee_le": "2025-01-02T10:00:00+01:00", "cgu.acceptee_le": "2025-01-02T10:00:00+01:00",
            "convention.souscription_production_le": "2025-01-02", "cadre_juridique.textes.0.communique_le": "2025-01-02",
            "cadre_juridique.instruction.analyse_juridique.le": "2025-01-02",
            "cadre_juridique.instruction.eligibilite.le": "2025-01-02", "recette_fonctionnelle.realisee_le": "2025-01-02",
            "rgpd.formalites_accomplies.le": "2025-01-02",
            "acces.certificats.0.du": "2025-01-01"}


def notice(day: str, **more: Any) -> Change:
    return {"resiliation": {"par": "consommateur", "notifiee_le": day, "motif": "fin du besoin", "canal": "ecrit"} | more}


def risk(resolved: str | None) -> Change:
    answers = QUESTIONNAIRE["securite.questionnaire"] | {
        "risque_critique": {"constate_le": "2026-11-01", "delai_resolution": "2026-11-20", "resolu_le": resolved}}
    return QUESTIONNAIRE | {"securite.questionnaire": answers}


SUSPENSION = {"motif": "autre", "du": "2026-11-20T10:00:00+01:00", "au": "2026-11-20T12:00:00+01:00",
              "avertie_le": "2026-11-20T10:00:00+01:00", "message": "coupure"}

STATES: dict[str, Change] = {
    "untouched": {},
    "attested-2026-12-31": attested("2026-12-31"),
    "attested-2027-05-31": attested("2027-05-31"),
    "attested-2028-05-31": attested("2028-05-31"),
    "attested-2026-03-15": attested("2026-03-15"),
    "renewed-late": attested("2026-12-31", successor("2026-10-10", "2029-10-10", "2026-10-15")),
    "renewed-in-time": attested("2026-12-31", successor("2027-01-01", "2029-12-31", "2026-09-30")),
    "renewed-late-for-later": attested("2026-12-31", successor("2027-01-01", "2029-12-31", "2026-10-15")),
    "questionnaire": QUESTIONNAIRE,
    "notice-2026-06-30": notice("2026-06-30"),
    "notice-2026-12-31": notice("2026-12-31"),
    "notice-longer": notice("2026-06-30", effective_le="2026-10-01"),
    "notice-too-short": notice("2026-06-30", effective_le="2026-07-15"),
    "security-end": notice("2026-11-20", cas_securite=True),
    "security-end-later": notice("2026-11-01", cas_securite=True, effective_le="2026-11-20"),
    "end-of-exchange": {"convention.fin_echange_le": "2026-11-20"},
    "risk-open": risk(None),
    "risk-resolved": risk("2026-11-19"),
    "suspended-and-back": {"suspensions": [SUSPENSION]},
    "suspended-for-security": {"suspensions": [SUSPENSION | {"motif": "securite"}]},
    "suspended-for-security-verified": {"suspensions": [SUSPENSION | {"motif": "securite", "verification": {
        "element_malveillant_supprime": True, "vulnerabilites_corrigees": True, "par": "agent-0117",
        "le": "2026-11-20T13:00:00+01:00"}}]},
    "suspended-for-security-half": {"suspensions": [SUSPENSION | {"motif": "securite", "verification": {
        "element_malveillant_supprime": True, "vulnerabilites_corrigees": False, "par": "agent-0117",
        "le": "2026-11-20T13:00:00+01:00"}}]},
    "renewed-with-reservations": attested("2026-12-31", successor("2027-01-01", "2029-12-31", "2026-09-30") | {
        "reserves": ["reserve 1"]}),
    "renewed-with-reservations-lifted": attested("2026-12-31", successor("2027-01-01", "2029-12-31", "2026-09-30") | {
        "type": "ape", "levee_reserves": {"echange_le": "2026-09-29", "participants": ["P. Durand"], "decision": "ouverture",
                                          "motif": "mineure"}}),
    "declared-later": {"rgpd.formalites_accomplies.le": "2026-11-20"},
    "unknown-terms": {"cgu.sha256": "1" * 64},
    "suspended-open-end": {"suspensions": [SUSPENSION | {"au": None}]},
    "cut": {"convention.etat": "coupee_preventive"},
    "ended": {"convention.etat": "terminee"},
    "draft": {"convention.etat": "brouillon"},
    "examined": {"convention.etat": "instruite"},
    "suspended-by-hand": {"convention.etat": "suspendue_homologation"},
    "in-notice-by-hand": {"convention.etat": "en_preavis"},
    "text-ends": {"cadre_juridique.textes.0.applicable_au": "2026-11-20"},
    "text-begins": {"cadre_juridique.textes.0.applicable_du": "2026-11-20"},
    "window": {"droits.0.depot_du": "2026-10-25", "droits.0.depot_au": "2027-03-28"},
    "registration": {"acces.certificats.0.du": "2026-03-29", "acces.certificats.0.au": "2026-10-25"},
    "two-registrations": {"acces.certificats": [
        {"sujet": "CN=a", "emetteur": "CN=ca", "du": "2026-01-01", "au": "2026-06-30"},
        {"sujet": "CN=a", "emetteur": "CN=ca", "du": "2026-09-01", "au": "2026-12-31"}]},
    "pinned": {"acces.certificats.0.empreinte_sha256": "ef" * 32},
    "keyed": {"acces.certificats.0.cle_publique_sha256": "ab" * 32},
    "networks": {"acces.adresses_ip": ["192.0.2.16/28", "2001:db8:42::/64"]},
    "accepted-later": {"cgu.acceptee_le": "2026-11-20T10:00:00+01:00"},
}

GATES: dict[str, Change] = {
    "gate-datapass": {"datapass.etat": "submitted"},
    "gate-datapass-revoked": {"datapass.etat": "revoked"},
    "gate-datapass-date": {"datapass.validee_le": None},
    "gate-datapass-form": {"datapass.form_uid": "api-infinoe-envoi-automatise-ecritures-sandbox"},
    "gate-cgu": {"cgu.acceptee_le": None},
    "gate-text": {"cadre_juridique.textes": [], "droits": []},
    "gate-service": {"services_destinataires": []},
    "gate-document": {"pieces_complementaires": [{"libelle": "Statuts", "demandee_le": "2026-01-20"}]},
    "gate-vulnerability": {"securite.vulnerabilites": [{"id": "V-1", "severite": "majeure", "constatee_le": "2026-01-20"}]},
    "gate-quota": {"volumetrie.appels_par_minute": 201},
    "gate-eligibility": {"cadre_juridique.instruction.eligibilite": None},
    "gate-legal-analysis": {"cadre_juridique.instruction.analyse_juridique.decision": "defavorable"},
    "gate-secrecy": {"cadre_juridique.derogation_secret": None},
    "gate-acceptance": {"recette_fonctionnelle": None},
    "gate-text-late": {"cadre_juridique.textes.0.communique_le": "2026-01-13"},
    "gate-formalities": {"rgpd.formalites_accomplies.coche": False},
    "gate-security": {"securite.homologation.document_sha256": None},
    "gate-security-way": {"securite.voie": None},
    "gate-rgs": QUESTIONNAIRE | {"organisme.soumis_rgs": True},
    "gate-reservations": {"securite.homologation.reserves": ["reserve 1"]},
    "gate-provisional": {"securite.homologation.type": "ape"},
    "gate-first-group": QUESTIONNAIRE | {"securite.questionnaire":
                                         QUESTIONNAIRE["securite.questionnaire"] | {"groupe1": None}},
    "gate-declarant": {"rgpd.formalites_accomplies.par": None},
    "gate-acceptance-date": {"recette_fonctionnelle.realisee_le": None},
    "gate-transition": QUESTIONNAIRE | {"organisme.soumis_rgs": True, "securite.transitoire": True,
                                        "securite.transitoire_motif": "homologation en cours"},
    "gate-personal-data": {"rgpd.contient_dcp": True, "rgpd.registre_traitement_ref": "RT-7"},
    "gate-service-hours": {"demarche.teleservice": None},
    "gate-officer": {"contacts.delegue_protection_donnees": None},
}

VARIANTS = STATES | GATES


def changed(name: str, change: Change) -> dict[str, Any]:
    """The base contract with this change, under identities made from the name."""
    document: dict[str, Any] = yaml.safe_load(BASE.read_text(encoding="utf-8"))
    document["convention"]["id"] = f"CONV-{name}"
    document["acces"]["certificats"][0]["sujet"] = f"CN={name}"
    document["acces"]["identifiants_techniques"] = [f"TS-{name}"]
    document["acces"]["clients_oauth2"] = [document["acces"]["clients_oauth2"][0] | {"client_id": f"client-{name}"}]
    for path, value in change.items():
        _set(document, path.split("."), copy.deepcopy(value))
    return document


def _set(node: Any, path: list[str], value: Any) -> None:
    *parents, last = [int(part) if part.isdigit() else part for part in path]
    for part in parents:
        node = node[part]
    node[last] = value


def dumped(document: dict[str, Any]) -> str:
    """YAML in which dates are dates again."""
    text = yaml.safe_dump(document, allow_unicode=True)
    return re.sub(r"'(\d{4}-\d\d-\d\d)'", r"\1", text)


def write_variants(folder: Path, variants: dict[str, Change]) -> None:
    (folder / "production").mkdir(parents=True)
    (folder / "sandbox").mkdir()
    for name, change in variants.items():
        (folder / "production" / f"{name}.yaml").write_text(dumped(changed(name, change)), encoding="utf-8")
