"""What the API is for, and what it never does: entries are written, changed, deleted, all or nothing; nothing is read back."""

import json
import uuid
from typing import Any

from deploy.demo.tour import lots
from deploy.demo.tour.exchange import Answer, Request
from deploy.demo.tour.rights import BUDGETAIRES, COMPTABLES
from deploy.demo.tour.stage import API, STATE, Call, Stage

MANY = 2000


def write_only(stage: Stage) -> None:
    """2.1-a: no method reads an entry; what is not a call of the API is refused before anything else."""
    stage.scene = "write-only"
    for what, expected, call, header in (
        ("read an entry", "405 INF-REQ-10, Allow: DELETE, PUT", Call("anfm", "GET", f"{COMPTABLES}/AC-2026-0100000"), "allow"),
        ("HEAD of an entry", "405, Allow: DELETE, PUT", Call("anfm", "HEAD", f"{COMPTABLES}/AC-2026-0100000"), "allow"),
        ("list entries", "405 INF-REQ-10, Allow: POST", Call("anfm", "GET", COMPTABLES), "allow"),
    ):
        answer = stage.answer(call)
        stage.row(what, expected, answer, f"{answer}, Allow: {answer.headers.get(header, 'none')}")
    for what, expected, call in (
        ("PATCH", "405 INF-REQ-10", Call("anfm", "PATCH", COMPTABLES, b"{}")),
        ("TRACE", "400 INF-REQ-02", Call("anfm", "TRACE", COMPTABLES, client="httpx")),
        ("a path that is not the API's", "404 INF-REQ-09", Call("anfm", "GET", "/metrics")),
        ("a path with dot segments", "400 INF-REQ-03", Call("anfm", "GET", f"{API}/x/../etatSante", client="curl")),
        ("no X-Correlation-ID", "400 910000", Call("anfm", "GET", STATE, correlation=False)),
    ):
        stage.make(what, expected, call)
    answer = stage.answer(Call("anfm", "GET", STATE, identifiers=(), more=(("Accept", "application/problem+json"),)))
    stage.row("a refusal as problem+json (RFC 9457)", "400 INF-IDT-01, application/problem+json", answer,
              f"{answer}, {answer.headers.get('content-type', 'no content type')}")


def entries(stage: Stage) -> None:
    """2.2.1: creation, modification, deletion, with versions; a lot of a month, replayed without harm."""
    stage.scene = "entries"
    anfm = stage.consumer("anfm")
    _many(stage, anfm)
    lot = lots.budgetary(anfm)
    stage.make("a commitment and a payment", "201", Call("anfm", "POST", BUDGETAIRES, lot))
    first = lot["ecritures"][0]
    place = f"{BUDGETAIRES}/{first['identifiant']}"
    common = {key: lot[key] for key in ("organisme", "budget", "exercice", "periode")}
    change = common | {"motif": "Avenant 1", "ecriture": first | {"libelle": "Marche de prestations, avenant 1"}}
    stage.make("change the commitment: If-Match \"1\"", "200", Call("anfm", "PUT", place, change, more=_match(1)))
    stage.make("change it again from the old version", "412 INF-VER-02", Call("anfm", "PUT", place, change, more=_match(1)))
    stage.make("change it without If-Match", "428 INF-VER-01", Call("anfm", "PUT", place, change))
    removal = common | {"motif": "Doublon"}
    stage.make("delete it while a payment refers to it", "409 INF-MET-12", Call("anfm", "DELETE", place, removal, more=_match(2)))
    payment = f"{BUDGETAIRES}/{lot['ecritures'][1]['identifiant']}"
    stage.make("delete the payment", "200", Call("anfm", "DELETE", payment, removal, more=_match(1)))
    unbalanced = lots.accounting(anfm, 3)
    unbalanced["ecritures"][1]["lignes"][0]["debit"] = "1.00"
    before = stage.stored()
    answer = stage.answer(Call("anfm", "POST", COMPTABLES, unbalanced))
    stage.row("three entries, one of them not balanced", "422 INF-MET-06, 0 entries more", answer,
              f"{answer}, {stage.stored() - before} entries more")
    stage.make("one nomenclature more", "200", Call("anfm", "PUT", f"{API}/referentiels/destination", {
        "organisme": {"siret": anfm["siret"]}, "exercice": 2026, "nomenclature": "destination", "mode": "COMPLEMENT",
        "codes": [{"code": "D901", "libelle": "Projet nouveau", "parent": "D3"}]}))


def _many(stage: Stage, anfm: dict[str, Any]) -> None:
    lot = lots.accounting(anfm, MANY, periode="2026-10")
    before = stage.stored()
    answer = stage.answer(Call("anfm", "POST", COMPTABLES, lot, client="httpx"))
    stage.row(f"a month of {MANY:,} accounting entries", f"201, {MANY} entries more in the backend's database", answer,
              f"{answer}, {stage.stored() - before} entries more in the backend's database")
    again = stage.answer(Call("anfm", "POST", COMPTABLES, lot, client="curl"))
    same = "the same receipt" if _receipt(again) == _receipt(answer) != "" else "ANOTHER receipt"
    stage.row("the same lot again", "200, the same receipt, 0 entries more", again,
              f"{again}, {same}, {stage.stored() - before - MANY} entries more")


def _match(version: int) -> tuple[tuple[str, str], ...]:
    return (("If-Match", f'"{version}"'),)


def _receipt(answer: Answer) -> str:
    receipt = answer.json().get("accuse", {})
    return str(receipt.get("numeroAccuse", "")) if isinstance(receipt, dict) else ""


def behind(stage: Stage) -> None:
    """4-b: the backend takes nothing that did not come through the gate."""
    stage.scene = "behind the gate"
    site = stage.site("production")
    lot = json.dumps(lots.accounting(stage.consumer("anfm"))).encode()
    headers = (("X-Correlation-ID", str(uuid.uuid4())), ("Content-Type", "application/json"))
    for what, expected, more in (
        ("the backend directly, no assertion", "401 900902", ()),
        ("the backend directly, an access token as assertion", "401 900901", (("X-JWT-Assertion", stage.token("anfm")),)),
    ):
        request = Request(site["backend_url"] + COMPTABLES, "POST", stage.ca("production"), headers + more, lot)
        stage.row(what, expected, stage.send(request))
