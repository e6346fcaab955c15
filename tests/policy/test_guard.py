"""The guard: every allowed call, with one fact taken away or bent, is refused. Facts are found by walking the call itself,
so that a new fact is guarded from its first day; absence is how Rego opens gates.
"""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from gateway_addons.core.contract.model import Contract
from tests.policy.conftest import USABLE, Asked, allowed_call

NO_CONTROL = {
    ("schema",): "the document's own version", ("call", "request_id"): "a name for the record", ("call", "correlation_id"): "the caller's word",
    ("call", "api"): "a name for the record", ("call", "method"): "told by route and operation", ("call", "path"): "told by the route",
    ("call", "route"): "a name for the record", ("certificate", "spki_sha256"): "no contract binds by public key yet",
    ("certificate", "serial"): "for the record; revocation was looked up by the gateway", ("certificate", "siret"): "the SIREN is compared",
    ("address", "peer"): "for the record; `source` is compared", ("identity", "issued_at"): "for the record; the expiry is compared",
    ("rights", "entries"): "for the record; perimeters are compared",
}
"""Leaves that no control depends on, each with its reason; anything not listed here must refuse when it is gone."""

OWNERS = {"certificate": "certificate", "address": "address", "identifier": "identifier", "identity": "identity", "rights": "rights"}


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of the document below the root: objects, lists and leaves."""
    items: Any = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def without(document: Any, path: tuple[Any, ...]) -> Any:
    bent = copy.deepcopy(document)
    del at(bent, path[:-1])[path[-1]]
    return bent


def with_value(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    bent = copy.deepcopy(document)
    at(bent, path[:-1])[path[-1]] = value
    return bent


def wrong_values(value: Any) -> list[Any]:
    """Values of another type or meaning than this one."""
    wrong: list[Any] = [None, [], {}, "", "x", 0, -1, True, False, [None], {"a": 1}]
    return [w for w in wrong if w != value or type(w) is not type(value)]


def refused(opa: Asked, document: Any) -> dict[str, Any]:
    decision: dict[str, Any] = opa.decide(document)
    assert decision["allow"] is False
    assert decision["reasons"]
    assert decision["assertion"] is None
    return decision


@pytest.mark.parametrize("who", USABLE, ids="-".join)
def test_the_call_is_allowed_to_begin_with(opa: Asked, contracts: dict[tuple[str, str], Contract], who: tuple[str, str]) -> None:
    for number in range(len(contracts[who].droits)):
        decision = opa.decide(allowed_call(contracts[who], number))
        assert (decision["allow"], decision["reasons"], decision["revision"]) == (True, [], opa.revision)


@pytest.mark.parametrize("who", USABLE, ids="-".join)
def test_a_fact_taken_away_refuses(opa: Asked, contracts: dict[tuple[str, str], Contract], who: tuple[str, str]) -> None:
    broken = 0
    for number in range(len(contracts[who].droits)):
        call = allowed_call(contracts[who], number)
        for path in places(call):
            if path in NO_CONTROL:
                continue
            if at(call, path) is None and path[:1] == ("rights",) and path[-1] in {"budget", "periode"}:
                continue  # a référentiel has neither; their absence is told by null, tested below by value
            refused(opa, without(call, path))
            broken += 1
    assert broken >= 30


@pytest.mark.parametrize("who", USABLE, ids="-".join)
def test_a_fact_bent_refuses_by_its_own_control(opa: Asked, contracts: dict[tuple[str, str], Contract], who: tuple[str, str]) -> None:
    call = allowed_call(contracts[who])
    for path in places(call):
        value = at(call, path)
        if path in NO_CONTROL or isinstance(value, dict | list):
            continue
        for wrong in wrong_values(value):
            decision = refused(opa, with_value(call, path, wrong))
            owner = "rights" if path[:2] == ("identity", "scopes") else OWNERS.get(path[0])
            if owner and path not in {("certificate", "sha256"), ("certificate", "siren"), ("identity", "client_id")}:
                assert owner in {r["control"] for r in decision["reasons"]}, (path, wrong)


def test_subtrees_of_the_wrong_kind_refuse(opa: Asked, contracts: dict[tuple[str, str], Contract]) -> None:
    call = allowed_call(contracts["production", "anfm"])
    for path in places(call):
        if isinstance(at(call, path), dict | list):
            wrong_kinds: tuple[Any, ...] = (None, [], {}, "x", 1, True)
            for wrong in wrong_kinds:
                refused(opa, with_value(call, path, wrong))
    documents: tuple[Any, ...] = (None, [], {}, "x", 1, True)
    for document in documents:
        assert (opa.decide(document) or {"allow": False})["allow"] is False


STEPS: list[tuple[str, Any, str]] = [
    ("operation", "effacer", "INF-DRT-02"), ("siret", "73282932000074", "INF-DRT-03"), ("budget", "BA/99", "INF-DRT-04"),
    ("exercice", 2024, "INF-DRT-05"), ("exercice", 2031, "INF-DRT-05"),
]


@pytest.mark.parametrize("who", USABLE, ids="-".join)
def test_one_step_outside_each_right_in_each_dimension(opa: Asked, contracts: dict[tuple[str, str], Contract], who: tuple[str, str]) -> None:
    for number, right in enumerate(contracts[who].droits):
        call = allowed_call(contracts[who], number)
        for dimension, value, code in STEPS:
            bent = with_value(call, ("rights", "perimeters", 0, dimension), value)
            if dimension == "operation":
                bent["call"]["operation"] = value
            assert [r["code"] for r in refused(opa, bent)["reasons"]] == [code], (right.flux, dimension)
        if right.flux != "referentiel":
            year = call["rights"]["perimeters"][0]["exercice"]
            outside = [f"{year}-14", f"{year}-00", f"{year - 1}-{right.months()[0]}", f"{year}"]
            outside += [f"{year}-{n:02}" for n in range(1, 14) if f"{n:02}" not in right.months()]
            for periode in outside:
                bent = with_value(call, ("rights", "perimeters", 0, "periode"), periode)
                assert [r["code"] for r in refused(opa, bent)["reasons"]] == ["INF-DRT-06"], periode


def test_every_right_of_every_other_contract_is_refused(opa: Asked, contracts: dict[tuple[str, str], Contract]) -> None:
    """Cross pairs: nobody uses another's right, nor any identity of another."""
    checked = 0
    for mine in USABLE:
        for other in USABLE:
            if mine == other:
                continue
            call, foreign = allowed_call(contracts[mine]), allowed_call(contracts[other])
            for part in ("certificate", "identifier", "identity"):
                refused(opa, call | {part: foreign[part]})
                checked += 1
            if mine[1] != other[1]:
                refused(opa, call | {"rights": foreign["rights"], "call": foreign["call"]})
    assert checked >= 100


@pytest.mark.parametrize(("name", "code"), [("suspendu", "INF-SUSP-01"), ("brouillon", "INF-SUSP-04")])
def test_contracts_that_are_not_usable(opa: Asked, contracts: dict[tuple[str, str], Contract], name: str, code: str) -> None:
    assert [r["code"] for r in refused(opa, allowed_call(contracts["production", name]))["reasons"]] == [code]


def test_a_mapped_or_written_otherwise_address_is_no_way_around(opa: Asked, contracts: dict[tuple[str, str], Contract]) -> None:
    call = allowed_call(contracts["production", "anfm"])
    for source in ("127.0.0.2", "::ffff:127.0.0.2", "127.1", "0x7f000001", "127.0.0.1/8", "127.0.0.1/32", "0.0.0.0/0", "::1", "127.0.0.1 ", "127.0.0.01"):
        decision = refused(opa, with_value(call, ("address", "source"), source))
        assert [r["code"] for r in decision["reasons"]] == ["900805"], source
