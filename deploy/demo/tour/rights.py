"""The fifth control (4-C5): rights on the data sent, in six dimensions; and the state of the contract they come from."""

from typing import Any

from deploy.demo.entries import perimeter
from deploy.demo.tour import lots
from deploy.demo.tour.stage import API, STATE, Call, Stage

COMPTABLES, BUDGETAIRES, FINANCIERES = (f"{API}/ecritures/{kind}" for kind in ("comptables", "budgetaires", "financieres"))


def rights(stage: Stage) -> None:
    """Each dimension within the contract's lines, then out by one."""
    stage.scene = "C5 rights"
    anfm = stage.consumer("anfm")
    foreign = stage.consumer("ecole")["siret"]
    deletion = perimeter(anfm["siret"], "BP/01", "2026-03") | {"motif": "Doublon"}
    for what, expected, call in (
        ("flux: budgetary", "201", Call("anfm", "POST", BUDGETAIRES, lots.budgetary(anfm))),
        ("flux: financial", "201", Call("anfm", "POST", FINANCIERES, lots.financial(anfm))),
        ("operation: delete an accounting entry", "403 INF-DRT-02",
         Call("anfm", "DELETE", f"{COMPTABLES}/AC-2026-0000001", deletion, more=(("If-Match", '"1"'),))),
        ("SIRET of another organisme", "403 INF-DRT-03", Call("anfm", "POST", COMPTABLES, lots.accounting(anfm, siret=foreign))),
        ("budget SACD/07, accounting", "201", Call("anfm", "POST", COMPTABLES, lots.accounting(anfm, budget="SACD/07"))),
        ("budget SACD/07, budgetary", "403 INF-DRT-04",
         Call("anfm", "POST", BUDGETAIRES, lots.budgetary(anfm, budget="SACD/07"))),
        ("scope of another flux only", "403 900910",
         Call("anfm", "POST", BUDGETAIRES, lots.budgetary(anfm), token=_narrow(stage))),
        ("SIRET malformed", "400 4001", Call("anfm", "POST", COMPTABLES, lots.accounting(anfm, siret="130999907"))),
        ("a key twice in the body", "400 4000", Call("anfm", "POST", COMPTABLES, _repeated(anfm))),
    ):
        stage.make(what, expected, call)
    _several_reasons(stage, foreign)
    _one_of_many(stage, anfm)


def times(stage: Stage) -> None:
    """The two dimensions of time, of a contract with one exercice and six périodes."""
    stage.scene = "C5 rights"
    musee = stage.consumer("musee")
    for what, expected, periode in (
        ("exercice 2026, the only one", "201", "2026-03"),
        ("exercice 2027", "403 INF-DRT-05", "2027-03"),
        ("exercice 2025", "403 INF-DRT-05", "2025-03"),
        ("période 06, the last one", "201", "2026-06"),
        ("période 07", "403 INF-DRT-06", "2026-07"),
    ):
        stage.make(what, expected, Call("musee", "POST", BUDGETAIRES, lots.budgetary(musee, periode=periode)))


def _several_reasons(stage: Stage, foreign: str) -> None:
    """The caller is told the first reason, the operator finds all of them under the correlation id."""
    ecole, anfm = stage.consumer("ecole"), stage.consumer("anfm")
    for what, expected, call in (
        ("flux that no line of the contract names", "403 900910; recorded: 900910, INF-DRT-01",
         Call("ecole", "POST", FINANCIERES, lots.financial(ecole))),
        ("everything wrong at once", "403 900805; recorded: 900805, INF-IDT-01, 900902, 900910, INF-DRT-03",
         Call("anfm", "POST", COMPTABLES, lots.accounting(anfm, siret=foreign), source="127.0.0.2", identifiers=(), token=None)),
    ):
        answer = stage.answer(call)
        stage.row(what, expected, answer, f"{answer}; recorded: {stage.recorded(answer)}")


def _one_of_many(stage: Stage, anfm: dict[str, Any]) -> None:
    """4-c: one entry of a lot without a right, and nothing of the lot arrives."""
    lot = lots.accounting(anfm, 500)
    lot["ecritures"][313]["budget"] = {"type": "BA", "code": "09"}
    before = stage.stored()
    answer = stage.answer(Call("anfm", "POST", COMPTABLES, lot))
    stage.row("500 entries, one of them of a budget without a right", "403 INF-DRT-04, 0 entries more", answer,
              f"{answer}, {stage.stored() - before} entries more")


def _narrow(stage: Stage) -> str:
    """A token asked for with one scope only."""
    answer = stage.ask_token("anfm", form="grant_type=client_credentials&scope=infinoe_comptable_ecriture", client="httpx")
    return str(answer.json().get("access_token", "none"))


def _repeated(anfm: dict[str, Any]) -> bytes:
    """A body that two parsers may read differently."""
    return f'{{"exercice": 2026, "exercice": 2027, "organisme": {{"siret": "{anfm["siret"]}"}}}}'.encode()


def contracts(stage: Stage) -> None:
    """1-a and 3.4.1-e: a contract that is not in force is given no token, and no call passes on an older one."""
    stage.scene = "contract's state"
    for name, what in (("suspendu", "accreditation not renewed in time"), ("brouillon", "not activated yet")):
        reason = stage.consumer(name)["reason"]
        stage.row(f"{what}: a token", f"400 unauthorized_client {reason}", stage.ask_token(name))
        token = stage.forged(name, _claims(stage, name), model="anfm")
        stage.make(f"{what}: a call with a token of before", f"403 {reason}", Call(name, "GET", STATE, token=token))


def _claims(stage: Stage, name: str) -> dict[str, Any]:
    """What a token of that consumer said when it still got one."""
    consumer = stage.consumer(name)
    return {"client_id": consumer["client_id"], "sub": consumer["client_id"], "scope": " ".join(consumer["scopes"]),
            "cnf": {"x5t#S256": stage.thumbprint(name)}}
