"""A second API by its file alone: dimensions found in path, header and body; what does not fit stops the load."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway_addons.adapters.policy.api_files import ApiFileError, load_apis, load_routes
from gateway_addons.core.errors import Refusal
from gateway_addons.core.evidence.rights import rights_facts
from gateway_addons.core.facts import Perimeter

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "tests" / "apis" / "subventions.yaml"
TEXT = FILE.read_text(encoding="utf-8")
ROUTES, _ = load_routes([FILE, ROOT / "config" / "apis" / "infinoe.yaml"])
SIRET = "13099990700012"
DEPOSIT = f"/subventions/v2/{SIRET}/2026/versements"


def facts(document: Any = None, path: str = DEPOSIT, method: str = "POST", programmes: tuple[str, ...] = ("P101",)) -> Any:
    given = {"x-programme": programmes}
    body = b"" if document is None else json.dumps(document).encode()
    return rights_facts(ROUTES.find(method, path), body, lambda name: given.get(name, ()))


def perimeter(periode: str | None, budget: str | None = "P101", flux: str = "versement", operation: str = "deposer") -> Perimeter:
    return Perimeter(flux, operation, SIRET, budget, 2026, periode)


def test_path_header_and_body() -> None:
    """A quarter is no quarter without its exercice: policy sees both."""
    found = facts({"trimestre": "T2", "versements": [{}, {"trimestre": "T3"}, {"montant": 3}]})
    assert (found.established, found.entries) == (True, 3)
    assert set(found.perimeters) == {perimeter("2026-T2"), perimeter("2026-T3")}


def test_reading_without_a_body() -> None:
    found = facts(path=f"/subventions/v2/{SIRET}/2026/dossiers", method="GET")
    assert found.perimeters == (perimeter(None, None, "dossier", "lire"),)
    assert facts({}, path=f"/subventions/v2/{SIRET}/2026/dossiers", method="GET").failure == "body_unreadable"
    assert facts(path="/subventions/v2/etat", method="GET").required is False


LOT = {"trimestre": "T2", "versements": []}
P101 = ("P101",)


@pytest.mark.parametrize(("document", "path", "programmes", "failure"), [
    (LOT, DEPOSIT.replace(SIRET, "1309999070001"), P101, "siret_invalid"),
    (LOT, DEPOSIT.replace("2026", "2019"), P101, "exercice_invalid"), (LOT, DEPOSIT.replace("2026", "02026"), P101, "exercice_invalid"),
    (LOT, DEPOSIT.replace("2026", "2026a"), P101, "exercice_invalid"), (LOT, DEPOSIT.replace("2026", "20260"), P101, "exercice_invalid"),
    (LOT, DEPOSIT, (), "budget_invalid"), (LOT, DEPOSIT, ("P101", "P101"), "budget_invalid"),
    (LOT, DEPOSIT, ("P1",), "budget_invalid"), (LOT, DEPOSIT, ("P101/P102",), "budget_invalid"),
    (LOT, DEPOSIT, ("P" + "1" * 500,), "budget_invalid"),
    ({"trimestre": "T5", "versements": []}, DEPOSIT, P101, "periode_invalid"), ({"versements": []}, DEPOSIT, P101, "periode_invalid"),
    ({"trimestre": "T1\n", "versements": []}, DEPOSIT, P101, "periode_invalid"),
    ({"trimestre": "T1", "versements": [{"trimestre": 1}]}, DEPOSIT, P101, "periode_invalid"),
    ({"trimestre": "T1"}, DEPOSIT, P101, "body_unreadable"), (None, DEPOSIT, P101, "body_missing"),
    ({"trimestre": "T1", "versements": [{}] * 11}, DEPOSIT, P101, "too_many_entries"),
])
def test_what_cannot_be_established(document: Any, path: str, programmes: tuple[str, ...], failure: str) -> None:
    found = facts(document, path, programmes=programmes)
    assert (found.established, found.failure, found.perimeters) == (False, failure, ())


@pytest.mark.parametrize(("method", "path", "code"), [
    ("PUT", DEPOSIT, "INF-REQ-10"), ("GET", DEPOSIT + "/1", "INF-REQ-09"), ("GET", "/subventions/v1/etat", "INF-REQ-09")])
def test_what_is_no_route(method: str, path: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        ROUTES.find(method, path)
    assert refused.value.code == code


def test_the_headers_that_go_on_to_the_backend() -> None:
    assert ROUTES.find("POST", DEPOSIT).headers == ("x-programme",)
    assert ROUTES.find("POST", "/infinoe/v1/ecritures/comptables").headers == ()


@pytest.mark.parametrize(("old", "new", "why"), [
    ("write_only: false", "write_only: true", "write_only"), ("write_only: false", "write_onlyy: false", "Extra inputs"),
    ("{path: siret}, budget", "{path: sirett}, budget", "no variable"), ("{header: X-Programme}", "{header: Authorization}", "means something"),
    ("{header: X-Programme}", "{header: Content-Length}", "means something"), ("siret: {path: siret}, exercice: {path: exercice}}\n    body",
                                                                              "exercice: {path: exercice}}\n    body", "2.1-b"),
    ("shape: dossier}", "shape: dossiers}", "no shape dossiers"), ("    body: none\n", "", "a GET has no body"),
    ("periode: {pattern: \"T[1-4]\", dated: false}", "", "no dimension"), ('"T[1-4]"', '"T["', "regular expression"),
    ("entry: {periode: /trimestre}", "entry: {exercice: {path: exercice}}", "JSON pointer"),
    ("    entries: /versements\n", "", "where the entries are"), ("operation: lire", "operation: Lire", "pattern"),
    ("/subventions/v2/etat, ", "/infinoe/v1/etatSante, ", "two routes"), ("api: subventions", "api: infinoe", "two files"),
    ("max_perimeters: 10", "max_perimeters: 5000", "1000"), ("api: subventions", "api: subventions\napi: subventions", "repeated"),
    ("/subventions/v2/etat, ", '"/infinoe/v1/ecritures/{x}", ', "two routes"),
    ("/{siret}/{exercice}/dossiers", "/{siret}/{siret}/dossiers", "twice in the path"),
    ("flux: dossier, operation: lire", "flux: versement, operation: lire", "different dimensions"),
    ("operation: lire, scope: subventions_lecture, ", "operation: lire, ", "flux, scope and shape"),
])
def test_a_file_that_contradicts_itself_stops_the_load(tmp_path: Path, old: str, new: str, why: str) -> None:
    assert old in TEXT
    file = tmp_path / "subventions.yaml"
    file.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ApiFileError, match=why):
        load_routes([ROOT / "config" / "apis" / "infinoe.yaml", file])


@pytest.mark.parametrize("content", [None, b"\xff", b"x" * 300_000])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "a.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ApiFileError, match=r"a\.yaml"):
        load_routes([file])


def test_a_folder_without_apis(tmp_path: Path) -> None:
    with pytest.raises(ApiFileError, match="no file is for an API"):
        load_apis(tmp_path)
