"""The journal of a running system: whole and sealed, looked into beside the gateway, stopped and restored by command."""

import json
import time
from pathlib import Path

from typer.testing import CliRunner

from deploy.demo.place import places
from gateway_addons.__main__ import app
from gateway_addons.adapters.journal.stop_marker import stop, stopped
from tests.e2e.conftest import Running

STATE = "/infinoe/v1/etatSante"


def poterne(running: Running, *words: str) -> tuple[int, str]:
    settings = places(running.folder)[0].gateway_settings
    result = CliRunner().invoke(app, ["journal", *words, "--config", str(settings)])
    return result.exit_code, result.output


def test_verified_looked_into_stopped_and_restored_while_it_runs(own_system: Running) -> None:
    consumer, folder = own_system.consumer("charge"), Path(own_system.document["journal"])
    answer = consumer.call("GET", STATE)
    assert answer.status_code == 200
    code, text = poterne(own_system, "verify", "--json")
    assert (code, json.loads(text)["whole"]) == (0, True), text
    code, text = poterne(own_system, "show", answer.headers["X-Request-ID"], "--json")
    (shown,) = json.loads(text)
    assert (code, shown["statut"], shown["autorise"], shown["entree"]["call"]["route"]) == (0, 200, True, "etat_sante")

    stop(folder, "essai")
    deadline = time.monotonic() + 10
    while (refused := consumer.call("GET", STATE)).status_code == 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert (refused.status_code, refused.json()["erreur"]["code"]) == (503, "INF-INT-01")
    code, text = poterne(own_system, "restore", "--by", "rssi", "--reason", "fin de l'essai", "--json")
    assert (code, json.loads(text)["declared"], stopped(folder)) == (0, [], None), text
    deadline = time.monotonic() + 10
    while (again := consumer.call("GET", STATE)).status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert again.status_code == 200
    code, text = poterne(own_system, "verify", "--json")
    assert (code, json.loads(text)["whole"]) == (0, True), text
