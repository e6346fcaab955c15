"""Recorded calls decided again by a real OPA: the same policies change nothing, others change what they must; so too where
the records hold pseudonyms.
"""

import asyncio
import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from gateway_addons.__main__ import app
from gateway_addons.adapters.journal.journal_writer import JournalWriter
from gateway_addons.adapters.journal.key_files import masking_of, write_new_pseudonym_key
from gateway_addons.adapters.journal.replaying import replay
from gateway_addons.adapters.policy.bundle import Content, Sources, build_bundle, read_sources
from gateway_addons.adapters.policy.contract_files import load_contracts
from gateway_addons.adapters.policy.guard_opa import GuardOpa
from gateway_addons.core.journal.masking import NOTHING_MASKED, Masking
from gateway_addons.core.journal.replay import MASKED, NOT_DECIDED, NOT_KEPT, OTHER_KEY, FlipKey
from gateway_addons.settings.journal import PersonalData
from tests.journal.settings import journal_settings
from tests.policy.calls import allowed_call, allowed_token
from tests.support.settings_file import write_settings

ROOT = Path(__file__).resolve().parents[2]
OPA = ROOT / ".tools/bin/opa"
CALLING = ("anfm.yaml", "charge.yaml", "ecole.yaml", "musee.yaml")


def sources(rego: Path = ROOT / "policies", contracts: Path = ROOT / "config/contracts") -> Sources:
    return Sources(OPA, rego, contracts, ROOT / "config/readings.yaml")


def questions() -> list[dict[str, Any]]:
    """Of every consumer: a call that is allowed, one from elsewhere, one of another client, one for another organisme."""
    asked: list[dict[str, Any]] = []
    for name, contract in load_contracts(ROOT / "config/contracts"):
        if Path(name).name not in CALLING:
            continue
        good = allowed_call(contract)
        elsewhere, stranger, other = copy.deepcopy(good), copy.deepcopy(good), copy.deepcopy(good)
        elsewhere["address"] |= {"source": "203.0.113.99", "peer": "203.0.113.99"}
        stranger["identity"]["client_id"] = "somebody-else"
        for perimeter in other["rights"]["perimeters"]:
            perimeter["siret"] = "99999999999999"
        asked += [good, elsewhere, stranger, other]
    return asked


def decided(content: Content) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    asked = questions()
    with GuardOpa(OPA, content) as opa:
        answers = opa.ask("decision", asked).result()
    assert all(answers)
    assert {a["allow"] for a in answers if a} == {True, False}
    return [(question, answer) for question, answer in zip(asked, answers, strict=True) if answer]


