"""The published JSON Schema is that of the model, and the repository's contracts fit it."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from gateway_addons.core.contract.schema import contract_schema, contract_schema_text
from tests.policy.opa_server import ROOT

FILES = sorted((ROOT / "config" / "contracts").glob("*/*.yaml"))


def test_the_published_schema_is_current() -> None:
    assert (ROOT / "config" / "schemas" / "contract.schema.json").read_text(encoding="utf-8") == contract_schema_text()


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}/{f.name}")
def test_the_contracts_fit_it(file: Path) -> None:
    plain = json.loads(json.dumps(yaml.safe_load(file.read_text(encoding="utf-8")), default=str))
    jsonschema.validate(plain, contract_schema())
