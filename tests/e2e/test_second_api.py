"""A second, made-up API behind the running gateway by one file (tests/apis/subventions.yaml) and one contract: no Python touched."""

import json
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deploy.demo import pki
from deploy.demo.place import places
from tests.e2e.conftest import Running

ROOT = Path(__file__).resolve().parents[2]
SIRET = "99990042600019"
DEPOSIT = f"/subventions/v2/{SIRET}/2026/versements"
DOSSIERS = f"/subventions/v2/{SIRET}/2026/dossiers"
LOT = {"trimestre": "T2", "versements": [{"montant": "10.00"}, {"trimestre": "T3"}]}

type Request = dict[str, Any]


@pytest.fixture
def backend() -> Iterator[tuple[int, list[Request]]]:
    """The second API's own backend: keeps what it was sent."""
    received: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if self.path != "/health":
                received.append({"method": self.command, "path": self.path, "headers": {name.lower(): value for name, value in self.headers.items()}, "body": body})
            told = b'{"recu": true}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = answer  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port, received
    server.shutdown()
    thread.join()
    server.server_close()


def poterne(running: Running, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "gateway_addons", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=180,
                          env={"POTERNE_CONFIG": running.document["gateway_settings"], "PATH": "/usr/bin:/bin"}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def add_the_api(running: Running, port: int) -> None:
    """One file for the API, three lines of settings."""
    place, _ = places(running.folder)
    target = place.config / "apis" / "subventions.yaml"
    target.write_bytes((ROOT / "tests" / "apis" / "subventions.yaml").read_bytes())
    settings = yaml.safe_load(place.gateway_settings.read_text())
    settings["apis"].append(str(target))
    settings["environments"]["sandbox"]["backends"] = {"subventions": {"url": f"http://127.0.0.1:{port}", "health_path": "/health"}}
    place.gateway_settings.write_text(yaml.safe_dump(settings, sort_keys=False))
    poterne(running, "reload")


def add_the_consumer(running: Running) -> tuple[httpx.Client, dict[str, str]]:
    place, _ = places(running.folder)
    subject = f"CN=subventions.observatoire.example,OU=0002 {SIRET},O=Observatoire fictif,C=FR"
    files = pki.issue_another(place.pki("sandbox"), "observatoire", subject, datetime.now(UTC))
    poterne(running, "contract", "new", str(place.config / "contracts" / "sandbox" / "observatoire.yaml"), "--api", "subventions",
            "--id", "CONV-SUBV-1", "--name", "Observatoire fictif", "--siret", SIRET, "--certificate", str(files.certificate),
            "--network", "127.0.0.1/32", "--identifier", "TS-SUBV-1", "--client-id", "observatoire", "--email", "a@observatoire.example",
            "--budget", "P101", "--exercice", "2026", "--periode", "T1", "--periode", "T2", "--periode", "T3",
            "--validated", "2026-01-15T10:00:00+01:00", "--accepted", "2026-01-12T10:00:00+01:00")
    poterne(running, "policy", "activate", "--reason", "a second API")
    secret = json.loads(poterne(running, "client", "secret", "observatoire", "--environment", "sandbox", "--reason", "first", "--json"))
    own = running.document["environments"]["sandbox"]
    client = httpx.Client(verify=running.tls("sandbox", {"cert_file": str(files.certificate), "key_file": str(files.key)}), timeout=15,
                          base_url=own["base_url"])
    running.clients.append(client)
    answer = client.post("/token", data={"grant_type": "client_credentials"}, auth=("observatoire", secret["client_secret"]))
    assert answer.status_code == 200, answer.text
    assert set(answer.json()["scope"].split()) == {"subventions_depot", "subventions_lecture"}
    return client, {"Authorization": f"Bearer {answer.json()['access_token']}", "ID_Teleservice": "TS-SUBV-1"}


def test_a_second_api_by_configuration(own_system: Running, backend: tuple[int, list[Request]]) -> None:
    port, received = backend
    add_the_api(own_system, port)
    client, fields = add_the_consumer(own_system)

    def call(method: str, path: str, body: Any = None, *, programme: str | None = "P101") -> httpx.Response:
        headers = fields | {"X-Correlation-ID": str(uuid.uuid4())} | ({"X-Programme": programme} if programme else {})
        return client.request(method, path, json=body, headers=headers)

    accepted = call("POST", DEPOSIT, LOT)
    assert (accepted.status_code, accepted.json()) == (200, {"recu": True}), accepted.text
    assert (received[-1]["method"], received[-1]["path"], json.loads(received[-1]["body"])) == ("POST", DEPOSIT, LOT)
    assert received[-1]["headers"]["x-programme"] == "P101", "the rights were read from it: it goes on as it was"
    assert "x-jwt-assertion" in received[-1]["headers"]
    read = call("GET", DOSSIERS, programme=None)
    assert (read.status_code, received[-1]["path"]) == (200, DOSSIERS), read.text
    assert call("GET", "/subventions/v2/etat", programme=None).status_code == 200
    known = len(received)

    rows: list[tuple[str, str, Any, str | None, str]] = [
        ("POST", DEPOSIT, LOT, "P102", "INF-DRT-04"), ("POST", DEPOSIT, LOT, None, "4002"), ("POST", DEPOSIT, LOT, "X", "4002"),
        ("POST", DEPOSIT.replace("2026", "2027"), LOT, "P101", "INF-DRT-05"),
        ("POST", DEPOSIT.replace(SIRET, "73282932000074"), LOT, "P101", "INF-DRT-03"),
        ("POST", DEPOSIT, {"trimestre": "T2", "versements": [{"trimestre": "T4"}]}, "P101", "INF-DRT-06"),
        ("POST", DEPOSIT, {"trimestre": "T9", "versements": []}, "P101", "4004"),
        ("POST", DEPOSIT, {"trimestre": "T2", "versements": [{}] * 11}, "P101", "4006"),
        ("POST", DEPOSIT, {"trimestre": "T2", "versements": [{"x": "y" * 5000}]}, "P101", "INF-REQ-07"),
        ("GET", DOSSIERS.replace("2026", "2025"), None, None, "INF-DRT-05"), ("PUT", DEPOSIT, LOT, "P101", "INF-REQ-10"),
        ("GET", "/infinoe/v1/etatSante", None, None, "INF-DRT-01"),
    ]
    for method, path, body, programme, code in rows:
        answer = call(method, path, body, programme=programme)
        assert answer.json()["erreur"]["code"] == code, (method, path, programme, answer.text)
    assert len(received) == known, "nothing of a refused call reaches the backend"
    other = own_system.consumer("anfm", "sandbox")
    assert other.call("GET", "/subventions/v2/etat").json()["erreur"]["code"] == "INF-DRT-01"
    assert other.call("GET", "/infinoe/v1/etatSante").status_code == 200
