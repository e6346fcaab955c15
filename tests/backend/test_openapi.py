"""The published document is valid, complete, and says what the service does."""

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from backend.codes import CODES
from backend.model_nomenclature import NOMENCLATURES
from backend.openapi import openapi_document
from tests.backend.documents import (
    ABP_POSTS,
    Document,
    accounting,
    change,
    commitment,
    financial,
    lot,
    nomenclature,
    payment,
    revenue,
    without,
)  # fmt: skip
from tests.backend.gateway import Gateway


def conforms(document: Document, schema: str) -> bool:
    components = openapi_document()["components"]
    return Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": components}).is_valid(document)


def test_published_and_valid(gateway: Gateway) -> None:
    answer = gateway.client.get("/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    validate(answer.json())
    assert answer.json() == openapi_document()


def test_every_path_and_method() -> None:
    found = {path: set(item) - {"parameters"} for path, item in openapi_document()["paths"].items()}
    expected = {"/health/live": {"get"}, "/openapi.json": {"get"}, "/infinoe/v1/etatSante": {"get"}}
    for slug in ("budgetaires", "comptables", "financieres"):
        expected[f"/infinoe/v1/ecritures/{slug}"] = {"post"}
        expected[f"/infinoe/v1/ecritures/{slug}/{{identifiant}}"] = {"put", "delete"}
    expected |= {f"/infinoe/v1/referentiels/{name}": {"put"} for name in NOMENCLATURES}
    assert found == expected


def test_every_code_is_described() -> None:
    text = " ".join(one["description"] for one in openapi_document()["components"]["responses"].values())
    assert {code for code in CODES if code not in text} == {"INF-MET-13"}  # a warning, never a refusal


@pytest.mark.parametrize(
    ("schema", "document"),
    [
        ("Lot_budgetaires", lot("budgetaire", [commitment(), payment(), revenue()])),
        ("Lot_comptables", lot("comptable", [accounting()])),
        ("Lot_financieres", lot("financiere", [financial(postes=ABP_POSTS)])),
        ("Modification_comptables", change(lot("comptable", []), ecriture=accounting())),
        ("Deletion", change(lot("comptable", []))),
        ("Nomenclature", nomenclature("tiers", ["ETAT"])),
    ],
)
def test_the_schemas_accept_what_the_service_accepts(schema: str, document: Document) -> None:
    assert conforms(document, schema)
    assert not conforms({**document, "inconnu": 1}, schema)
    assert not conforms(without(document, "organisme"), schema)


def test_answers_conform(gateway: Gateway) -> None:
    assert conforms(gateway.create("comptables", lot("comptable", [accounting()])).json(), "Receipt")
    refused = gateway.create("comptables", lot("comptable", [accounting(lignes=[])]))
    assert conforms(refused.json(), "Error")
    path = "/infinoe/v1/ecritures/comptables"
    assert conforms(gateway.send("POST", path, b"{", headers={"Accept": "application/problem+json"}).json(), "Problem")
    assert conforms(gateway.send("PUT", "/infinoe/v1/referentiels/tiers", nomenclature("tiers", ["X"])).json(), "Receipt")
    assert conforms(gateway.send("GET", "/infinoe/v1/etatSante").json(), "ServiceState")
