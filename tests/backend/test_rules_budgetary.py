"""INF-MET-02 to 05, 12 on budgetary entries: for each rule, rows that pass and rows that fail by one fact."""

import pytest

from tests.backend.documents import Document, change, commitment, lot, payment, revenue
from tests.backend.gateway import Gateway, codes

WITHDRAWAL = {"sens": "ANNULATION", "evenement": "RETRAIT_ENGAGEMENT", "engagement": "EJ-1"}

PASS = [
    ("payment of the whole commitment", [commitment(), payment(montant="1000.00")]),
    ("payment before its commitment in the lot", [payment(), commitment()]),
    ("payments in parts", [commitment(), payment("A", "999.99"), payment("B", "0.01")]),
    ("cancelled payment makes room", [commitment(), payment("A", "1000.00"), payment("B", "500.00", sens="ANNULATION"),
                                      payment("C", "500.00")]),
    ("payment without prior commitment", [payment(engagement=None, evenement="SANS_ENGAGEMENT_PREALABLE")]),
    ("withdrawal down to what is paid", [commitment(), payment(), commitment("R-1", "600.00", **WITHDRAWAL)]),
    ("withdrawal that names no commitment", [commitment(sens="ANNULATION", evenement="RETRAIT_ENGAGEMENT")]),
    ("earmarked receipt", [revenue(typeRecette="RECETTES_PROPRES_FLECHES", flechee=True)]),
    ("reversed receipt", [revenue(sens="REVERSEMENT")]),
    ("intervention as an envelope of its own", [commitment(enveloppe="INTERVENTION")]),
    ("first and last day", [revenue("A", dateBudgetaire="2026-01-01"), revenue("B", dateBudgetaire="2026-12-31")]),
]  # fmt: skip


@pytest.mark.parametrize("entries", [row[1] for row in PASS], ids=[row[0] for row in PASS])
def test_accepted(gateway: Gateway, entries: list[Document]) -> None:
    answer = gateway.create("budgetaires", lot("budgetaire", entries))
    assert answer.status_code == 201, answer.text


FAIL = [
    ("date in another exercice", [commitment(dateBudgetaire="2025-12-31")], 422, "INF-MET-02", "/dateBudgetaire"),
    ("unknown nature", [commitment(nature="NAT-X")], 422, "INF-MET-03", "/nature"),
    ("unknown destination", [commitment(destination="D999")], 422, "INF-MET-03", "/destination"),
    ("unknown tiers", [commitment(tiers="F999")], 422, "INF-MET-03", "/tiers"),
    ("unknown multi-year operation", [commitment(operationPluriannuelle="X")], 422, "INF-MET-03", "/operationPluriannuelle"),
    ("unknown origine", [revenue(origine="O999")], 422, "INF-MET-03", "/origine"),
    ("no envelope", [commitment(enveloppe=None)], 422, "INF-MET-04", "/enveloppe"),
    ("envelope on a receipt", [revenue(enveloppe="PERSONNEL")], 422, "INF-MET-04", "/enveloppe"),
    ("joint envelope of a distinct contract", [commitment(enveloppe="FONCTIONNEMENT_INTERVENTION")], 422, "INF-MET-04",
     "/enveloppe"),
    ("payment without commitment", [payment(engagement=None)], 422, "INF-MET-05", "/engagement"),
    ("payment of an unknown commitment", [payment(engagement="EJ-X")], 422, "INF-MET-05", "/engagement"),
    ("payment of a receipt", [payment(engagement="RE-1"), revenue()], 422, "INF-MET-05", "/engagement"),
    ("one centime too much", [payment(montant="1000.01"), commitment()], 422, "INF-MET-05", "/engagement"),
    ("withdrawal below what is paid", [commitment("R", "600.01", **WITHDRAWAL), commitment(), payment()], 422, "INF-MET-05",
     "/montant"),
    ("sens of a receipt", [commitment(sens="ENCAISSEMENT")], 400, "4015", "/sens"),
    ("event of a payment", [commitment(evenement="PAIEMENT")], 400, "4015", "/evenement"),
    ("no nature", [commitment(nature=None)], 400, "4008", "/nature"),
    ("no kind of receipt", [revenue(typeRecette=None)], 400, "4008", "/typeRecette"),
    ("nature on a receipt", [revenue(nature="INV-MAT-INF")], 400, "4015", "/nature"),
    ("not earmarked by its kind", [revenue(flechee=True)], 400, "4015", "/flechee"),
    ("earmarked by its kind", [revenue(typeRecette="FINANCEMENTS_ETAT_FLECHES")], 400, "4015", "/flechee"),
    ("amount of zero", [commitment(montant="0.00")], 400, "4011", "/montant"),
    ("negative amount", [commitment(montant="-1.00")], 400, "4011", "/montant"),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "status", "code", "path"), [row[1:] for row in FAIL], ids=[row[0] for row in FAIL])
