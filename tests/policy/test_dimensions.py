"""One step outside each right of each contract, in each of the six dimensions (4-C5), is refused with exactly its code."""

from collections.abc import Iterator

import pytest

from gateway_addons.core.contract.access import Droit
from gateway_addons.core.contract.model import Contract
from tests.policy.calls import Document, allowed_call
from tests.policy.opa_server import OpaServer
from tests.policy.test_absence import NAMES


def codes(decision: Document, control: str) -> list[str]:
    return [r["code"] for r in decision["reasons"] if r["control"] == control]


def outside(contract: Contract, number: int) -> Iterator[tuple[str, Document]]:
    """(expected code, call): the call that the right allows, with one dimension moved just past every right of the flux."""
    right = contract.droits[number]
    for flux in ({"budgetaire", "comptable", "financiere", "referentiel", "inconnu"} - {d.flux for d in contract.droits}):
        call = allowed_call(contract, number)
        call["call"]["flux"] = call["rights"]["perimeters"][0]["flux"] = flux
        yield "INF-DRT-01", call
    same_flux = [d for d in contract.droits if d.flux == right.flux]
    for operation in {"creer", "modifier", "supprimer", "inconnue"} - {o for d in same_flux for o in d.operations}:
        call = allowed_call(contract, number)
        call["call"]["operation"] = call["rights"]["perimeters"][0]["operation"] = operation
        yield "INF-DRT-02", call
    for siret in ("73282932000074", str(int(right.siret) + 1)):
        yield "INF-DRT-03", moved(contract, number, siret=siret)
    for budget in other_budgets(right, same_flux):
        yield "INF-DRT-04", moved(contract, number, budget=budget)
    for exercice in (min(right.exercices) - 1, max(right.exercices) + 1):
        month = right.months()[0] if right.months() else None
        yield "INF-DRT-05", moved(contract, number, exercice=exercice, periode=f"{exercice}-{month}" if month else None)
    yield from outside_periods(contract, number, right)


def other_budgets(right: Droit, same_flux: list[Droit]) -> set[str | None]:
    return {"BP/01", "BP/02", "BA/01", "BA/02", "SACD/01", "SACD/07", "bp/01", None} - {
        budget for d in same_flux for budget in (d.budgets or (None,))}


def outside_periods(contract: Contract, number: int, right: Droit) -> Iterator[tuple[str, Document]]:
    exercice = allowed_call(contract, number)["rights"]["perimeters"][0]["exercice"]
    if not right.months():
        yield "INF-DRT-06", moved(contract, number, periode=f"{exercice}-01")
        return
    for month in {f"{n:02}" for n in range(15)} - set(right.months()):
        yield "INF-DRT-06", moved(contract, number, periode=f"{exercice}-{month}")
    for periode in (f"{exercice - 1}-{right.months()[0]}", f"{exercice}-{right.months()[0]}-", None):
        yield "INF-DRT-06", moved(contract, number, periode=periode)


def moved(contract: Contract, number: int, **dimension: str | int | None) -> Document:
    call = allowed_call(contract, number)
    call["rights"]["perimeters"][0] |= dimension
    return call


@pytest.mark.parametrize("name", NAMES)
def test_one_step_outside_a_right_is_refused_with_its_code(opa: OpaServer, contracts: dict[str, Contract], name: str) -> None:
    contract = contracts[f"{name}.yaml"]
    for number in range(len(contract.droits)):
        assert opa.decide(allowed_call(contract, number))["allow"] is True
        seen = set()
        for code, call in outside(contract, number):
            decision = opa.decide(call)
            assert [r["code"] for r in decision["reasons"]] == [code], call["rights"]
            assert decision["allow"] is False
            assert decision["quota"] is not None, "AMB-3: a known consumer's refused call is charged"
            seen.add(code)
        assert seen == {f"INF-DRT-0{n}" for n in range(1, 7)}


@pytest.mark.parametrize("size", [1, 100, 1000])
def test_one_bad_perimeter_in_a_lot_refuses_the_lot(opa: OpaServer, contracts: dict[str, Contract], size: int) -> None:
    """4-c: no partial acceptance; 1,000 is the most that a question may hold."""
    call = allowed_call(contracts["production/charge.yaml"])
    good = call["rights"]["perimeters"][0]
    call["rights"]["entries"] = size
    call["rights"]["perimeters"] = [good] * size
    assert opa.decide(call)["allow"] is True
    call["rights"]["perimeters"] = [*[good] * (size - 1), good | {"budget": "BA/99"}]
    assert codes(opa.decide(call), "rights") == ["INF-DRT-04"]


def test_more_perimeters_than_agreed_are_refused(opa: OpaServer, contracts: dict[str, Contract]) -> None:
    call = allowed_call(contracts["production/charge.yaml"])
    call["rights"]["perimeters"] *= 1001
    assert opa.decide(call)["allow"] is False


def test_every_dimension_that_fails_is_told(opa: OpaServer, contracts: dict[str, Contract]) -> None:
    call = allowed_call(contracts["production/charge.yaml"])
    good = call["rights"]["perimeters"][0]
    call["rights"]["perimeters"] = [good, good | {"siret": "73282932000074"}, good | {"exercice": 2024, "periode": "2024-03"}]
    call["identity"]["scopes"] = []
    assert codes(opa.decide(call), "rights") == ["900910", "INF-DRT-03", "INF-DRT-05"]


def test_a_scope_that_the_contract_took_back_is_not_used_any_more(opa: OpaServer, contracts: dict[str, Contract]) -> None:
    call = allowed_call(contracts["production/musee.yaml"])
    call["call"]["scope"] = "infinoe_comptable_ecriture"
    call["identity"]["scopes"] = ["infinoe_comptable_ecriture"]
    assert codes(opa.decide(call), "rights") == ["900910"]


def test_a_right_is_for_one_api(opa: OpaServer, contracts: dict[str, Contract]) -> None:
    call = allowed_call(contracts["production/anfm.yaml"])
    call["call"]["api"] = "another"
    assert codes(opa.decide(call), "rights") == ["INF-DRT-01"]


@pytest.mark.parametrize(("failure", "code"), [
    ("body_missing", "4000"), ("body_unreadable", "4000"), ("siret_invalid", "4001"), ("budget_invalid", "4002"),
    ("exercice_invalid", "4003"), ("periode_invalid", "4004"), ("flux_mismatch", "4005"), ("too_many_entries", "4006"),
    ("too_many_perimeters", "4006"), ("something_new", "4000")])
def test_a_body_that_could_not_be_read(opa: OpaServer, contracts: dict[str, Contract], failure: str, code: str) -> None:
    call = allowed_call(contracts["production/anfm.yaml"])
    call["rights"] |= {"established": False, "failure": failure, "entries": 0, "perimeters": []}
    reasons = [r for r in opa.decide(call)["reasons"] if r["code"] != "900910"]
    assert reasons == [{"code": code, "control": "rights", "clause": "5.3-a"}]
