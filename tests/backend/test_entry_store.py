"""Creation, modification and deletion: receipts, atomicity, replay, versions, perimeters."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.backend.conftest import Query, query_of
from tests.backend.documents import Document, accounting, change, commitment, financial, lot, payment, revenue
from tests.backend.gateway import SIRET, Gateway, codes
from tests.backend.running import BackendProcess

SAME_SIREN = "13099990700020"
OTHER_SIRET = "73282932000074"


def test_receipt_of_a_creation(gateway: Gateway, query: Query) -> None:
    document = lot("budgetaire", [commitment(), payment(), revenue()])
    answer = gateway.create("budgetaires", document, claims={"correlationId": "123e4567-e89b-12d3-a456-426655440000"})
    assert answer.status_code == 201, answer.text
    receipt = answer.json()["accuse"]
    assert receipt["operation"] == "creation"
    assert receipt["correlationId"] == answer.headers["x-correlation-id"] == "123e4567-e89b-12d3-a456-426655440000"
    assert receipt["numeroAccuse"].startswith("INF-20")
    assert receipt["horodatage"][-6:] in ("+01:00", "+02:00")
    assert receipt["ecritures"] == [{"identifiant": name, "version": 1} for name in ("EJ-1", "DP-1", "RE-1")]
    stored = query(
        "SELECT identifiant, movement, commitment, amount_centimes, lot_hash FROM entries JOIN lots USING (lot_id)"
        " WHERE entries.budget = ? ORDER BY entry_id",
        "BP/" + document["budget"]["code"],
    )
    digest = receipt["empreinteLot"]
    assert stored == [
        ("EJ-1", "AE", "EJ-1", 100_000, digest),
        ("DP-1", "CP", "EJ-1", 40_000, digest),
        ("RE-1", "RECETTE", None, 275_000_000, digest),
    ]


@pytest.mark.parametrize(
    ("kind", "flux", "entry"),
    [("budgetaires", "budgetaire", commitment()), ("comptables", "comptable", accounting()),
     ("financieres", "financiere", financial())],
)  # fmt: skip
def test_the_same_lot_again_has_the_same_receipt(gateway: Gateway, query: Query, kind: str, flux: str, entry: Document) -> None:
    document = lot(flux, [entry])
    first = gateway.create(kind, document)
    again = gateway.create(kind, dict(reversed(document.items())))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["accuse"]["numeroAccuse"] == first.json()["accuse"]["numeroAccuse"]
    assert query("SELECT count(*) FROM entries WHERE budget = ?", "BP/" + document["budget"]["code"]) == [(1,)]


def test_other_content_on_a_used_identifier(gateway: Gateway) -> None:
    document = lot("comptable", [accounting()])
    assert gateway.create("comptables", document).status_code == 201
    other = {**document, "ecritures": [accounting("AC-0"), accounting(libelle="Autre")]}
    assert codes(gateway.create("comptables", other)) == (409, "INF-VER-03", {("INF-VER-03", "/ecritures/1/identifiant")})


def test_one_wrong_entry_of_a_hundred_stores_nothing(own_gateway: Gateway, own_backend: BackendProcess) -> None:
    entries = [accounting(f"AC-{number}") for number in range(100)]
    entries[73]["lignes"][0]["debit"] = "51200.01"
    receipts = query_of(own_backend)("SELECT count(*) FROM receipts")
    answer = own_gateway.create("comptables", lot("comptable", entries))
    assert codes(answer) == (422, "INF-MET-06", {("INF-MET-06", "/ecritures/73/lignes")})
    assert answer.json()["details"][0]["index"] == 73
    assert query_of(own_backend)("SELECT (SELECT count(*) FROM entries), (SELECT count(*) FROM lots)") == [(0, 0)]
    assert query_of(own_backend)("SELECT count(*) FROM receipts") == receipts


def test_an_entry_may_carry_its_own_perimeter(gateway: Gateway, query: Query) -> None:
    own = accounting("AC-2", periode="2026-04", dateComptable="2026-04-01", budget={"type": "SACD", "code": "07"})
    own["identifiant"] = own["piece"] = lot("comptable", [])["budget"]["code"]
    document = lot("comptable", [accounting(), own])
    assert gateway.create("comptables", document).status_code == 201
    assert query("SELECT budget, periode FROM entries WHERE identifiant = ?", own["identifiant"]) == [("SACD/07", "2026-04")]


def test_versions_follow_each_other_and_history_stays(gateway: Gateway, query: Query) -> None:
    document = lot("budgetaire", [commitment()])
    gateway.create("budgetaires", document)
    new = change(document, ecriture=commitment(montant="1500.00"))
    modified = gateway.change("PUT", "budgetaires", "EJ-1", new, '"1"')
    assert (modified.status_code, modified.json()["accuse"]["ecritures"]) == (200, [{"identifiant": "EJ-1", "version": 2}])
    deleted = gateway.change("DELETE", "budgetaires", "EJ-1", change(document), '"2"')
    assert (deleted.status_code, deleted.json()["accuse"]["operation"]) == (200, "suppression")
    history = query(
        "SELECT v.version, v.operation, content IS NULL, reason FROM entry_versions v JOIN entries USING (entry_id)"
        " WHERE budget = ? AND deleted_at IS NOT NULL ORDER BY v.version",
        "BP/" + document["budget"]["code"],
    )
    assert history == [
        (1, "creation", 0, None), (2, "modification", 0, "Avenant 1"), (3, "suppression", 1, "Avenant 1"),
    ]  # fmt: skip
    again = gateway.change("DELETE", "budgetaires", "EJ-1", change(document), '"3"')
    assert codes(again)[:2] == (410, "INF-VER-05")
    assert codes(gateway.create("budgetaires", document))[:2] == (409, "INF-VER-03")


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (None, (428, "INF-VER-01")), ('"2"', (412, "INF-VER-02")), ("1", (400, "4017")), ("*", (400, "4017")),
        ('W/"1"', (400, "4017")), ('"1", "2"', (400, "4017")), ('"0"', (400, "4017")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_if_match(gateway: Gateway, method: str, version: str | None, expected: tuple[int, str]) -> None:
    document = lot("budgetaire", [commitment()])
    gateway.create("budgetaires", document)
    body = change(document, ecriture=commitment(montant="2.00")) if method == "PUT" else change(document)
    assert codes(gateway.change(method, "budgetaires", "EJ-1", body, version))[:2] == expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"organisme": {"siret": SAME_SIREN}}, (403, "INF-DRT-03")),
        ({"organisme": {"siret": OTHER_SIRET}}, (403, "INF-DRT-03")),
        ({"budget": {"type": "BA", "code": "01"}}, (403, "INF-DRT-04")),
        ({"exercice": 2025, "periode": "2025-03"}, (403, "INF-DRT-05")),
        ({"periode": "2026-04"}, (403, "INF-DRT-06")),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_the_declared_perimeter_is_that_of_the_entry(
    gateway: Gateway, method: str, changed: Document, expected: tuple[int, str]
) -> None:
    name = lot("financiere", [])["budget"]["code"]
    document = lot("financiere", [financial(identifiant=name)])
    assert gateway.create("financieres", document).status_code == 201
    body = change(document, **changed, **({"ecriture": financial(identifiant=name)} if method == "PUT" else {}))
    assert codes(gateway.change(method, "financieres", name, body, '"1"'))[:2] == expected


def test_an_unknown_identifier_of_the_own_organisme_is_404(gateway: Gateway) -> None:
    document = lot("budgetaire", [])
    assert codes(gateway.change("DELETE", "budgetaires", "INCONNU", change(document), '"1"'))[:2] == (404, "INF-VER-04")


def test_nothing_can_be_learnt_about_the_entries_of_another_organisme(gateway: Gateway) -> None:
    """Byte for byte the same refusal, whether the other's entry exists or not; and under the own SIRET it is unknown."""
    other = Gateway(str(gateway.client.base_url), gateway.key, siren=OTHER_SIRET[:9])
    for name, known in (("nature", "INV-MAT-INF"), ("destination", "D201")):
        sent = {"organisme": {"siret": OTHER_SIRET}, "exercice": 2026, "nomenclature": name, "mode": "COMPLEMENT",
                "codes": [{"code": known, "libelle": known}]}  # fmt: skip
        assert other.send("PUT", f"/infinoe/v1/referentiels/{name}", sent).status_code == 200
    theirs = lot(
        "budgetaire", [commitment("SECRET-1", tiers=None, operationPluriannuelle=None)], organisme={"siret": OTHER_SIRET}
    )
    assert other.create("budgetaires", theirs).status_code == 201
    answers = []
    for identifiant in ("SECRET-1", "SECRET-2"):
        body = change(theirs)
        answer = gateway.change("DELETE", "budgetaires", identifiant, body, '"1"')
        error = answer.json()
        del error["erreur"]["horodatage"]
        answers.append((answer.status_code, error))
        mine = gateway.change("DELETE", "budgetaires", identifiant, {**body, "organisme": {"siret": SIRET}}, '"1"')
        assert codes(mine)[:2] == (404, "INF-VER-04")
    assert answers[0] == answers[1]
    assert answers[0][0] == 403
    other.client.close()


def test_two_writers_of_one_version_one_wins(gateway: Gateway, query: Query) -> None:
    document = lot("budgetaire", [commitment()])
    gateway.create("budgetaires", document)

    def modify(number: int) -> int:
        body = change(document, ecriture=commitment(montant=f"{1000 + number}.00"))
        return gateway.change("PUT", "budgetaires", "EJ-1", body, '"1"').status_code

    with ThreadPoolExecutor(8) as writers:
        statuses = sorted(writers.map(modify, range(16)))
    assert statuses == [200] + [412] * 15
    assert query("SELECT version FROM entries WHERE budget = ?", "BP/" + document["budget"]["code"]) == [(2,)]


def test_the_same_lot_from_many_at_once_is_stored_once(gateway: Gateway, query: Query) -> None:
    document = lot("comptable", [accounting(f"AC-{number}") for number in range(20)])
    with ThreadPoolExecutor(8) as writers:
        answers = list(writers.map(lambda _: gateway.create("comptables", document), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["accuse"]["numeroAccuse"] for answer in answers}) == 1
    assert query("SELECT count(*) FROM entries WHERE budget = ?", "BP/" + document["budget"]["code"]) == [(20,)]
