"""A real OPA that serves the project's own policies and contracts, and a call of each contract that it allows."""

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_addons.adapters.contract_files import load_contracts
from gateway_addons.adapters.policy_bundle import build_bundle
from gateway_addons.core.contract.model import Contract
from tests.support.servers import OPA, ROOT, START_S

NOW = "2026-11-23T12:00:00.000000Z"
USABLE = [("production", n) for n in ("anfm", "ecole", "musee", "charge")] + [("sandbox", n) for n in ("anfm", "ecole", "musee", "charge")]


@dataclass
class Asked:
    """A running OPA."""

    client: httpx.Client
    revision: str

    def decide(self, document: Any, question: str = "decision") -> Any:
        answer = self.client.post(f"http://opa/v1/data/poterne/{question}", content=json.dumps({"input": document}))
        assert answer.status_code == 200, answer.text
        return answer.json().get("result")


@pytest.fixture(scope="session")
def opa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("opa")
    revision = build_bundle(OPA, ROOT / "policies", ROOT / "config/contracts", folder / "bundle.tar.gz")
    socket = folder / "opa.sock"
    process = subprocess.Popen(
        [str(OPA), "run", "--server", "--addr", f"unix://{socket}", "--unix-socket-perm", "660", "--authorization=basic",
         "--skip-version-check", "--log-level", "error", "--config-file", str(ROOT / "deploy/opa/config.yaml"),
         "--bundle", str(folder / "bundle.tar.gz")], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + START_S
    while not socket.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.2)
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket), retries=5), timeout=10) as client:
        yield Asked(client, revision)
    process.terminate()
    process.wait(timeout=START_S)


@pytest.fixture(scope="session")
def contracts() -> dict[tuple[str, str], Contract]:
    """(environment, short name) to contract."""
    return {(file.split("/")[0], Path(file).stem): contract for file, contract in load_contracts(ROOT / "config/contracts")}


def allowed_call(contract: Contract, right_number: int = 0) -> dict[str, Any]:
    """A call that this right of this contract allows."""
    right, access = contract.droits[right_number], contract.acces
    exercice = right.exercices[0]
    periode = None if right.flux == "referentiel" else f"{exercice}-{right.months()[0]}"
    perimeter = {"flux": right.flux, "operation": right.operations[0], "siret": right.siret, "budget": right.budgets[0] if right.budgets else None,
                 "exercice": exercice, "periode": periode}
    scope = f"infinoe_{right.flux}_ecriture"
    return {
        "schema": 1, "now": NOW, "environment": contract.environment,
        "call": {"request_id": "r", "correlation_id": "c", "api": "infinoe", "method": "POST", "path": "/x", "route": "x", "flux": right.flux,
                 "operation": right.operations[0], "scope": scope},
        "certificate": {
            "presented": True, "verified": True, "failure": None, "sha256": "aa", "spki_sha256": "bb", "subject": access.certificats[0].sujet,
            "issuer": access.certificats[0].emetteur, "serial": "1", "not_before": "2026-01-01T00:00:00.000000Z",
            "not_after": "2027-01-01T00:00:00.000000Z", "key_usage": ["digitalSignature"], "extended_key_usage": ["clientAuth"],
            "siren": contract.organisme.siren, "siret": None, "revocation": "good"},
        "address": {"source": "127.0.0.1", "peer": "127.0.0.1", "failure": None},
        "identifier": {"presented": True, "value": access.identifiants_techniques[0], "failure": None},
        "identity": {"presented": True, "verified": True, "failure": None, "client_id": access.clients_oauth2[0].client_id, "scopes": [scope],
                     "environment": contract.environment, "issued_at": "2026-11-23T11:59:00.000000Z", "expires_at": "2026-11-23T12:09:00.000000Z",
                     "certificate_sha256": "aa"},
        "rights": {"required": True, "established": True, "failure": None, "entries": 1, "perimeters": [perimeter]},
    }
