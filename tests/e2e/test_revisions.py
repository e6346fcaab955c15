"""Revisions on the running system: activated, rolled back and refused under load, without a call that fails (make revisions)."""

import asyncio
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from deploy.demo.place import ROOT
from gateway_addons.__main__ import app
from gateway_addons.adapters.journal.reader import records
from gateway_addons.adapters.policy.activation import ActivationFailed
from gateway_addons.adapters.policy.policy_desk import PolicyDesk
from gateway_addons.adapters.policy.revision_store import StoreError
from gateway_addons.core.revision import Revision
from gateway_addons.settings.gateway import load
from tests.e2e.conftest import Running

TIMES = int(os.environ.get("POTERNE_REVISIONS", "4"))
STATE = "/infinoe/v1/etatSante"


@pytest.fixture
def settings_file(running: Running, tmp_path: Path) -> Path:
    """The running system's settings, with contracts that a test may edit."""
    document = yaml.safe_load(Path(running.document["gateway_settings"]).read_text(encoding="utf-8"))
    shutil.copytree(ROOT / "config" / "contracts", tmp_path / "contracts")
    document["policy"]["contracts_folder"] = str(tmp_path / "contracts")
    file = tmp_path / "gateway.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return file


def edit(settings_file: Path, old: str, new: str, name: str = "production/musee") -> None:
    file = settings_file.parent / "contracts" / f"{name}.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def command(settings_file: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["policy", *arguments, "--config", str(settings_file)])


@contextmanager
def load_on(running: Running, seen: list[tuple[int, str]]) -> Iterator[None]:
    """Two consumers call without pause for as long as the block lasts."""
    stop = threading.Event()

    def caller(environment: str) -> None:
        consumer = running.consumer("charge", environment)
        while not stop.is_set():
            answer = consumer.call("GET", STATE)
            seen.append((answer.status_code, answer.text[:200]))

    threads = [threading.Thread(target=caller, args=(environment,)) for environment in ("production", "sandbox")]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)


def test_activated_and_rolled_back_under_load_without_a_failed_call(
        running: Running, settings_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = PolicyDesk(load(settings_file))
    first = desk.store.active()
    assert first is not None
    edit(settings_file, '["127.0.0.1/32"]', '["127.0.0.1/32", "192.0.2.0/24"]')
    seen: list[tuple[int, str]] = []
    known = {first.revision}
    with load_on(running, seen):
        for number in range(TIMES):
            known.add(asyncio.run(desk.activate(None, "essai", f"activation {number}")).revision)
            known.add(asyncio.run(desk.rollback(None, "essai", f"retour {number}")).revision)
    assert len(known) == 2 * TIMES + 1
    assert len({Revision.parse(name).content for name in known}) == 2
    assert len(seen) > 2 * TIMES
    assert {status for status, _ in seen} <= {200, 429}, [text for status, text in seen if status not in {200, 429}][:3]
    own = [r for r in records(Path(running.document["journal"])) if r.fields.get("chemin") == STATE]
    decided = {r.fields["revision"] for r in own}
    assert decided <= known | {built.revision for built in desk.store.built()}
    assert len(decided & known) > 1, "calls were decided by several revisions while they changed"
    state = asyncio.run(desk.status())
    assert state["in_order"] is True
    with capsys.disabled():
        if TIMES > 10:
            sys.stdout.write(f"\n{2 * TIMES} changes, {len(seen)} calls under them, "
                             f"{sum(status == 200 for status, _ in seen)} answered 200, the others 429 for their quota; "
                             f"{len(decided & known)} revisions decided\n")


def test_what_is_activated_counts_for_every_call_that_comes_after_it(running: Running, settings_file: Path) -> None:
    """Also for calls in the same second as one that was decided before, whose decision is kept."""
    desk = PolicyDesk(load(settings_file))
    consumer = running.consumer("charge")
    assert consumer.call("GET", STATE).status_code == 200
    seen: list[tuple[float, int]] = []
    stop = threading.Event()

    def caller() -> None:
        while not stop.is_set():
            begun = time.monotonic()
            seen.append((begun, consumer.call("GET", STATE).status_code))

    edit(settings_file, '["127.0.0.1/32"]', '["192.0.2.0/24"]', "production/charge")
    kept_before = metric(running, "poterne_policy_decisions_kept_total")
    spans: list[tuple[float, float, int]] = []
    thread = threading.Thread(target=caller)
    thread.start()
    try:
        for number in range(TIMES):
            for change, status in ((desk.activate, 403), (desk.rollback, 200)):
                asyncio.run(change(None, "essai", f"{number}"))
                done = time.monotonic()
                time.sleep(0.2)
                spans.append((done, time.monotonic(), status))
    finally:
        stop.set()
        thread.join(30)
    for begin, end, status in spans:
        within = {got for begun, got in seen if begin < begun < end}
        assert within == {status}
    assert metric(running, "poterne_policy_decisions_kept_total") - kept_before > 20, "decisions were kept meanwhile"


def metric(running: Running, name: str) -> float:
    text = httpx.get(running.document["admin"] + "/metrics", timeout=10).text
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))


