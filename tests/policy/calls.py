"""Calls that a contract allows, made from the contract itself: what the tests then break, one fact at a time."""

import copy
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from gateway_addons.core.contract.model import Contract
from gateway_addons.core.contract.sample_call import another_switch

NOW = "2026-11-23T19:10:00.123456Z"
SCOPES = {"budgetaire": "infinoe_budgetaire_ecriture", "comptable": "infinoe_comptable_ecriture",
          "financiere": "infinoe_financiere_ecriture", "referentiel": "infinoe_referentiel_ecriture"}
METHODS = {"creer": "POST", "modifier": "PUT", "supprimer": "DELETE"}
PATHS = {"budgetaire": "/infinoe/v1/ecritures/budgetaires", "comptable": "/infinoe/v1/ecritures/comptables",
         "financiere": "/infinoe/v1/ecritures/financieres", "referentiel": "/infinoe/v1/referentiels/nature"}
SHA256 = "ab" * 32

type Document = dict[str, Any]
type Path = tuple[str | int, ...]


def certificate(contract: Contract) -> Document:
    registered = contract.acces.certificats[0]
    return {
        "presented": True, "verified": True, "failure": None,
        "sha256": registered.empreinte_sha256 or SHA256, "spki_sha256": registered.cle_publique_sha256 or "cd" * 32,
        "subject": registered.sujet, "issuer": registered.emetteur, "serial": "1f",
        "not_before": "2026-01-01T00:00:00.000000Z", "not_after": "2027-01-01T00:00:00.000000Z",
        "key_usage": ["digitalSignature"], "extended_key_usage": ["clientAuth"],
        "siren": contract.organisme.siren, "siret": contract.organisme.siret_demandeur, "revocation": "good",
    }


def address(contract: Contract) -> Document:
    source = contract.acces.adresses_ip[0].partition("/")[0]
    return {"source": source, "peer": source, "failure": None, "told_by": "peer"}


def another(contract: Contract) -> list[Document]:
    """A switch that cuts somebody else."""
    return [asdict(another_switch(contract)) | {"operations": ["creer"], "flux": ["comptable"]}]


def allowed_call(contract: Contract, line: int = 0, now: str = NOW) -> Document:
    """A call that the `line`-th right of the contract covers."""
    right = contract.droits[line]
    operation, months = right.operations[0], right.months()
    exercice = 2026 if 2026 in right.exercices else right.exercices[0]
    client = next(c for c in contract.acces.clients_oauth2 if SCOPES[right.flux] in c.scopes)
    perimeter = {"flux": right.flux, "operation": operation, "siret": right.siret, "budget": next(iter(right.budgets), None),
                 "exercice": exercice, "periode": f"{exercice}-{months[0]}" if months else None}
    return {
        "schema": 1, "now": now, "environment": contract.environment,
        "call": {"api": contract.convention.api, "method": METHODS[operation], "path": PATHS[right.flux],
                 "route": f"{right.flux}_{operation}", "flux": right.flux, "operation": operation, "scope": SCOPES[right.flux]},
        "certificate": certificate(contract), "address": address(contract),
        "identifier": {"presented": True, "value": contract.acces.identifiants_techniques[0], "failure": None},
        "identity": {"presented": True, "verified": True, "failure": None, "client_id": client.client_id,
                     "scopes": [SCOPES[right.flux]], "environment": contract.environment,
                     "issued_at": "2026-01-01T00:00:00.000000Z", "expires_at": "2100-01-01T00:00:00.000000Z",
                     "certificate_sha256": certificate(contract)["sha256"], "leeway_s": 5, "revocation": "good"},
        "rights": {"required": True, "established": True, "failure": None, "entries": 1, "perimeters": [perimeter]},
        "switches": another(contract),
    }


def health_call(contract: Contract) -> Document:
    """GET etatSante: the one call that needs no right."""
    document = allowed_call(contract)
    document["call"] |= {"method": "GET", "path": "/infinoe/v1/etatSante", "route": "etat_sante", "flux": None,
                         "operation": "consulter_etat", "scope": None}
    document["rights"] |= {"required": False, "entries": 0, "perimeters": []}
    return document


def allowed_token(contract: Contract, now: str = NOW) -> Document:
    return {"schema": 1, "now": now, "environment": contract.environment, "certificate": certificate(contract),
            "address": address(contract),
            "client": {"client_id": contract.acces.clients_oauth2[0].client_id, "authenticated": True, "failure": None,
                       "requested_scopes": [], "method": contract.acces.clients_oauth2[0].auth.removesuffix("+mtls")},
            "switches": another(contract)}


def paths(node: Any, here: Path = ()) -> Iterator[Path]:
    """Every leaf and every subtree of a document, but not the document itself."""
    if here:
        yield here
    children: list[tuple[str | int, Any]] = (
        list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else [])
    for key, child in children:
        yield from paths(child, (*here, key))


def at(document: Any, path: Path) -> Any:
    for key in path:
        document = document[key]
    return document


def without(document: Document, path: Path) -> Document:
    changed = copy.deepcopy(document)
    del at(changed, path[:-1])[path[-1]]
    return changed


def with_value(document: Document, path: Path, value: Any) -> Document:
    changed = copy.deepcopy(document)
    at(changed, path[:-1])[path[-1]] = value
    return changed


