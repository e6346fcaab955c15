"""Sandbox and production differ by configuration alone: one contract's data, moved to the other environment, by one word."""

from typing import Any

from gateway_addons.core.contract.compile import compile_contracts
from gateway_addons.core.contract.gates import missing_conditions
from gateway_addons.core.contract.model import Contract
from tests.policy.variants import changed

PRODUCTION_ONLY: dict[str, Any] = {
    "recette_fonctionnelle": None, "cadre_juridique.derogation_secret": None, "cadre_juridique.instruction.eligibilite": None,
    "cadre_juridique.instruction.analyse_juridique": None, "rgpd.formalites_accomplies.coche": False, "securite.voie": None,
    "contacts.delegue_protection_donnees": None, "demarche.teleservice": None, "convention.souscription_production_le": None}
MOVED: dict[str, Any] = {"convention.environnement": "bac_a_sable", "volumetrie.appels_par_minute": None}


def compiled(change: dict[str, Any]) -> dict[str, Any]:
    contract = Contract.model_validate(changed("x", change))
    room: dict[str, Any] = compile_contracts([("x.yaml", contract)])[contract.environment]
    return room


def test_what_policy_is_given_differs_in_quota_evidence_and_opening_alone() -> None:
    late = {"rgpd.formalites_accomplies.le": "2026-11-20"}
    production, sandbox = compiled({"volumetrie.appels_par_minute": None} | late), compiled(MOVED | late | {
        "datapass.form_uid": "api-infinoe-envoi-automatise-ecritures-sandbox"})
    one, other = production["by_id"]["CONV-x"], sandbox["by_id"]["CONV-x"]
    assert {name for name in one if one[name] != other[name]} == {"quota", "security", "opens"}
    assert (one["quota"]["limit"], other["quota"]["limit"]) == (200, 50)
    assert (one["security"]["way"], other["security"]["way"]) == ("homologation", "sandbox")
    assert one["opens"] == "2026-11-19T23:00:00.000000Z"
    assert other["opens"] < one["opens"], "the sandbox opens without the decisions that production stands on"
    assert {index: found for index, found in production.items() if index != "by_id"} == {
        index: found for index, found in sandbox.items() if index != "by_id"}


def test_the_gates_of_production_are_none_of_the_sandbox() -> None:
    form = {"datapass.form_uid": "api-infinoe-envoi-automatise-ecritures-sandbox"}
    assert missing_conditions(Contract.model_validate(changed("x", PRODUCTION_ONLY | MOVED | form))) == ()
    missing = {m.clause for m in missing_conditions(Contract.model_validate(changed("x", PRODUCTION_ONLY)))}
    assert {"3.1.1-a", "3.1.1-d", "3.1.2-a", "3.1.2-c", "3.1.2-d", "3.2-a", "3.4-a", "9.1.3", "11-d"} == missing


def test_the_gates_of_both_are_the_sandbox_s_too() -> None:
    change = MOVED | {"datapass.etat": "submitted", "cgu.acceptee_le": None, "services_destinataires": []}
    missing = [m.clause for m in missing_conditions(Contract.model_validate(changed("x", change)))]
    assert missing == ["1-a", "1-a", "1-a", "3.1.1-h"], "DataPass, terms, the form of the other environment, a recipient"
