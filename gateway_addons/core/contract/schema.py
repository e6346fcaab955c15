"""The published JSON Schema of a contract, for editors: made from the model, never written by hand."""

import json
from typing import Any

from gateway_addons.core.contract.model import Contract


def contract_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of one contract file."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Convention Poterne"}
    return Contract.model_json_schema() | head


def contract_schema_text() -> str:
    """What `config/schemas/contract.schema.json` must hold."""
    return json.dumps(contract_schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