def record(n: int, question: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return {"requestId": f"r-{n}", "horodatage": question["now"], "convention": answer["contract"], "autorise": answer["allow"], "ip": question["address"]["source"],
            "acteur": {"type": "robot", "client_id": question["identity"]["client_id"]}, "motifs": [{"code": r["code"]} for r in answer["reasons"]],
            "entree": question}


async def write(folder: Path, records: list[dict[str, Any]]) -> None:
    journal = JournalWriter(journal_settings(folder), "worker-0")
    journal.open()
    for one in records:
        if one["autorise"]:
            await journal.announce(one)
        await journal.conclude(one | {"statut": 201})
    journal.close()


@pytest.fixture(scope="module")
def current() -> Content:
    return read_sources(sources())


@pytest.fixture(scope="module")
def records(current: Content) -> list[dict[str, Any]]:
    return [record(n, *pair) for n, pair in enumerate(decided(current))]


def pseudonyms(folder: Path) -> Masking:
    write_new_pseudonym_key(folder / "pseudonyms.key")
    return masking_of(PersonalData(ip="pseudonym", client_id="pseudonym", subject="pseudonym", key_file=folder / "pseudonyms.key"))


@pytest.mark.parametrize("hidden", [False, True])
def test_the_same_policies_decide_the_same(tmp_path: Path, current: Content, records: list[dict[str, Any]], hidden: bool) -> None:
    masking = pseudonyms(tmp_path) if hidden else NOTHING_MASKED
    asyncio.run(write(tmp_path / "journal", [masking.record(r) for r in records]))
    told: list[int] = []
    result = replay(tmp_path / "journal", current, OPA, None, None, masking, told.append)
    assert (result.asked, result.unchanged, result.flips, result.skipped) == (len(records), len(records), {}, {})
    assert sum(told) == len(records)
    if hidden:
        text = next((tmp_path / "journal" / "worker-0").glob("*.jsonl")).read_text()
        assert not any(str(r["ip"]) in text or r["acteur"]["client_id"] in text for r in records)


@pytest.mark.parametrize("hidden", [False, True])
def test_what_flips_is_listed_by_consumer_and_reason(tmp_path: Path, current: Content, records: list[dict[str, Any]], hidden: bool) -> None:
    masking = pseudonyms(tmp_path) if hidden else NOTHING_MASKED
    asyncio.run(write(tmp_path / "journal", [masking.record(r) for r in records]))
    data = copy.deepcopy(dict(current.data))
    anfm = next(c for c in data["contracts"]["production"]["by_id"].values() if "ANFM" in c["organisation"].upper() or "anfm" in str(c["clients"]))
    own = anfm["id"]
    anfm["addresses"] = ["203.0.113.0/24"]  # it moves to the network that was refused
    result = replay(tmp_path / "journal", Content(data, current.modules), OPA, None, None, masking)
    assert result.flips[FlipKey("allow_to_deny", own, (), ("900805",))] >= 1
    assert result.flips[FlipKey("deny_to_allow", own, ("900805",), ())] >= 1
    assert {key.contract for key in result.flips if key.direction != "other_reason"} == {own}
    assert all(example.startswith("r-") for names in result.examples.values() for example in names)


def test_a_policy_that_lets_everything_through_is_seen(tmp_path: Path, current: Content, records: list[dict[str, Any]]) -> None:
    asyncio.run(write(tmp_path / "journal", records))
    name = "poterne/address/address.rego"
    loose = current.modules[name].decode().replace('default verdict := "fail"', 'default verdict := "pass"')
    assert loose != current.modules[name].decode()
    result = replay(tmp_path / "journal", Content(current.data, {**current.modules, name: loose.encode()}), OPA, None, None, NOTHING_MASKED)
    refused_for_address = [r for r in records if [m["code"] for m in r["motifs"]] == ["900805"]]
    assert result.counted("deny_to_allow") == len(refused_for_address) > 0
    assert result.counted("allow_to_deny") == 0


def test_what_cannot_be_asked_again_is_counted_by_why(tmp_path: Path, current: Content, records: list[dict[str, Any]]) -> None:
    masked = Masking(ip="mask")
    bent = [records[0], masked.record(records[1]), records[2] | {"entree": None}, records[3] | {"autorise": None}]
    asyncio.run(write(tmp_path / "journal", bent))
    for now in (NOTHING_MASKED, masked):  # what is masked is gone; what was told in the clear is asked, whatever is told now
        result = replay(tmp_path / "journal", current, OPA, None, None, now)
        assert result.asked == result.unchanged == 1
        assert result.skipped == {MASKED: 1, NOT_KEPT: 1, NOT_DECIDED: 1}


def test_records_from_before_there_were_pseudonyms_and_of_another_key(
        tmp_path: Path, current: Content, records: list[dict[str, Any]]) -> None:
    (tmp_path / "old").mkdir()
    old, masking = pseudonyms(tmp_path / "old"), pseudonyms(tmp_path)
    half = len(records) // 2
    told = [*records[:half], *map(masking.record, records[half:]), old.record(records[0] | {"requestId": "of-another-key"})]
    asyncio.run(write(tmp_path / "journal", told))
    result = replay(tmp_path / "journal", current, OPA, None, None, masking)
    assert (result.asked, result.unchanged, result.flips, result.skipped) == (len(records), len(records), {}, {OTHER_KEY: 1})


SWITCHES = (("ip", "{source}/32"), ("ip", "203.0.113.0/24"), ("client", "{client}"), ("client", "somebody-else"), ("all", None))


@pytest.mark.parametrize("hidden", [False, True])
def test_switches_in_force_then_are_in_force_again(tmp_path: Path, current: Content, hidden: bool) -> None:
    """Also where addresses and clients are pseudonyms: whom a switch names is told as the caller is."""
    asked = []
    for good in questions()[::4]:
        for n, (target, named) in enumerate(SWITCHES):
            value = named and named.format(source=good["address"]["source"], client=good["identity"]["client_id"])
            asked.append(good | {"switches": [{"id": f"SW-{n}", "kind": "cut", "environment": None, "limit": None, "operations": None,
                                               "flux": None, "target": target, "value": value}]})
    with GuardOpa(OPA, current) as opa:
        answers = [a for a in opa.ask("decision", asked).result() if a]
    assert [a["allow"] for a in answers] == [False, True, False, True, False] * (len(asked) // len(SWITCHES))
    records = [record(n, *pair) for n, pair in enumerate(zip(asked, answers, strict=True))]
    masking = pseudonyms(tmp_path) if hidden else NOTHING_MASKED
    told = [masking.record(r) for r in records]
    asyncio.run(write(tmp_path / "journal", told))
    result = replay(tmp_path / "journal", current, OPA, None, None, masking)
    assert (result.asked, result.unchanged, result.flips, result.skipped) == (len(asked), len(asked), {}, {})
    if hidden:
        text = json.dumps(told)
        assert not any(q["address"]["source"] in text or q["identity"]["client_id"] in text for q in asked)
        assert "somebody-else" not in text


@pytest.mark.parametrize("hidden", [False, True])
def test_tokens_are_decided_again(tmp_path: Path, current: Content, hidden: bool) -> None:
    asked = []
    for name, contract in load_contracts(ROOT / "config/contracts"):
        if Path(name).name not in CALLING:
            continue
        token = allowed_token(contract)
        client = token["client"]
        asked += [token, token | {"client": client | {"authenticated": False, "failure": "bad_secret"}},
                  token | {"address": token["address"] | {"source": "203.0.113.99"}}]
    with GuardOpa(OPA, current) as opa:
        answers = [a for a in opa.ask("token", asked).result() if a]
    assert {a["allow"] for a in answers} == {True, False}
    records = [record(n, q | {"identity": q["client"]}, a) | {"entree": q} for n, (q, a) in enumerate(zip(asked, answers, strict=True))]
    masking = pseudonyms(tmp_path) if hidden else NOTHING_MASKED
    asyncio.run(write(tmp_path / "journal", [masking.record(r) for r in records]))
    result = replay(tmp_path / "journal", current, OPA, None, None, masking)
    assert (result.asked, result.unchanged, result.flips, result.skipped) == (len(asked), len(asked), {}, {})
    data = copy.deepcopy(dict(current.data))
    for room in data["contracts"].values():
        for one in room["by_id"].values():
            one["addresses"] = ["198.51.100.0/24"]
    moved = replay(tmp_path / "journal", Content(data, current.modules), OPA, None, None, masking)
    assert moved.counted("allow_to_deny") == sum(a["allow"] for a in answers) > 0


def test_a_candidate_without_an_answer_refuses(tmp_path: Path, current: Content, records: list[dict[str, Any]]) -> None:
    asyncio.run(write(tmp_path / "journal", records))
    name = "poterne/decision/decision.rego"
    broken = current.modules[name].decode().replace("package poterne\n", "package elsewhere\n", 1).encode()
    result = replay(tmp_path / "journal", Content(current.data, {**current.modules, name: broken}), OPA, None, None, NOTHING_MASKED)
    assert result.undecided == len(records)
    assert result.counted("allow_to_deny") == sum(r["autorise"] for r in records)


def test_by_command(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    asyncio.run(write(tmp_path / "journal", records))
    example = yaml.safe_load((ROOT / "config/gateway.yaml").read_text())["policy"]
    own = {"opa_file": str(OPA), "rego_folder": str(ROOT / "policies"), "contracts_folder": str(ROOT / "config/contracts"),
           "readings_file": str(ROOT / "config/readings.yaml"), "schemas_folder": str(ROOT / "config/schemas")}
    if "exceptions_file" in example:
        own["exceptions_file"] = str(ROOT / "config/exceptions.yaml")
    config = write_settings(tmp_path, policy=example | own)
    contracts = tmp_path / "contracts"
    shutil.copytree(ROOT / "config/contracts", contracts)
    for file in contracts.rglob("musee.yaml"):
        file.unlink()
    build_bundle(sources(), tmp_path / "bundle.tar.gz")

    def run(*words: str) -> Any:
        return CliRunner().invoke(app, ["journal", "replay", "--config", str(config), *words])

    for candidate in (str(ROOT / "policies"), str(tmp_path / "bundle.tar.gz")):
        same = run("--policy", candidate, "--json", "--fail-on-flip")
        assert same.exit_code == 0, same.output
        assert json.loads(same.output)["unchanged"] == len(records)
    other = run("--policy", str(ROOT / "policies"), "--contracts", str(contracts), "--json", "--fail-on-flip")
    assert other.exit_code == 1, other.output
    assert json.loads(other.output)["allow_to_deny"] >= 1
    text = run("--policy", str(ROOT / "policies"), "--contracts", str(contracts))
    assert text.exit_code == 0
    assert "refused that were admitted" in text.output
    assert run("--policy", "nothing").exit_code == 2
    assert "0 calls decided again" in run("--policy", str(ROOT / "policies"), "--to", "2001-01-01").output
