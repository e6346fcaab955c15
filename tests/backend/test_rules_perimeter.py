"""INF-MET-01, INF-MET-02 on the perimeter, and whose data a caller may send."""

import pytest

from backend.legal_numbers import siret_key_holds, uai_holds
from tests.backend.documents import Document, accounting, lot
from tests.backend.gateway import Gateway, codes


@pytest.mark.parametrize(
    ("number", "holds"),
    [
        ("73282932000074", True),
        ("73282932000079", False),
        ("35600000000048", True),  # La Poste's head office: Luhn
        ("35600000000001", True),  # La Poste's other establishments: sum of digits a multiple of 5
        ("35600000000002", False),
        ("73282932100073", False),  # the SIREN's key is wrong
    ],
)
def test_siret_keys(number: str, holds: bool) -> None:
    assert siret_key_holds(number) is holds


@pytest.mark.parametrize(("number", "holds"), [("0751717J", True), ("0751717K", False), ("751717J", False), ("0751717j", False)])
def test_uai_keys(number: str, holds: bool) -> None:
    assert uai_holds(number) is holds


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"organisme": {"siret": "13099990700013"}}, (422, "INF-MET-01", "/organisme/siret")),
        ({"organisme": {"siret": "73282932000074"}}, (403, "INF-DRT-03", "/organisme/siret")),
        ({"periode": "2025-03"}, (422, "INF-MET-02", "/periode")),
    ],
)
@pytest.mark.parametrize("own", [False, True])
def test_refused_for_the_lot_and_for_an_entry(
    gateway: Gateway, own: bool, changed: Document, expected: tuple[int, str, str]
) -> None:
    document = lot("comptable", [accounting(**changed)]) if own else lot("comptable", [accounting()], **changed)
    status, code, path = expected
    answer = codes(gateway.create("comptables", document))
    assert answer[:2] == (status, code)
    assert (code, f"/ecritures/0{path}" if own else path) in answer[2]


def test_a_siren_of_la_poste(gateway: Gateway) -> None:
    """By its keys alone the SIRET is good: what is missing then is its nomenclature."""
    document = lot("comptable", [accounting()], organisme={"siret": "35600000000001"})
    answer = codes(gateway.create("comptables", document, claims={"siren": "356000000"}))
    assert {code for code, _ in answer[2]} == {"INF-MET-03", "INF-MET-07"}
