"""The question asked before an access token is issued."""

from typing import Any

import pytest

from gateway_addons.core.contract.model import Contract
from tests.policy.calls import allowed_token
from tests.policy.opa_server import OpaServer

MINE = ["infinoe_budgetaire_ecriture", "infinoe_comptable_ecriture", "infinoe_financiere_ecriture",
        "infinoe_referentiel_ecriture"]


@pytest.mark.parametrize(("asked", "granted"), [
    ([], MINE), (MINE[:1], MINE[:1]), ([MINE[2], MINE[0]], [MINE[0], MINE[2]]), ([MINE[0], MINE[0]], MINE[:1])])
def test_scopes_granted(opa: OpaServer, contracts: dict[str, Contract], asked: list[str], granted: list[str]) -> None:
    question = allowed_token(contracts["production/anfm.yaml"])
    question["client"]["requested_scopes"] = asked
    answer = opa.decide_token(question)
    assert (answer["allow"], answer["scopes"], answer["reasons"]) == (True, granted, [])


@pytest.mark.parametrize(("change", "codes"), [
    ({"client": {"authenticated": False, "failure": "secret"}}, ["INF-CLI-01"]),
    ({"client": {"client_id": "ecole-infinoe-prod"}}, ["INF-CLI-01"]),
    ({"client": {"client_id": "anfm-infinoe-bas"}}, ["INF-CLI-01"]),
    ({"client": {"client_id": "stranger"}}, ["INF-CLI-01"]),
    ({"certificate": {"siren": "732829320", "siret": None}}, ["INF-CLI-01"]),
    ({"client": {"requested_scopes": [MINE[0], "infinoe_autre"]}}, ["INF-CLI-02"]),
    ({"certificate": {"verified": False, "failure": "revoked", "revocation": "revoked"}}, ["INF-CERT-03"]),
    ({"address": {"source": "192.0.2.1"}}, ["900805"]),
], ids=str)
def test_a_token_is_refused(
        opa: OpaServer, contracts: dict[str, Contract], change: dict[str, Any], codes: list[str]) -> None:
    question = allowed_token(contracts["production/anfm.yaml"])
    for room, facts in change.items():
        question[room] |= facts
    answer = opa.decide_token(question)
    assert (answer["allow"], answer["scopes"], [r["code"] for r in answer["reasons"]]) == (False, [], codes)


@pytest.mark.parametrize(("name", "code"), [("suspendu", "INF-SUSP-01"), ("brouillon", "INF-SUSP-04")])
def test_no_token_for_a_contract_that_is_not_usable(
        opa: OpaServer, contracts: dict[str, Contract], name: str, code: str) -> None:
    """1-a: any condition missing, no credential is issued."""
    answer = opa.decide_token(allowed_token(contracts[f"production/{name}.yaml"]))
    assert [r["code"] for r in answer["reasons"]] == [code]
