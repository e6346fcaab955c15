"""The published JSON Schema is that of the model, says what each field is for, and agrees with the model on what fits."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gateway_addons.adapters.policy import strict_yaml
from gateway_addons.adapters.policy.api_files import load_apis
from gateway_addons.core.contract.model import Contract
from gateway_addons.core.contract.schema import contract_schema, contract_schema_text
from tests.policy.opa_server import ROOT
from tests.policy.variants import STATES, changed

FILES = sorted((ROOT / "config" / "contracts").glob("*/*.yaml"))
APIS = tuple(load_apis(ROOT / "config" / "apis").values())
SCHEMA = contract_schema(APIS)
CHECKER = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def plain(document: Any) -> Any:
    """As an editor's YAML reader has it: days and moments are texts."""
    return json.loads(json.dumps(document, default=lambda value: value.isoformat()))


def test_the_published_schema_is_current() -> None:
    """Write it anew: poterne contract schema --write config/schemas/contract.schema.json."""
    assert (ROOT / "config" / "schemas" / "contract.schema.json").read_text(encoding="utf-8") == contract_schema_text(APIS)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}/{f.name}")
def test_the_contracts_fit_it_and_name_it(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    CHECKER.validate(plain(strict_yaml.read(text)))
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert named is not None
    assert (file.parent / named[1]).resolve() == ROOT / "config" / "schemas" / "contract.schema.json"


@pytest.mark.parametrize("name", sorted(STATES))
def test_what_the_model_accepts_fits_the_schema(name: str) -> None:
    document = changed(name, STATES[name])
    Contract.model_validate(document)
    CHECKER.validate(plain(document))


@pytest.mark.parametrize(("path", "value"), [
    ("convention.etat", "ouverte"), ("convention.finalites", "x"), ("convention.environnement", "prod"), ("version_schema", 2),
    ("organisme.siren", 130999907), ("organisme.soumis_rgs", "no"), ("acces.adresses_ip", []), ("acces.certificats.0.eku", ["serverAuth"]),
    ("droits.0.flux", "budgetair"), ("droits.0.operations", ["lire"]), ("droits.0.exercices", ["2026"]), ("droits.0.depot_du", "01/01/2026"),
    ("acces.clients_oauth2.0.scopes", ["infinoe_autre"]), ("volumetrie.appels_par_minute", 0), ("volumetrie.limites", [{"appels": 1}]),
    ("cgu.sha256", "00"), ("conservation.journaux_techniques_mois", 0), ("resiliation", {"par": "tiers"}), ("contacts.rssi.courriel", "rssi"),
])
def test_what_does_not_fit_is_told_by_the_schema_too(path: str, value: Any) -> None:
    document = copy.deepcopy(changed("x", {path: value}))
    assert list(CHECKER.iter_errors(plain(document)))


def test_every_field_says_its_clause() -> None:
    """An editor shows it; an error names it."""
    silent = [f"{section}.{name}" for section, found in SCHEMA["$defs"].items() for name, field in found["properties"].items()
              if not re.match(r"\d+(\.\d+)*(-\w+)?: \S", field.get("description", ""))]
    silent += [name for name, field in SCHEMA["properties"].items() if not re.match(r"\d", field.get("description", ""))]
    assert silent == []
