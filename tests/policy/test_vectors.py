"""The reference vectors of the terms of use, on verdicts: the day that Python computes is the day on which Rego turns."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway_addons.adapters.policy.contract_files import load_contracts
from gateway_addons.core.contract.calendar import midnight_in_paris
from gateway_addons.core.contract.model import Contract
from gateway_addons.core.contract.readings import EnvironmentReadings, Readings
from gateway_addons.core.contract.state import state_at
from tests.contract.vectors import TABLE
from tests.policy.calls import allowed_call
from tests.policy.opa_server import OpaServer, served
from tests.policy.variants import QUESTIONNAIRE, Change, attested, notice, write_variants

READINGS = {"suspension_homologation": "echeance", "questionnaire_expire": "suspendre", "nouvelle_cgu": "informer",
            "delai_sous_traitance_jours": 30, "cgu_connues": [{"document": "cgu", "publiee_le": "2023-10-06", "sha256": "0" * 64}],
            "api_bloquee": False}
NIGHTS = [slot for slot in TABLE["maintenance_slots"] if slot["good"]]
ONE_A_NIGHT = [NIGHTS[0], NIGHTS[2], NIGHTS[3]]


def variants() -> dict[str, Change]:
    found: dict[str, Change] = {"untouched": {}}
    for row in TABLE["renewal_due"]:
        found[f"renewal-{row['end']}"] = attested(str(row["end"]))
    for row in TABLE["questionnaire_due"]:
        answers = QUESTIONNAIRE["securite.questionnaire"] | {"retourne_le": str(row["returned"])}
        found[f"questionnaire-{row['returned']}"] = QUESTIONNAIRE | {"securite.questionnaire": answers}
    for row in TABLE["termination_effective"]:
        found[f"notice-{row['notified']}"] = notice(str(row["notified"]))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vectors") / "contracts"
    write_variants(folder, variants())
    return folder


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Contract]:
    return {name.removeprefix("production/").removesuffix(".yaml"): contract for name, contract in load_contracts(folder)}


@pytest.fixture(scope="module")
def readings() -> EnvironmentReadings:
    slots = [{"du": slot["from"].isoformat(), "au": slot["to"].isoformat()} for slot in ONE_A_NIGHT]
    return Readings.model_validate({"version_schema": 1, "production": READINGS | {"maintenances": slots},
                                    "bac_a_sable": READINGS | {"maintenances": []}}).production


@pytest.fixture(scope="module")
def vector_opa(found: dict[str, Contract], readings: EnvironmentReadings) -> Iterator[OpaServer]:
    with served(found.items(), readings) as server:
        yield server


def decide(opa: OpaServer, contract: Contract, now: datetime) -> dict[str, Any]:
    call = allowed_call(contract, now=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    call["certificate"] |= {"not_before": "2020-01-01T00:00:00Z", "not_after": "2040-01-01T00:00:00Z"}
    call["identity"] |= {"issued_at": "2020-01-01T00:00:00Z"}
    return opa.decide(call)


def turns(opa: OpaServer, contract: Contract, readings: EnvironmentReadings, first_refused: date, code: str, word: str) -> None:
    """Allowed to the last second before that day in Paris, refused from its first; Python's word is Rego's."""
    midnight = midnight_in_paris(first_refused)
    before, after = decide(opa, contract, midnight - timedelta(microseconds=1)), decide(opa, contract, midnight)
    assert before["allow"] is True
    assert (after["allow"], [r["code"] for r in after["reasons"]]) == (False, [code])
    assert after["state"] == state_at(contract, readings, midnight) == word
    assert before["state"] == state_at(contract, readings, midnight - timedelta(microseconds=1)) != word


@pytest.mark.parametrize("row", TABLE["renewal_due"], ids=lambda row: str(row["end"]))
def test_renewal_due(vector_opa: OpaServer, found: dict[str, Contract], readings: EnvironmentReadings, row: dict[str, Any]) -> None:
    contract = found[f"renewal-{row['end']}"]
    turns(vector_opa, contract, readings, row["due"] + timedelta(days=1), "INF-SUSP-01", "suspendue_homologation")


@pytest.mark.parametrize("row", TABLE["questionnaire_due"], ids=lambda row: str(row["returned"]))
def test_questionnaire_due(
        vector_opa: OpaServer, found: dict[str, Contract], readings: EnvironmentReadings, row: dict[str, Any]) -> None:
    contract = found[f"questionnaire-{row['returned']}"]
    turns(vector_opa, contract, readings, row["due"] + timedelta(days=1), "INF-SUSP-01", "suspendue_questionnaire")


@pytest.mark.parametrize("row", TABLE["termination_effective"], ids=lambda row: str(row["notified"]))
def test_termination_effective(
        vector_opa: OpaServer, found: dict[str, Contract], readings: EnvironmentReadings, row: dict[str, Any]) -> None:
    turns(vector_opa, found[f"notice-{row['notified']}"], readings, row["effective"], "INF-SUSP-03", "terminee")


@pytest.mark.parametrize("slot", ONE_A_NIGHT, ids=lambda slot: str(slot["from"]))
def test_maintenance_slots(vector_opa: OpaServer, found: dict[str, Contract], slot: dict[str, Any]) -> None:
    contract, second = found["untouched"], timedelta(seconds=1)
    for now, codes in ((slot["from"] - second, []), (slot["from"], ["INF-MNT-01"]), (slot["to"] - second, ["INF-MNT-01"]),
                       (slot["to"], [])):
        decision = decide(vector_opa, contract, now)
        assert [r["code"] for r in decision["reasons"] if r["code"] == "INF-MNT-01"] == codes
        told = decision["retry_at"]
        assert (told and datetime.fromisoformat(told)) == (slot["to"] if codes else None)
