"""The generated entries, judged by the backend's own models and rules."""

import calendar
from datetime import date
from itertools import islice
from typing import Any

import pytest

from backend.kinds import KINDS
from backend.prepared import Caller, Perimeter
from deploy.demo import nomenclatures
from deploy.demo.entries import Month, commitments, euros, lot
from deploy.demo.tour import lots

CALLER = Caller("130999907", "c", "c", "c", "r")
PERIMETER = Perimeter("13099990700012", "BP/01", 2026, "2026-03")
CONSUMER: dict[str, Any] = {"siret": "13099990700012"}


def findings(slug: str, entries: list[dict[str, Any]], perimeter: Perimeter = PERIMETER) -> list[object]:
    kind = KINDS[slug]
    return [found for entry in kind.validate(entries) for found in kind.findings(entry, perimeter, CALLER)]


def lookups(slug: str, entries: list[dict[str, Any]]) -> set[tuple[str, str]]:
    kind = KINDS[slug]
    return {(lookup.nomenclature, lookup.code) for entry in kind.validate(entries) for lookup in kind.facts(entry).lookups}


def known(nomenclature: str, code: str) -> bool:
    codes = {item["code"] for document in nomenclatures.documents("13099990700012", [2026])
             if document["nomenclature"] == nomenclature for item in document["codes"]}
    return bool({code[:length] for length in range(2, len(code) + 1)} & codes) if nomenclature == "nomenc" else code in codes


@pytest.mark.parametrize("month", [2, 3, 12])
def test_a_month_keeps_every_rule_of_the_backend(month: int) -> None:
    entries = Month(7, 2026, month).entries(2000)
    assert findings("comptables", entries, Perimeter("13099990700012", "BP/01", 2026, f"2026-{month:02}")) == []
    assert [found for found in lookups("comptables", entries) if not known(*found)] == []


def test_a_month_looks_like_one() -> None:
    entries = Month(7, 2026, 3).entries(2000)
    assert {e["journal"] for e in entries} == {"AC", "TR", "PA", "VE"}
    assert len({e["identifiant"] for e in entries}) == len({(e["journal"], e["piece"]) for e in entries}) == 2000
    last = date(2026, 3, calendar.monthrange(2026, 3)[1]).isoformat()
    assert all("2026-03-01" <= e["datePiece"] <= e["dateComptable"] <= last for e in entries)
    accounts = {line["compte"] for e in entries for line in e["lignes"]}
    assert {"401", "44566", "515", "6411", "741"} <= accounts


def test_the_same_seed_gives_the_same_entries_and_another_seed_others() -> None:
    assert Month(7, 2026, 3).entries(50) == Month(7, 2026, 3).entries(50)
    assert Month(7, 2026, 3).entries(50) != Month(8, 2026, 3).entries(50)


def test_two_makers_with_other_numbers_never_meet() -> None:
    one, other = Month(7, 2026, 3, 1).entries(100), Month(7, 2026, 3, 101).entries(100)
    assert not {e["identifiant"] for e in one} & {e["identifiant"] for e in other}


def test_payments_settle_invoices_to_the_cent() -> None:
    entries = Month(7, 2026, 3).entries(500)
    invoiced = [line["credit"] for e in entries if e["journal"] == "AC" for line in e["lignes"] if "credit" in line]
    paid = [e["lignes"][0]["debit"] for e in entries if e["libelle"] == "Paiement fournisseur"]
    assert paid == invoiced[:len(paid)]
    assert len(paid) > 50


def test_commitments_keep_every_rule_of_the_backend() -> None:
    entries = list(islice(commitments(2026, 3, 1000), 20))
    assert findings("budgetaires", entries) == []
    assert [found for found in lookups("budgetaires", entries) if not known(*found)] == []


def test_the_tour_never_sends_the_same_entry_twice() -> None:
    sent = [lots.accounting(CONSUMER), lots.accounting(CONSUMER, 2000), lots.accounting(CONSUMER), lots.accounting(CONSUMER)]
    identifiers = [e["identifiant"] for one in sent for e in one["ecritures"]]
    assert len(identifiers) == len(set(identifiers)) == 2006
    assert len({one["numeroLot"] for one in sent}) == 4


def test_the_financial_lot_keeps_every_rule_of_the_backend() -> None:
    sent = lots.financial(CONSUMER)
    assert findings("financieres", sent["ecritures"], Perimeter("13099990700012", "BP/01", 2026, "2026-01")) == []


@pytest.mark.parametrize(("nomenclature", "code"), [
    ("nature", "INV-MAT-INF"), ("destination", "D201"), ("pluriannuel", "OP-2025-SERVEURS"), ("tiers", "F0012873"),
    ("tiers", "ETAT"), ("origine", "O110"), ("nomenc", "2183"), ("nomenc", "44562"), ("nomenc", "4041"), ("nomenc", "515"),
    ("nomenc", "741"), ("nomenc", "861"), ("nomenc", "8631"), ("nomenc", "801"), ("nomenc", "890"),
])
def test_codes_of_the_worked_examples_are_known(nomenclature: str, code: str) -> None:
    assert known(nomenclature, code)


def test_a_lot_says_its_perimeter() -> None:
    made = lot("13099990700012", "SACD/07", "2026-03", "comptable", "n-1", [{"identifiant": "a"}])
    assert made["budget"] == {"type": "SACD", "code": "07"}
    assert (made["exercice"], made["periode"], made["flux"], len(made["ecritures"])) == (2026, "2026-03", "comptable", 1)


@pytest.mark.parametrize(("cents", "text"), [(1, "0.01"), (100, "1.00"), (18432005, "184320.05")])
def test_amounts_are_told_without_floats(cents: int, text: str) -> None:
    assert euros(cents) == text
