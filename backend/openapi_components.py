"""The schemas of the OpenAPI document: bodies from the very models that judge them, answers written here."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from backend.codes import CODES
from backend.error_bodies import PROBLEM
from backend.kinds import KINDS
from backend.model_nomenclature import Nomenclature
from backend.model_operations import Deletion, Lot, Modification

type Json = dict[str, Any]

_TEXT: Json = {"type": "string"}
_MOMENT: Json = {"type": "string", "format": "date-time"}
_DETAILS: Json = {"type": "array", "maxItems": 100, "items": {"$ref": "#/components/schemas/Detail"}}


def ref(name: str) -> Json:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: list[str], **properties: Json) -> Json:
    return {"type": "object", "required": required, "properties": properties}


def _answers() -> Json:
    code: Json = {"type": "string", "enum": sorted(CODES)}
    detail = _object(
        ["index", "chemin", "code", "message"],
        index={"type": ["integer", "null"], "minimum": 0},
        chemin={"type": "string", "format": "json-pointer"},
        code=code,
        message=_TEXT,
    )
    receipt = _object(
        ["numeroAccuse", "correlationId", "operation", "horodatage"],
        numeroAccuse={"type": "string", "pattern": "^INF-[0-9]{8}-[0-9]{8,}$"},
        correlationId=_TEXT,
        operation={"type": "string", "enum": ["creation", "modification", "suppression", "referentiel"]},
        horodatage=_MOMENT,
        empreinteLot={"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
        ecritures={
            "type": "array",
            "items": _object(["identifiant", "version"], identifiant=_TEXT, version={"type": "integer", "minimum": 1}),
        },
        avertissements=_DETAILS | {"maxItems": 50_000},
        referentiel=_object(
            ["nomenclature", "exercice", "revision", "codes"],
            nomenclature=_TEXT,
            exercice={"type": "integer"},
            revision={"type": "integer", "minimum": 1},
            codes={"type": "integer", "minimum": 1},
        ),
    )
    error = _object(["code", "message", "horodatage"], code=code, message=_TEXT, horodatage=_MOMENT)
    problem = _object(
        ["type", "title", "status", "code", "horodatage"],
        type={"type": "string", "format": "uri"},
        title=_TEXT,
        status={"type": "integer"},
        code=code,
        horodatage=_MOMENT,
        details=_DETAILS,
    )
    return {
        "Detail": detail,
        "Receipt": _object(["accuse"], accuse=receipt),
        "Error": _object(["erreur"], erreur=error, details=_DETAILS),
        "Problem": problem,
        "ServiceState": _object(["message"], message=_TEXT),
    }


def schemas() -> Json:
    """All schemas; a lot and a modification are written once for each kind, with its own entries."""
    models: list[type[BaseModel]] = [*(kind.model for kind in KINDS.values()), Lot, Modification, Deletion, Nomenclature]
    _, generated = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    found: Json = generated["$defs"]
    lot, modification = found.pop("Lot"), found.pop("Modification")
    for kind in KINDS.values():
        entry = ref(kind.model.__name__)
        entries = {**lot["properties"]["ecritures"], "items": entry}
        flux = {"const": kind.flux, "type": "string"}
        found[f"Lot_{kind.slug}"] = {**lot, "properties": {**lot["properties"], "ecritures": entries, "flux": flux}}
        found[f"Modification_{kind.slug}"] = {
            **modification,
            "properties": {**modification["properties"], "ecriture": entry},
        }
    return {**found, **_answers()}


def refusals() -> Json:
    """One shared response for each status, listing its codes."""
    found: Json = {}
    for status in sorted({code.status for code in CODES.values() if code.status >= 400}):
        codes = [code for code in CODES.values() if code.status == status]
        found[f"Refusal{status}"] = {
            "description": "\n".join(f"{code.code} : {code.fr}" for code in codes),
            "content": {"application/json": {"schema": ref("Error")}, PROBLEM: {"schema": ref("Problem")}},
        }
    return found
