"""The OpenAPI 3.1 document the backend publishes at /openapi.json."""

import json
from typing import Any

from backend.kinds import KINDS, Kind
from backend.model_nomenclature import NOMENCLATURES
from backend.openapi_components import Json, ref, refusals, schemas
from backend.request_reading import MEDIA_TYPES

_COMMON = (400, 401, 403, 405, 413, 415, 422, 500, 503)
_IDENTIFIER: Json = {
    "name": "identifiant",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
}
_IF_MATCH: Json = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "La version donnée par le dernier accusé, entre guillemets.",
    "schema": {"type": "string", "pattern": '^"[1-9][0-9]{0,8}"$'},
}


def openapi_json() -> bytes:
    """The document, encoded once."""
    return json.dumps(openapi_document(), ensure_ascii=False).encode()


def openapi_document() -> Json:
    """The document: every path, every status, every code."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "API INFINOE (modèle de Poterne)",
            "version": "1.0.0",
            "description": "Dépôt d'écritures et de référentiels. API exclusivement d'écriture : aucune donnée "
            "enregistrée n'est jamais renvoyée.",
        },
        "paths": _paths(),
        "components": {
            "schemas": schemas(),
            "responses": refusals(),
            "securitySchemes": {
                "assertion": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-JWT-Assertion",
                    "description": "JWS ES256 de la passerelle, lié à la méthode, au chemin et au corps.",
                }
            },
        },
        "security": [{"assertion": []}],
    }


def _paths() -> Json:
    paths: Json = {
        "/health/live": {"get": _open("vivant", "Le processus répond.", {"type": "object"})},
        "/openapi.json": {"get": _open("document", "Ce document.", {"type": "object"})},
        "/infinoe/v1/etatSante": {
            "get": _operation(
                "etatSante",
                "État du service ; aucune donnée.",
                {"200": _content("Disponible.", "ServiceState")},
                statuses=(400, 401, 405, 413, 500),
            )
        },
    }
    for kind in KINDS.values():
        paths[f"/infinoe/v1/ecritures/{kind.slug}"] = {"post": _creation(kind)}
        paths[f"/infinoe/v1/ecritures/{kind.slug}/{{identifiant}}"] = {
            "parameters": [_IDENTIFIER],
            "put": _change(kind, "modifier", f"Modification_{kind.slug}", "Modifie une écriture."),
            "delete": _change(kind, "supprimer", "Deletion", "Supprime une écriture."),
        }
    for name in NOMENCLATURES:
        paths[f"/infinoe/v1/referentiels/{name}"] = {
            "put": _operation(
                f"referentiel_{name}",
                f"Complète ou remplace la nomenclature {name}.",
                {"200": _content("Enregistrée.", "Receipt")},
                body="Nomenclature",
            )
        }
    return paths


def _creation(kind: Kind) -> Json:
    receipts = {
        "201": _content("Lot enregistré, durable.", "Receipt"),
        "200": _content("Même lot déjà enregistré : même accusé.", "Receipt"),
    }
    return _operation(
        f"creer_{kind.slug}",
        "Crée un lot d'écritures : toutes ou aucune.",
        receipts,
        body=f"Lot_{kind.slug}",
        statuses=(*_COMMON, 409),
    )


def _change(kind: Kind, operation: str, body: str, summary: str) -> Json:
    found = _operation(
        f"{operation}_{kind.slug}",
        summary,
        {"200": _content("Enregistrée, durable.", "Receipt")},
        body=body,
        statuses=(*_COMMON, 404, 409, 410, 412, 428),
    )
    return {**found, "parameters": [_IF_MATCH]}


def _operation(
    name: str, summary: str, answers: Json, *, body: str | None = None, statuses: tuple[int, ...] = _COMMON
) -> Json:
    refused = {str(status): {"$ref": f"#/components/responses/Refusal{status}"} for status in statuses}
    found: Json = {"operationId": name, "summary": summary, "responses": {**answers, **refused}}
    if body is not None:
        content: dict[str, Any] = {media_type: {"schema": ref(body)} for media_type in MEDIA_TYPES}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _open(name: str, summary: str, schema: Json) -> Json:
    content = {"application/json": {"schema": schema}}
    return {
        "operationId": name,
        "summary": summary,
        "security": [],
        "responses": {"200": {"description": summary, "content": content}},
    }


def _content(description: str, schema: str) -> Json:
    return {"description": description, "content": {"application/json": {"schema": ref(schema)}}}
