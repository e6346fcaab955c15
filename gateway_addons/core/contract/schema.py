"""The published JSON Schema of a contract, for editors: made from the model and the APIs' files, never written by hand."""

import json
from collections.abc import Iterable
from typing import Any

from gateway_addons.core.contract.model import Contract
from gateway_addons.core.routes import Api


def contract_schema(apis: Iterable[Api]) -> dict[str, Any]:
    """JSON Schema 2020-12 of one contract file; the words that these APIs know complete the model's patterns."""
    known = tuple(apis)
    document = Contract.model_json_schema() | {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Convention Poterne"}
    words = {
        "flux": sorted({flux for api in known for flux in api.fluxes}),
        "operation": sorted({o for api in known for found in api.operations.values() for o in found}),
        "scope": sorted({scope for api in known for scope in api.scopes}),
        "api": sorted(api.api for api in known),
    }
    sections = document["$defs"]
    _offer(sections["Droit"]["properties"]["flux"], words["flux"])
    _offer(sections["Droit"]["properties"]["operations"]["items"], words["operation"])
    _offer(sections["Limite"]["properties"]["flux"]["anyOf"][0], words["flux"])
    _offer(sections["Limite"]["properties"]["operation"]["anyOf"][0], words["operation"])
    _offer(sections["ClientOAuth2"]["properties"]["scopes"]["items"], words["scope"])
    _offer(sections["Convention"]["properties"]["api"], words["api"])
    return document


def contract_schema_text(apis: Iterable[Api]) -> str:
    """What `config/schemas/contract.schema.json` must hold."""
    return json.dumps(contract_schema(apis), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _offer(place: dict[str, Any], words: list[str]) -> None:
    place.pop("pattern", None)
    place["enum"] = words
