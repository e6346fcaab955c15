"""INF-MET-02, 03, 06 to 09 and 14 on accounting entries."""

import pytest

from tests.backend.documents import Document, accounting, change, credit, debit, lot
from tests.backend.gateway import Gateway, codes

PASS = [
    ("invoice", accounting()),
    ("account deeper than its nomenclature", accounting(lignes=[debit("2183001", "1.00"), credit("515100", "1.00")])),
    ("largest amount", accounting(lignes=[debit("2183", "999999999999999.99"), credit("515", "999999999999999.99")])),
    ("861 to 863", accounting(lignes=[debit("861", "1500.00"), credit("8631", "1500.00")])),
    ("801 to 809", accounting(lignes=[debit("801", "5.00"), credit("809", "5.00")])),
    ("861 and 862", accounting(lignes=[debit("862", "5.00"), credit("861", "5.00")])),
    ("89 opens the balance", accounting(typeEcriture="A_NOUVEAU", lignes=[debit("515", "5.00"), credit("890", "5.00")])),
    ("88 at the closing", accounting(typeEcriture="CLOTURE", lignes=[debit("88", "5.00"), credit("10", "5.00")])),
    ("6 and 7 in a normal entry", accounting(lignes=[debit("60", "5.00"), credit("741", "5.00")])),
]


@pytest.mark.parametrize("entry", [row[1] for row in PASS], ids=[row[0] for row in PASS])
def test_accepted(gateway: Gateway, entry: Document) -> None:
    answer = gateway.create("comptables", lot("comptable", [entry]))
    assert answer.status_code == 201, answer.text


FAIL = [
    ("date in another month", accounting(dateComptable="2026-04-01"), "INF-MET-02", "/dateComptable"),
    ("document of a later year", accounting(datePiece="2027-01-01"), "INF-MET-02", "/datePiece"),
    ("unknown tiers", accounting(lignes=[debit("515", "1.00", tiers="F9"), credit("515", "1.00")]), "INF-MET-03",
     "/lignes/0/tiers"),
    ("one line", accounting(lignes=[debit("515", "1.00")]), "INF-MET-06", "/lignes"),
    ("no line", accounting(lignes=[]), "INF-MET-06", "/lignes"),
    ("one centime off", accounting(lignes=[debit("515", "1.00"), credit("515", "1.01")]), "INF-MET-06", "/lignes"),
    ("neither debit nor credit", accounting(lignes=[{"compte": "515", "libelle": "x"}, debit("515", "1.00"),
                                                    credit("515", "1.00")]), "INF-MET-06", "/lignes/0"),
    ("debit and credit", accounting(lignes=[debit("515", "1.00", credit="1.00"), debit("515", "1.00"),
                                            credit("515", "1.00")]), "INF-MET-06", "/lignes/0"),
    ("debit of zero", accounting(lignes=[debit("515", "0.00"), credit("515", "0.00")]), "INF-MET-06", "/lignes/0"),
    ("account of letters", accounting(lignes=[debit("5X5", "1.00"), credit("515", "1.00")]), "INF-MET-07",
     "/lignes/0/compte"),
    ("account of class 9", accounting(lignes=[debit("915", "1.00"), credit("515", "1.00")]), "INF-MET-07",
     "/lignes/0/compte"),
    ("account of one digit", accounting(lignes=[debit("5", "1.00"), credit("515", "1.00")]), "INF-MET-07",
     "/lignes/0/compte"),
    ("account above its nomenclature", accounting(lignes=[debit("218", "1.00"), credit("515", "1.00")]), "INF-MET-07",
     "/lignes/0/compte"),
    ("account unknown", accounting(lignes=[debit("999", "1.00"), credit("515", "1.00")]), "INF-MET-07",
     "/lignes/0/compte"),
    ("861 facing class 5", accounting(lignes=[debit("861", "1.00"), credit("515", "1.00")]), "INF-MET-08", "/lignes"),
    ("80 and 86 balanced, with class 5", accounting(lignes=[
        debit("861", "1.00"), credit("863", "1.00"), debit("515", "1.00"), credit("515", "1.00")]), "INF-MET-08",
     "/lignes/2/compte"),
    ("80 facing 86", accounting(lignes=[debit("801", "1.00"), credit("863", "1.00")]), "INF-MET-08", "/lignes"),
    ("88 in a normal entry", accounting(lignes=[debit("88", "1.00"), credit("10", "1.00")]), "INF-MET-08",
     "/lignes/0/compte"),
    ("89 facing class 7", accounting(typeEcriture="CLOTURE", lignes=[debit("741", "1.00"), credit("891", "1.00")]),
     "INF-MET-08", "/lignes/0/compte"),
    ("another subdivision of class 8", accounting(lignes=[debit("87", "1.00"), credit("87", "1.00")]), "INF-MET-08",
     "/lignes/0/compte"),
    ("7 in an opening entry", accounting(typeEcriture="A_NOUVEAU", lignes=[debit("515", "1.00"), credit("741", "1.00")]),
     "INF-MET-09", "/lignes/1/compte"),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "code", "path"), [row[1:] for row in FAIL], ids=[row[0] for row in FAIL])
