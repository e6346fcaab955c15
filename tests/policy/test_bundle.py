"""The bundle: its revision is its content, it is the same on every machine, and it cannot ask the world for anything."""

import json
import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gateway_addons.adapters.policy.bundle import Sources, build_bundle
from gateway_addons.adapters.policy.contract_files import load_exceptions, load_readings
from gateway_addons.adapters.policy.opa_binary import BundleError
from gateway_addons.core.contract.compile import compile_contracts
from gateway_addons.core.contract.model import Contract
from tests.policy.calls import allowed_call, allowed_token, health_call
from tests.policy.opa_server import ROOT, opa_binary


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    for name in ("policies", "config/contracts"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "config" / "readings.yaml", tmp_path / "config")
    return tmp_path


def build(sources: Path) -> tuple[str, bytes]:
    out = sources / "out" / "bundle.tar.gz"
    revision = build_bundle(Sources(opa_binary(), sources / "policies", sources / "config" / "contracts",
                                    sources / "config" / "readings.yaml"), out)
    return str(revision), out.read_bytes()


def test_the_revision_is_the_content(sources: Path) -> None:
    first = build(sources)
    assert re.fullmatch(r"r-00000001-[0-9a-f]{16}", first[0])
    assert build(sources) == first
    contract = sources / "config" / "contracts" / "production" / "anfm.yaml"
    original = contract.read_text(encoding="utf-8")
    contract.write_text(original + "# a comment\n", encoding="utf-8")
    assert build(sources) == first, "what policy does not see is no new revision"
    contract.write_text(original.replace('"127.0.0.1/32"', '"127.0.0.2/32"'), encoding="utf-8")
    second = build(sources)[0]
    policy = sources / "policies" / "poterne" / "address" / "address.rego"
    policy.write_text(policy.read_text(encoding="utf-8") + "\n# a comment\n", encoding="utf-8")
    assert len({first[0], second, build(sources)[0]}) == 3


def test_one_revision_in_manifest_and_data_and_nothing_of_this_machine(sources: Path) -> None:
    revision, _ = build(sources)
    with tarfile.open(sources / "out" / "bundle.tar.gz") as bundle:
        texts = {m.name: bundle.extractfile(m).read().decode() for m in bundle.getmembers()}  # type: ignore[union-attr]
    assert json.loads(texts["/.manifest"])["revision"] == json.loads(texts["/data.json"])["revision"] == revision
    assert not [name for name in texts if name.endswith("_test.rego")]
    assert not [name for name, text in texts.items() if str(ROOT) in name + text or "poterne-bundle-" in name + text]
    assert "courriel" not in texts["/data.json"], "9.3-d: no contact leaves the contract"


@pytest.mark.parametrize("call", ['http.send({"method": "GET", "url": "http://x"})', "opa.runtime()", "time.now_ns()",
                                  'rand.intn("x", 2)', 'net.lookup_ip_addr("x")'])
def test_a_policy_that_asks_the_world_is_not_built(sources: Path, call: str) -> None:
    (sources / "policies" / "poterne" / "worldly.rego").write_text(f"package poterne.worldly\n\nanswer := {call}\n")
    with pytest.raises(BundleError, match="undefined function"):
        build(sources)
    assert not (sources / "out" / "bundle.tar.gz").exists()


def test_questions_fit_the_published_schemas(contracts: dict[str, Contract]) -> None:
    schemas = {n: json.loads((ROOT / "config" / "schemas" / f"{n}_input.json").read_text()) for n in ("decision", "token")}
    for contract in contracts.values():
        for call in [health_call(contract), *(allowed_call(contract, n) for n in range(len(contract.droits)))]:
            jsonschema.validate(call, schemas["decision"])
        jsonschema.validate(allowed_token(contract), schemas["token"])
    for shared in ("certificate", "address", "environment"):
        assert schemas["decision"]["properties"][shared] == schemas["token"]["properties"][shared]


def test_the_data_fits_its_published_schemas(contracts: dict[str, Contract], variant_contracts: dict[str, Contract]) -> None:
    """`opa check --schema` holds the policies to these; a member that they lack, or have too much, is told here."""
    schemas = {name: json.loads((ROOT / "config" / "schemas" / f"{name}_data.json").read_text()) for name in ("contracts", "exceptions", "readings")}
    for loaded in (contracts, variant_contracts):
        jsonschema.validate(compile_contracts(loaded.items()), schemas["contracts"])
    jsonschema.validate(load_exceptions(ROOT / "config" / "exceptions.yaml").data(), schemas["exceptions"])
    jsonschema.validate(load_readings(ROOT / "config" / "readings.yaml").data(), schemas["readings"])


@pytest.mark.parametrize("wrong", [None, "", "2026", "2026-1-1", "2026-13-01", "2026-01-32", 20260101, "2026-01-01T00:00:00Z"])
@pytest.mark.parametrize("place", [
    ("certificates", "*", 0, "from"), ("certificates", "*", 0, "to"), ("rights", 0, "from"), ("rights", 0, "to"),
    ("rights", 0, "text", "from"), ("rights", 0, "text", "to"), ("security", "attestations", 0, "to"),
    ("security", "attestations", 0, "renewal_due")], ids=str)
def test_what_is_no_day_is_not_data(contracts: dict[str, Contract], place: tuple[str | int, ...], wrong: Any) -> None:
    """Policy compares days as texts, and null comes before every text: the schema says which form they have."""
    schema = json.loads((ROOT / "config" / "schemas" / "contracts_data.json").read_text())
    data = compile_contracts([("a", contracts["production/anfm.yaml"])])
    node: Any = next(iter(data["production"]["by_id"].values()))
    for part in place[:-1]:
        node = next(iter(node.values())) if part == "*" else node[part]
    assert node[place[-1]] is not None
    node[place[-1]] = wrong
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, schema)


@pytest.mark.parametrize(("room", "asked", "wrong"), [
    ("agreements", "environment.by_id", "by_ids"), ("contract", "readings.maintenances", "maintenance_slots")])
def test_a_policy_that_asks_the_data_for_what_it_has_not_is_not_built(sources: Path, room: str, asked: str, wrong: str) -> None:
    module = sources / "policies" / "poterne" / room / f"{room}.rego"
    edited = module.read_text(encoding="utf-8").replace(asked, f"{asked.partition('.')[0]}.{wrong}")
    module.write_text(edited, encoding="utf-8")
    with pytest.raises(BundleError, match=wrong):
        build_bundle(Sources(opa_binary(), sources / "policies", sources / "config" / "contracts", sources / "config" / "readings.yaml",
                             ROOT / "config" / "schemas"), sources / "out.tar.gz")
