"""What every answer has in common: languages, problem+json, methods, headers, and no stored data."""

import json
import re
from datetime import datetime

import pytest

from backend.codes import CODES
from tests.backend.documents import accounting, change, commitment, lot
from tests.backend.gateway import Gateway, codes

LOTS = "/infinoe/v1/ecritures/comptables"


@pytest.mark.parametrize(
    ("accept_language", "language"),
    [
        (None, "fr"), ("en", "en"), ("en-GB,fr;q=0.5", "en"), ("fr,en", "fr"), ("fr;q=0.2,en;q=0.9", "en"), ("de", "fr"),
        ("en;q=0", "fr"), ("en;q=abc", "fr"), ("*", "fr"), ("de,en;q=0.5", "en"),
    ],
)  # fmt: skip
def test_language(gateway: Gateway, accept_language: str | None, language: str) -> None:
    headers = {} if accept_language is None else {"Accept-Language": accept_language}
    answer = gateway.send("POST", LOTS, b"{", headers=headers)
    expected = CODES["4000"].en if language == "en" else CODES["4000"].fr
    assert answer.json()["erreur"]["message"] == answer.json()["details"][0]["message"] == expected
    assert answer.headers["content-language"] == language


@pytest.mark.parametrize(
    ("accept", "problem"),
    [
        ("application/problem+json", True), ("application/json, application/problem+json", True), ("*/*", False),
        ("application/problem+json;q=0.1, application/json", False), ("application/problem+json;q=0", False), ("", False),
    ],
)  # fmt: skip
def test_problem_details(gateway: Gateway, accept: str, problem: bool) -> None:
    answer = gateway.send("POST", LOTS, b"{", headers={"Accept": accept})
    body = answer.json()
    if problem:
        assert answer.headers["content-type"] == "application/problem+json"
        assert (body["status"], body["code"], body["type"]) == (400, "4000", "urn:infinoe:erreur:4000")
    else:
        assert answer.headers["content-type"] == "application/json"
        assert body["erreur"]["code"] == "4000"


def test_the_time_of_an_error_is_that_of_paris(gateway: Gateway) -> None:
    moment = gateway.send("POST", LOTS, b"{").json()["erreur"]["horodatage"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0[12]:00", moment)
    assert abs(datetime.fromisoformat(moment).timestamp() - datetime.now().timestamp()) < 10


METHODS = [
    ("/infinoe/v1/etatSante", "GET"), (LOTS, "POST"), (LOTS + "/AC-1", "DELETE, PUT"), ("/infinoe/v1/referentiels/tiers", "PUT"),
    ("/health/live", "GET"), ("/openapi.json", "GET"),
]  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "LIST"])
@pytest.mark.parametrize(("path", "allow"), METHODS)
def test_other_methods_are_405(gateway: Gateway, path: str, allow: str, method: str) -> None:
    if method in allow.split(", "):
        return
    answer = gateway.send(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    if method != "HEAD":
        assert codes(answer) == (405, "INF-REQ-10", set())


@pytest.mark.parametrize(
    "path",
    ["/", "/infinoe/v1", "/infinoe/v1/", "/infinoe/v1/ecritures", "/infinoe/v1/ecritures/autres", LOTS + "/", LOTS + "/a/b",
     "/infinoe/v1/referentiels/autre", "/infinoe/v1/etatSante/", "/docs"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_unknown_resources(gateway: Gateway, method: str, path: str) -> None:
    url = gateway.client.base_url.copy_with(raw_path=path.encode())
    headers = {"X-JWT-Assertion": gateway.sign(gateway.claims(method, path))}
    assert codes(gateway.client.request(method, url, headers=headers))[:2] == (404, "INF-REQ-09")


def test_a_stored_entry_cannot_be_read(gateway: Gateway) -> None:
    document = lot("comptable", [accounting("LISIBLE", libelle="Texte confidentiel")])
    assert gateway.create("comptables", document).status_code == 201
    for answer in (
        gateway.send("GET", LOTS + "/LISIBLE"),
        gateway.create("comptables", {**document, "numeroLot": "2"}),
        gateway.change("PUT", "comptables", "LISIBLE", change(document, ecriture=accounting("LISIBLE")), '"9"'),
        gateway.create("comptables", document),
    ):
        assert "confidentiel" not in answer.text
        assert "51200" not in answer.text


def test_headers_of_the_server(gateway: Gateway) -> None:
    for answer in (gateway.send("GET", "/infinoe/v1/etatSante"), gateway.client.get("/health/live"), gateway.client.get("/")):
        assert "server" not in answer.headers
        assert "date" not in answer.headers
        assert "x-powered-by" not in answer.headers


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 201), ("application/json; charset=utf-8", 201), ('Application/JSON;charset="UTF-8"', 201),
        ("application/vnd.dgfip.infinoe.v1.0+json", 201), ("text/plain", 415), ("", 415), ("application/xml", 415),
        ("application/json; charset=latin-1", 415), ("application/vnd.dgfip.infinoe.v2.0+json", 415),
    ],
)  # fmt: skip
def test_content_types(gateway: Gateway, content_type: str, status: int) -> None:
    answer = gateway.create("comptables", lot("comptable", [accounting()]), headers={"Content-Type": content_type})
    assert answer.status_code == status


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip"])
def test_content_codings_are_refused(gateway: Gateway, coding: str) -> None:
    answer = gateway.create("comptables", lot("comptable", [accounting()]), headers={"Content-Encoding": coding})
    assert codes(answer)[:2] == (415, "INF-REQ-08")


def test_repeated_headers_are_refused(gateway: Gateway) -> None:
    document = lot("budgetaire", [commitment()])
    gateway.create("budgetaires", document)
    path, body = "/infinoe/v1/ecritures/budgetaires/EJ-1", json.dumps(change(document)).encode()
    headers = [
        ("X-JWT-Assertion", gateway.sign(gateway.claims("DELETE", path, body))), ("Content-Type", "application/json"),
        ("If-Match", '"1"'), ("If-Match", '"1"'),
    ]  # fmt: skip
    assert codes(gateway.client.request("DELETE", path, content=body, headers=headers))[:2] == (400, "INF-REQ-05")


@pytest.mark.parametrize("chunked", [False, True])
def test_too_large_a_body(gateway: Gateway, chunked: bool) -> None:
    body = b'{"a": "' + b"x" * (32 * 1024 * 1024) + b'"}'
    headers = {"X-JWT-Assertion": gateway.sign(gateway.claims("POST", LOTS, body)), "Content-Type": "application/json"}
    content = iter([body[:1000], body[1000:]]) if chunked else body
    assert codes(gateway.client.post(LOTS, content=content, headers=headers))[:2] == (413, "INF-REQ-07")
