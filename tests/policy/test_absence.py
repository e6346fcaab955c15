"""Absence opens gates in Rego: every leaf and subtree of an allowed call is taken away, nulled and mistyped; none may pass."""

from collections.abc import Iterator
from typing import Any

import pytest

from gateway_addons.core.contract.model import Contract
from gateway_addons.core.decision import Decision, TokenDecision, read_decision
from gateway_addons.core.guard.breaks import EXEMPT, EXEMPT_HEALTH, other_types
from gateway_addons.core.guard.question import place_of
from tests.policy.calls import Document, Path, allowed_call, allowed_token, at, health_call, paths, with_value, without
from tests.policy.opa_server import OpaServer

NAMES = ("production/anfm", "production/charge", "production/ecole", "production/musee",
         "sandbox/anfm", "sandbox/charge", "sandbox/ecole", "sandbox/musee")

NO_CONTROL = {(place_of(place), how): why for (place, how), why in EXEMPT.items()}
"""(place, break) that may still be allowed, and why: the guard's own list."""

NO_CONTROL_OF_HEALTH = {(place_of(place), how): why for (place, how), why in EXEMPT_HEALTH.items()}


def broken(document: Document) -> Iterator[tuple[Path, str, Document]]:
    for path in paths(document):
        yield path, "absent", without(document, path)
        for name, value in other_types(at(document, path)):
            yield path, name, with_value(document, path, value)


@pytest.mark.parametrize("name", NAMES)
def test_a_call_with_any_fact_missing_or_mistyped_is_refused(opa: OpaServer, contracts: dict[str, Contract], name: str) -> None:
    contract = contracts[f"{name}.yaml"]
    for line in range(len(contract.droits)):
        document = allowed_call(contract, line)
        assert opa.decide(document)["allow"] is True
        passed = [(path, how) for path, how, changed in broken(document) if not _refused(opa, changed)]
        assert {p for p in passed if p not in NO_CONTROL} == set()
        assert set(NO_CONTROL) <= set(passed), "an exemption that is not needed hides nothing: remove it"


def test_the_call_that_needs_no_right_is_held_to_all_other_controls(opa: OpaServer, contracts: dict[str, Contract]) -> None:
    document = health_call(contracts["production/anfm.yaml"])
    assert opa.decide(document)["allow"] is True
    passed = {(path, how) for path, how, changed in broken(document) if not _refused(opa, changed)}
    assert passed == set(NO_CONTROL_OF_HEALTH)


@pytest.mark.parametrize("name", NAMES)
def test_a_token_is_refused_with_any_fact_missing_or_mistyped(opa: OpaServer, contracts: dict[str, Contract], name: str) -> None:
    contract = contracts[f"{name}.yaml"]
    document = allowed_token(contract)
    document["client"]["requested_scopes"] = [contract.acces.clients_oauth2[0].scopes[0]]
    assert opa.decide_token(document)["allow"] is True
    passed = {(path, how) for path, how, changed in broken(document) if not _token_refused(opa, changed)}
    asked_for_less = {(("client", "requested_scopes", 0), "absent")}
    assert passed == set(NO_CONTROL) | asked_for_less, "no scope asked for is all of the client's (RFC 6749 3.3)"


@pytest.mark.parametrize("extra", [("unknown",), ("certificate", "unknown"), ("call", "unknown"), ("rights", "unknown")])
def test_a_key_that_policy_does_not_know_changes_nothing(
        opa: OpaServer, contracts: dict[str, Contract], extra: Path) -> None:
    document = allowed_call(contracts["production/anfm.yaml"])
    assert opa.decide(with_value(document, extra, "x")) == opa.decide(document)


@pytest.mark.parametrize("document", [None, {}, [], "x", 7, {"schema": 2}], ids=repr)
def test_an_input_that_is_no_call_is_refused(opa: OpaServer, document: Any) -> None:
    assert _refused(opa, document)
    assert _token_refused(opa, document)


def _refused(opa: OpaServer, document: Any) -> bool:
    """Refused, by a decision that the gateway can read: whole, coherent, with reasons of the catalogue."""
    return not read_decision(Decision, opa.decide(document)).allow


def _token_refused(opa: OpaServer, document: Any) -> bool:
    return not read_decision(TokenDecision, opa.decide_token(document)).allow