def test_an_edited_contract_takes_effect_without_a_restart(running: Running, settings_file: Path) -> None:
    consumer = running.consumer("musee")
    assert consumer.call("GET", STATE).status_code == 200
    edit(settings_file, '["127.0.0.1/32"]', '["192.0.2.0/24"]')
    told = command(settings_file, "diff")
    assert (told.exit_code, "- lost    production" in told.stdout, "address 127.0.0.1/32" in told.stdout) == (0, True, True)
    done = command(settings_file, "activate", "--author", "essai", "--reason", "adresse")
    assert done.exit_code == 0, done.output
    refused = consumer.call("GET", STATE)
    assert (refused.status_code, refused.json()["erreur"]["code"]) == (403, "900805")
    explained = command(settings_file, "explain", str(settings_file.parent / "contracts" / "production" / "musee.yaml"),
                        "--call", "{facts: {address.source: 127.0.0.1}}")
    assert (explained.exit_code, "900805" in explained.stdout) == (1, True), explained.output
    assert command(settings_file, "rollback", "--author", "essai").exit_code == 0
    assert consumer.call("GET", STATE).status_code == 200
    acts = [r.fields for r in records(Path(running.document["journal"])) if r.fields.get("acte", "").startswith("policy.")]
    assert [(a["acte"], a["sujet"]["etat"]) for a in acts[-4:]] == [
        ("policy.activate", "annonce"), ("policy.activate", "fait"), ("policy.rollback", "annonce"), ("policy.rollback", "fait")]


def test_a_tampered_bundle_is_refused_and_the_old_revision_stays(running: Running, settings_file: Path) -> None:
    desk = PolicyDesk(load(settings_file))
    before = asyncio.run(desk.status())["decides"]
    revision = desk.build("essai")
    bundle = desk.store.bundle(revision)
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[:len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1:])
    consumer = running.consumer("ecole")
    with pytest.raises(ActivationFailed, match=f"OPA refused {revision}"):
        asyncio.run(desk.activate(str(revision), "essai", "bundle altered"))
    assert consumer.call("GET", STATE).status_code == 200
    state = asyncio.run(desk.status())
    assert state["in_order"] is True
    assert Revision.parse(state["decides"]).content == Revision.parse(before).content
    assert any("digest mismatch" in str(row["outcome"]) or "OPA refused" in str(row["outcome"]) for row in desk.history())
    with pytest.raises(StoreError, match="not newer"):
        asyncio.run(desk.activate(before, "essai", "old"))


def test_an_older_signed_bundle_decides_nothing(running: Running, settings_file: Path) -> None:
    """Whoever can write the store offers an old revision again: OPA takes it, since its signature is good; the gateway does not."""
    desk = PolicyDesk(load(settings_file))
    consumer = running.consumer("ecole")
    asyncio.run(desk.activate(None, "essai", "newer"))
    assert consumer.call("GET", STATE).status_code == 200
    active = desk.store.active()
    assert active is not None
    assert active.previous is not None
    desk.store.offer(type(active)(active.previous, active.since, "attacker", "replay"))
    asyncio.run(_until(desk, active.previous))
    refused = consumer.call("GET", STATE)
    assert (refused.status_code, refused.json()["erreur"]["code"]) == (503, "INF-DEP-01")
    asyncio.run(desk.activate(None, "essai", "mended"))
    assert consumer.call("GET", STATE).status_code == 200


async def _until(desk: PolicyDesk, revision: str) -> None:
    for _ in range(200):
        if (await desk.status())["decides"] == revision:
            return
        await asyncio.sleep(0.05)
    raise TimeoutError(revision)
