"""A new contract from a few answers: complete, valid, and as closed as it can be until persons have decided the rest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from gateway_addons.core.routes import Api

UNKNOWN_SHA256 = "0" * 64


@dataclass(frozen=True, slots=True)
class CertificateOfDraft:
    """The certificate that the consumer will call with; without a fingerprint it is known by its names."""

    subject: str
    issuer: str
    first_day: date
    last_day: date
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """The answers that a new contract is made from; `environment` is the contract's word (production, bac_a_sable).

    With `validated` and `accepted` (DataPass validated, terms accepted) the contract is `active`, else a draft.
    """

    id: str
    environment: str
    name: str
    siren: str
    siret: str
    certificate: CertificateOfDraft
    networks: tuple[str, ...]
    identifier: str
    client_id: str
    email: str
    flux: tuple[str, ...]
    exercices: tuple[int, ...]
    first_day: date
    last_day: date
    budgets: tuple[str, ...] = ("BP/01",)
    periodes: tuple[str, ...] = ("01..13",)
    validated: datetime | None = None
    accepted: datetime | None = None
    request_number: int = 0
    terms: Mapping[str, Any] = field(default_factory=dict)


def draft_document(draft: Draft, api: Api) -> dict[str, Any]:
    """The contract as a document, in the order of the model."""
    production = draft.environment == "production"
    active = draft.validated is not None and draft.accepted is not None
    kind = "production" if production else "sandbox"
    contact = {"prenom": None, "nom": None, "fonction": None, "courriel": draft.email, "verifie_le": draft.first_day}
    text = {"id": "T1", "nature": "decret", "reference": "Décret n° 2012-1246 du 7 novembre 2012",
            "url": "https://www.legifrance.gouv.fr/loda/id/JORFTEXT000026597003/", "communique_le": draft.first_day,
            "applicable_du": date(2013, 1, 1), "applicable_au": None}
    document: dict[str, Any] = {
        "version_schema": 1,
        "convention": {
            "id": draft.id, "api": api.api, "environnement": draft.environment, "etat": "active" if active else "brouillon",
            "souscription_production_le": draft.first_day if production else None, "fin_echange_le": None,
            "finalite": f"Transmission des données à {api.api}"},
        "datapass": {
            "demande_id": draft.request_number, "type": f"AuthorizationRequest::API{api.api.upper()}",
            "form_uid": f"api-{api.api}-{kind}", "etat": "validated" if draft.validated else "draft",
            "validee_le": draft.validated, "instantane_sha256": UNKNOWN_SHA256},
        "cgu": {**(draft.terms or {"document": "cgu", "publiee_le": date(2023, 10, 6), "sha256": UNKNOWN_SHA256}),
                "acceptee_le": draft.accepted, "acceptee_par": "contacts.demandeur"},
        "organisme": {
            "nom": draft.name, "categorie": "organisme_public_national", "siren": draft.siren, "siret_demandeur": draft.siret,
            "soumis_rgs": True,
            "entites": [{"siret": draft.siret, "budgets": [_budget(name) for name in draft.budgets]}]},
        "contacts": {"demandeur": contact, "responsable_traitement": contact,
                     "delegue_protection_donnees": contact if production else None, "responsable_technique": contact,
                     "rssi": None},
        "demarche": {"intitule": api.api.upper(), "description": "à compléter", "usage_des_donnees": "à compléter",
                     "teleservice": {"couverture": "07:00-20:00 jours ouvrés", "taux_disponibilite": 97.0}},
        "services_destinataires": [{"code": "SERVICE-1", "libelle": "Service destinataire"}],
        "cadre_juridique": {"textes": [text], "derogation_secret": None,
                            "instruction": {"analyse_juridique": None, "eligibilite": None}},
        "pieces_complementaires": [],
        "recette_fonctionnelle": None,
        "rgpd": {"contient_dcp": False, "formalites_accomplies": {"coche": False, "le": None, "par": None}},
        "securite": {"voie": None, "homologation": None, "questionnaire": None, "audits": [], "vulnerabilites": []},
        "acces": _access(draft, api),
        "droits": [_right(draft, api, name) for name in draft.flux],
        "volumetrie": {"appels_par_minute": None, "justification": None, "justificatifs": [], "limites": []},
        "conservation": {"journaux_techniques_mois": 12, "justification_journaux": "Recommandation CNIL 2021-122 (6 à 12 mois)",
                         "datapass_apres_arret_mois": 72},
        "changements": [], "suspensions": [], "incidents": [], "violations": [], "resiliation": None,
    }
    return document


def _budget(name: str) -> dict[str, str | None]:
    kind, _, code = name.rpartition("/")
    return {"type": kind or None, "code": code}


def _access(draft: Draft, api: Api) -> dict[str, Any]:
    certificate = draft.certificate
    scopes = sorted({route.scope for route in api.routes if route.flux in draft.flux and route.scope})
    return {
        "certificats": [{"empreinte_sha256": certificate.sha256, "sujet": certificate.subject, "emetteur": certificate.issuer,
                         "du": certificate.first_day, "au": certificate.last_day}],
        "adresses_ip": list(draft.networks),
        "identifiants_techniques": [draft.identifier],
        "clients_oauth2": [{"client_id": draft.client_id, "auth": "client_secret_basic+mtls", "scopes": scopes}],
    }


def _right(draft: Draft, api: Api, flux: str) -> dict[str, Any]:
    own = api.fluxes[flux]
    return {
        "flux": flux, "operations": sorted(api.operations[flux]), "siret": draft.siret,
        "budgets": list(draft.budgets) if "budget" in own else [],
        "exercices": list(draft.exercices) if "exercice" in own else [],
        "periodes": list(draft.periodes) if "periode" in own else [],
        "depot_du": draft.first_day, "depot_au": draft.last_day, "texte_id": "T1"}
