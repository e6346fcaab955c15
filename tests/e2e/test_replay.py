"""`poterne replay` against the whole system: real gateway, OPA, Redis and backend; a token asked for by the command itself."""

import json
import subprocess
import sys
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from gateway_addons.replay.case import Case, Expectation, write_case
from tests.corpora.bending import post
from tests.corpora.cases import all_cases
from tests.e2e.conftest import Running
from tests.support.rig import ROOT

FAMILIES = ("request line/", "paths/", "header names/", "chunks/")
ENOUGH = 120
"""Fewer than the failures that one address is let through before the brake (docs/identity.md)."""


def test_hostile_requests_against_the_whole_system(running: Running, tmp_path: Path) -> None:
    consumer = running.consumer("anfm")
    base = urlsplit(consumer.environment["base_url"])
    hostile = [c for c in all_cases() if c.name.startswith(FAMILIES) and c.expect.verdict == "refused"]
    cases = hostile[:: max(1, len(hostile) // ENOUGH)][:ENOUGH]
    cases.append(Case("good/lot", post(), Expectation(verdict="forwarded", status=201)))
    for number, case in enumerate(cases):
        write_case(tmp_path / "cases", Case(f"{case.name.split('/')[0]}/{number}", case.raw, case.expect, case.what or case.name))
    (tmp_path / "lot.json").write_text(json.dumps(consumer.lot(uuid.uuid4().hex[:12])))
    (tmp_path / "secret").write_text(consumer.own["client_secret"])
    before = len(running.records())
    done = subprocess.run(
        [sys.executable, "-m", "gateway_addons", "replay", str(tmp_path / "cases"), "--gateway", f"https://{base.hostname}:{base.port}", "--certificate", consumer.own["cert_file"],
         "--key", consumer.own["key_file"], "--authority", consumer.environment["ca_file"], "--client-id", consumer.own["client_id"], "--client-secret-file", str(tmp_path / "secret"),
         "--identifier", consumer.own["id_teleservice"][0], "--lot-file", str(tmp_path / "lot.json"), "--json"],
        capture_output=True, text=True, timeout=300, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    columns = json.loads(done.stdout)["columns"]
    assert columns["refused"] == len(cases) - 1
    assert columns["forwarded identically"] == 1
    passed = [r for r in running.records()[before:] if r["transmis"]]
    assert [(r["methode"], r["chemin"]) for r in passed] == [("POST", "/infinoe/v1/ecritures/comptables")]
