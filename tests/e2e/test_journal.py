"""The journal of a running system: whole and sealed, looked into beside the gateway, stopped and restored by command."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner

from deploy.demo.place import ROOT, places
from gateway_addons.__main__ import app
from gateway_addons.adapters.journal.segments import segments
from gateway_addons.adapters.journal.stop_marker import stopped
from tests.e2e.conftest import Consumer, Running
from tests.supervisor.conftest import alive, until

STATE = "/infinoe/v1/etatSante"


def poterne(running: Running, *words: str) -> tuple[int, str]:
    settings = places(running.folder)[0].gateway_settings
    result = CliRunner().invoke(app, ["journal", *words, "--config", str(settings)])
    return result.exit_code, result.output


def test_verified_and_looked_into_while_it_runs(running: Running) -> None:
    consumer = running.consumer("charge")
    answer = consumer.call("GET", STATE)
    assert answer.status_code == 200
    code, text = poterne(running, "verify", "--json")
    assert (code, json.loads(text)["whole"]) == (0, True), text
    code, text = poterne(running, "show", answer.headers["X-Request-ID"], "--json")
    (shown,) = json.loads(text)
    assert (code, shown["statut"], shown["autorise"], shown["entree"]["call"]["route"]) == (0, 200, True, "etat_sante")


def test_a_write_that_fails_and_a_chain_that_is_not_what_was_written(own_system: Running) -> None:
    """Each: no exchange, an alert at the sink, the way back by command, its record (I3)."""
    consumer, folder = own_system.consumer("charge"), Path(own_system.document["journal"])
    consumer.call("GET", STATE)
    (worker,) = [int(w["pid"]) for w in httpx.get(own_system.document["admin"] + "/health/ready", timeout=10).json()["workers"]]
    segment = segments(folder / "worker-0")[-1]
    before = resource.prlimit(worker, resource.RLIMIT_FSIZE)
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (segment.stat().st_size + 100, before[1]))
    refused(consumer)
    assert until(lambda: len(alerts(own_system)) == 1)
    assert "worker-0: File too large" in alerts(own_system)[0]["message"]
    assert "poterne journal restore" in alerts(own_system)[0]["message"]
    resource.prlimit(worker, resource.RLIMIT_FSIZE, before)
    refused(consumer)  # the stop stands, also when its cause is gone
    assert restored(own_system) == []
    assert until(lambda: consumer.call("GET", STATE).status_code == 200)
    assert until(lambda: len(alerts(own_system)) == 2)
    assert "les échanges reprennent" in alerts(own_system)[1]["message"]

    os.kill(own_system.document["pids"]["gateway"][0], signal.SIGTERM)
    assert until(lambda: not alive(own_system.document["pids"]["gateway"][0]))
    bent = segment.read_bytes().replace(b'"statut":200', b'"statut":201')
    segment.write_bytes(bent)
    settings = places(own_system.folder)[0].gateway_settings
    command = [sys.executable, "-m", "gateway_addons", "run", "--config", str(settings)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as again:
        try:
            assert until(lambda: listens(own_system), 60)
            refused(consumer)
            assert until(lambda: len(alerts(own_system)) == 3)
            assert "worker-0" in alerts(own_system)[2]["message"]
            again.terminate()  # it holds the damaged chain
            again.wait(60)
            assert restored(own_system) == ["worker-0"]
        finally:
            again.terminate()
            again.wait(60)
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as again:
        try:
            assert until(lambda: listens(own_system) and consumer.call("GET", STATE).status_code == 200, 60)
        finally:
            again.terminate()
            again.wait(60)
    assert [a["motif"] for a in own_system.acts("journal.restore")] == ["essai", "essai"]
    code, text = poterne(own_system, "verify", "--json")
    faults = [f for c in json.loads(text)["chains"] for f in c["findings"]] if code == 0 else []
    assert faults, text
    assert all(f["kind"] == "alteration" and f["declared"].startswith("rssi, ") for f in faults), "what was declared stays told"


def refused(consumer: Consumer) -> None:
    """No exchange, on an open connection as on a new one."""
    assert until(lambda: consumer.call("GET", STATE).status_code != 200)
    answer = consumer.call("GET", STATE)
    assert (answer.status_code, answer.json()["erreur"]["code"]) == (503, "INF-INT-01")


def restored(running: Running) -> list[str]:
    """The way back, as it is documented; what was declared as damaged."""
    code, text = poterne(running, "restore", "--by", "rssi", "--reason", "essai", "--json")
    assert code == 0, text
    assert stopped(Path(running.document["journal"])) is None
    declared: list[str] = json.loads(text)["declared"]
    return declared


def alerts(running: Running) -> list[dict[str, Any]]:
    """What the log sink was told of a journal that stopped."""
    text = (running.folder / "demo" / "logs" / "detection.log").read_text()
    told = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line["alert"] for line in told if line.get("event") == "alert" and line["alert"]["rule"] == "journal-arrete"]


def listens(running: Running) -> bool:
    try:
        return "workers" in httpx.get(running.document["admin"] + "/health/ready", timeout=10).json()
    except httpx.HTTPError:
        return False
