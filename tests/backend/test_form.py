"""The form of bodies: strict JSON, unknown fields, one code for each field, JSON pointers."""

import json
from typing import Any

import pytest

from tests.backend.documents import Document, accounting, change, commitment, debit, lot, without
from tests.backend.gateway import Gateway, codes

GOOD = json.dumps(lot("comptable", [accounting()]))

UNREADABLE = [
    ("empty", b""),
    ("not JSON", b"{"),
    ("an array", b"[]"),
    ("a key twice", GOOD.replace('"numeroLot"', '"numeroLot": "a", "numeroLot"').encode()),
    ("a key twice, deep", GOOD.replace('"compte": "515"', '"compte": "515", "compte": "2183"').replace(
        '"journal"', '"journal": "AC", "journal"').encode()),
    ("a key twice by escape", GOOD.replace('"numeroLot"', '"\\u006eumeroLot": "a", "numeroLot"').encode()),
    ("NaN", GOOD.replace("2026,", "NaN,", 1).encode()),
    ("Infinity", GOOD.replace("2026,", "-Infinity,", 1).encode()),
    ("a decimal number", GOOD.replace("2026,", "2026.0,", 1).encode()),
    ("an exponent", GOOD.replace("2026,", "2e3,", 1).encode()),
    ("a huge integer", GOOD.replace("2026,", "1" * 5000 + ",", 1).encode()),
    ("invalid UTF-8", GOOD.replace("Facture", "Factur\udce9").encode("utf-8", "surrogateescape")),
    ("Latin-1", GOOD.replace("Facture", "Factur\u00e9").encode("latin-1")),
    ("UTF-16", GOOD.encode("utf-16")),
    ("a byte-order mark", b"\xef\xbb\xbf" + GOOD.encode()),
    ("a lone surrogate", GOOD.replace("Facture", "\\ud800").encode()),
    ("a control character", GOOD.replace("Facture", "\x01").encode()),
    ("something after", GOOD.encode() + b"{}"),
    ("nested without end", b'{"a":' + b"[" * 200_000),
]  # fmt: skip


@pytest.mark.parametrize("body", [row[1] for row in UNREADABLE], ids=[row[0] for row in UNREADABLE])
def test_unreadable(gateway: Gateway, body: bytes) -> None:
    assert body != GOOD.encode()
    assert codes(gateway.create("comptables", body))[:2] == (400, "4000")


LOT = [
    ("unknown field", {"inconnu": 1}, "4007", "/inconnu"),
    ("unknown field to be escaped", {"a/b~c": 1}, "4007", "/a~1b~0c"),
    ("short SIRET", {"organisme": {"siret": "1309999070001"}}, "4001", "/organisme/siret"),
    ("SIRET in other digits", {"organisme": {"siret": "١٣٠٩٩٩٩٠٧٠٠٠١٢"}}, "4001", "/organisme/siret"),
    ("SIRET and a line feed", {"organisme": {"siret": "13099990700012\n"}}, "4001", "/organisme/siret"),
    ("no organisme", {"organisme": None}, "4001", "/organisme"),
    ("UAI key", {"organisme": {"siret": "13099990700012", "uai": "0751717K"}}, "4014", "/organisme/uai"),
    ("kind of budget", {"budget": {"type": "XX", "code": "01"}}, "4002", "/budget/type"),
    ("exercice as text", {"exercice": "2026"}, "4003", "/exercice"),
    ("exercice as truth", {"exercice": True}, "4003", "/exercice"),
    ("month 14", {"periode": "2026-14"}, "4004", "/periode"),
    ("month 00", {"periode": "2026-00"}, "4004", "/periode"),
    ("another flux", {"flux": "budgetaire"}, "4005", "/flux"),
    ("no entry", {"ecritures": []}, "4006", "/ecritures"),
    ("too many entries", {"ecritures": [0] * 50_001}, "4006", "/ecritures"),
    ("entries as an object", {"ecritures": {}}, "4009", "/ecritures"),
    ("an entry as text", {"ecritures": ["x"]}, "4009", "/ecritures/0"),
    ("an identifier twice", {"ecritures": [accounting(), accounting(piece="2")]}, "4016", "/ecritures/1/identifiant"),
]


@pytest.mark.parametrize(("changes", "code", "path"), [row[1:] for row in LOT], ids=[row[0] for row in LOT])
def test_wrong_lot(gateway: Gateway, changes: Document, code: str, path: str) -> None:
    answer = codes(gateway.create("comptables", {**lot("comptable", [accounting()]), **changes}))
    assert answer[:2] == (400, code)
    assert (code, path) in answer[2]