def test_refused(gateway: Gateway, entries: list[Document], status: int, code: str, path: str) -> None:
    answer = codes(gateway.create("budgetaires", lot("budgetaire", entries)))
    assert answer[:2] == (status, code)
    assert (code, f"/ecritures/0{path}") in answer[2]


@pytest.mark.parametrize(
    ("distinct", "envelope", "status"),
    [(True, "INTERVENTION", 201), (False, "INTERVENTION", 422), (False, "FONCTIONNEMENT_INTERVENTION", 201),
     (True, "FONCTIONNEMENT_INTERVENTION", 422), (False, "FONCTIONNEMENT", 201)],
)  # fmt: skip
def test_the_envelope_depends_on_the_contract(gateway: Gateway, distinct: bool, envelope: str, status: int) -> None:
    document = lot("budgetaire", [commitment(enveloppe=envelope)])
    answer = gateway.create("budgetaires", document, claims={"enveloppeInterventionDistincte": distinct})
    assert answer.status_code == status


def test_commitments_count_across_lots_and_within_one_budget(gateway: Gateway) -> None:
    first = lot("budgetaire", [commitment()])
    assert gateway.create("budgetaires", first).status_code == 201
    second = {**first, "numeroLot": "2", "ecritures": [payment(montant="700.00")]}
    assert gateway.create("budgetaires", second).status_code == 201
    third = {**first, "numeroLot": "3", "ecritures": [payment("DP-2", "300.01")]}
    assert codes(gateway.create("budgetaires", third))[:2] == (422, "INF-MET-05")
    elsewhere = lot("budgetaire", [payment()])
    assert codes(gateway.create("budgetaires", elsewhere))[:2] == (422, "INF-MET-05")


@pytest.mark.parametrize(("montant", "status"), [("400.00", 200), ("399.99", 422)])
def test_a_commitment_cannot_be_modified_below_its_payments(gateway: Gateway, montant: str, status: int) -> None:
    document = lot("budgetaire", [commitment(), payment()])
    gateway.create("budgetaires", document)
    body = change(document, ecriture=commitment(montant=montant))
    assert gateway.change("PUT", "budgetaires", "EJ-1", body, '"1"').status_code == status


def test_a_commitment_cannot_become_something_else_under_its_payments(gateway: Gateway) -> None:
    document = lot("budgetaire", [commitment(), payment()])
    gateway.create("budgetaires", document)
    body = change(document, ecriture=revenue("EJ-1"))
    assert codes(gateway.change("PUT", "budgetaires", "EJ-1", body, '"1"'))[:2] == (422, "INF-MET-05")


def test_a_commitment_with_live_payments_cannot_be_deleted(gateway: Gateway) -> None:
    document = lot("budgetaire", [commitment(), payment()])
    gateway.create("budgetaires", document)
    refused = gateway.change("DELETE", "budgetaires", "EJ-1", change(document), '"1"')
    assert codes(refused)[:2] == (409, "INF-MET-12")
    assert gateway.change("DELETE", "budgetaires", "DP-1", change(document), '"1"').status_code == 200
    assert gateway.change("DELETE", "budgetaires", "EJ-1", change(document), '"1"').status_code == 200


def test_a_cancellation_that_payments_rest_on_cannot_be_deleted(gateway: Gateway) -> None:
    entries = [commitment(), payment("A", "1000.00"), payment("B", "500.00", sens="ANNULATION"), payment("C", "500.00")]
    document = lot("budgetaire", entries)
    gateway.create("budgetaires", document)
    refused = gateway.change("DELETE", "budgetaires", "B", change(document), '"1"')
    assert codes(refused)[:2] == (422, "INF-MET-05")