def test_refused(gateway: Gateway, entry: Document, code: str, path: str) -> None:
    answer = codes(gateway.create("comptables", lot("comptable", [entry])))
    assert answer[0] == 422
    assert (code, f"/ecritures/0{path}") in answer[2]


@pytest.mark.parametrize(("day", "status"), [("2026-12-31", 201), ("2026-06-30", 201), ("2027-01-01", 422)])
def test_the_thirteenth_period_holds_any_day_of_the_exercice(gateway: Gateway, day: str, status: int) -> None:
    entry = accounting(typeEcriture="INVENTAIRE", dateComptable=day)
    assert gateway.create("comptables", lot("comptable", [entry], periode="2026-13")).status_code == status


def test_a_document_number_is_unique_in_its_journal_among_live_entries(gateway: Gateway) -> None:
    document = lot("comptable", [accounting("A", piece="P-1")])
    assert gateway.create("comptables", document).status_code == 201
    twice = {**document, "ecritures": [accounting("B", piece="P-1")]}
    assert codes(gateway.create("comptables", twice)) == (422, "INF-MET-14", {("INF-MET-14", "/ecritures/0/piece")})
    other_journal = {**document, "ecritures": [accounting("B", piece="P-1", journal="OD")]}
    assert gateway.create("comptables", other_journal).status_code == 201
    same = change(document, ecriture=accounting("A", piece="P-1", libelle="Autre"))
    assert gateway.change("PUT", "comptables", "A", same, '"1"').status_code == 200
    taken = change(document, ecriture=accounting("A", piece="P-1", journal="OD"))
    assert codes(gateway.change("PUT", "comptables", "A", taken, '"2"'))[:2] == (422, "INF-MET-14")
    assert gateway.change("DELETE", "comptables", "A", change(document), '"2"').status_code == 200
    again = {**document, "ecritures": [accounting("C", piece="P-1")]}
    assert gateway.create("comptables", again).status_code == 201


def test_a_document_number_comes_once_in_a_lot(gateway: Gateway) -> None:
    document = lot("comptable", [accounting("A", piece="P"), accounting("B", piece="P")])
    assert codes(gateway.create("comptables", document)) == (422, "INF-MET-14", {("INF-MET-14", "/ecritures/1/piece")})


def test_all_broken_rules_are_reported_at_once(gateway: Gateway) -> None:
    entry = accounting(dateComptable="2026-04-01", lignes=[debit("915", "1.00"), credit("2183", "2.00", tiers="F9")])
    found = codes(gateway.create("comptables", lot("comptable", [entry])))[2]
    assert {code for code, _ in found} == {"INF-MET-02", "INF-MET-03", "INF-MET-06", "INF-MET-07"}