ENTRY = [
    ("unknown field", {"inconnu": 1}, "4007", "/inconnu"),
    ("identifier with a slash", {"identifiant": "a/b"}, "4010", "/identifiant"),
    ("identifier of 65 characters", {"identifiant": "a" * 65}, "4010", "/identifiant"),
    ("impossible date", {"dateComptable": "2026-02-30"}, "4012", "/dateComptable"),
    ("date of another form", {"dateComptable": "20260318"}, "4012", "/dateComptable"),
    ("date as number", {"datePiece": 20260318}, "4012", "/datePiece"),
    ("kind of entry", {"typeEcriture": "AUTRE"}, "4013", "/typeEcriture"),
    ("label with a control character", {"libelle": "a\u0000b"}, "4014", "/libelle"),
    ("label too long", {"libelle": "a" * 251}, "4014", "/libelle"),
    ("label as number", {"libelle": 5}, "4009", "/libelle"),
    ("unknown field of a line", {"lignes": [debit("515", "1.00", autre=1)]}, "4007", "/lignes/0/autre"),
    ("amount as number", {"lignes": [debit("515", "1.00", debit=1)]}, "4011", "/lignes/0/debit"),
    ("amount of one decimal", {"lignes": [debit("515", "1.0")]}, "4011", "/lignes/0/debit"),
    ("amount with a comma", {"lignes": [debit("515", "1,00")]}, "4011", "/lignes/0/debit"),
    ("amount of 16 digits", {"lignes": [debit("515", "1" * 16 + ".00")]}, "4011", "/lignes/0/debit"),
    ("signed zero", {"lignes": [debit("515", "-0.00")]}, "4011", "/lignes/0/debit"),
    ("amount and a line feed", {"lignes": [debit("515", "1.00\n")]}, "4011", "/lignes/0/debit"),
]


@pytest.mark.parametrize(("changes", "code", "path"), [row[1:] for row in ENTRY], ids=[row[0] for row in ENTRY])
def test_wrong_entry(gateway: Gateway, changes: Document, code: str, path: str) -> None:
    entries = [accounting(f"AC-{number}") for number in range(300)]
    entries[271] |= changes
    answer = codes(gateway.create("comptables", lot("comptable", entries)))
    assert answer == (400, code, {(code, f"/ecritures/271{path}")})


@pytest.mark.parametrize(
    "name", ["organisme", "budget", "exercice", "periode", "flux", "systemeEmetteur", "numeroLot", "ecritures"]
)
def test_missing_fields_of_a_lot(gateway: Gateway, name: str) -> None:
    answer = codes(gateway.create("comptables", without(lot("comptable", [accounting()]), name)))
    assert answer[0] == 400
    assert {path for _, path in answer[2]} == {f"/{name}"}


def test_at_most_a_hundred_details(gateway: Gateway) -> None:
    entries = [accounting(f"AC-{number}", inconnu=1) for number in range(500)]
    answer = gateway.create("comptables", lot("comptable", entries))
    assert len(answer.json()["details"]) == 100


CHANGES: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("no reason", "DELETE", {"motif": ""}, "4014", "/motif"),
    ("unknown field", "DELETE", {"ecriture": {}}, "4007", "/ecriture"),
    ("another flux", "DELETE", {"flux": "comptable"}, "4005", "/flux"),
    ("another identifier", "PUT", {"ecriture": commitment("EJ-2")}, "4018", "/ecriture/identifiant"),
    ("another perimeter within", "PUT", {"ecriture": commitment(periode="2026-04")}, "4015", "/ecriture"),
    ("unknown field within", "PUT", {"ecriture": commitment(inconnu=1)}, "4007", "/ecriture/inconnu"),
    ("no entry", "PUT", {"ecriture": None}, "4009", "/ecriture"),
]


@pytest.mark.parametrize(("method", "changes", "code", "path"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_wrong_change(gateway: Gateway, method: str, changes: Document, code: str, path: str) -> None:
    document = lot("budgetaire", [commitment()])
    gateway.create("budgetaires", document)
    body = {**change(document), **({"ecriture": commitment()} if method == "PUT" else {}), **changes}
    assert codes(gateway.change(method, "budgetaires", "EJ-1", body, '"1"')) == (400, code, {(code, path)})
