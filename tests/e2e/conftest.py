"""The whole system, real: gateway, OPA, Redis, two backends; and a consumer's client for it."""

import ssl
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.demo.place import places
from deploy.demo.system import System
from gateway_addons.adapters.journal.reader import CALL, records

PATIENCE_S = 60
"""A machine that is busy with other tests is slow, not broken; what must be quick is measured where it is tested."""


@dataclass
class Consumer:
    """A consumer of one environment, as its programmer has it: certificate, secret, identifier."""

    environment: dict[str, Any]
    own: dict[str, Any]
    http: httpx.Client
    token: str = ""

    def ask_token(self) -> str:
        answer = self.http.post(self.environment["token_url"], data={"grant_type": "client_credentials"},
                                auth=(self.own["client_id"], self.own["client_secret"]))
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["access_token"]
        return self.token

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """One call, with a token and everything else in order."""
        token = self.token or self.ask_token()
        fields = {"Authorization": f"Bearer {token}", "X-Correlation-ID": str(uuid.uuid4()), "ID_Teleservice": self.own["id_teleservice"][0]}
        return self.http.request(method, self.environment["base_url"] + path, json=body, headers=fields | headers)

    def lot(self, *identifiers: str, **bend: Any) -> dict[str, Any]:
        """A balanced accounting lot."""
        entries = [{
            "identifiant": name, "journal": "AC", "piece": name[:12], "typeEcriture": "NORMALE", "dateComptable": "2026-03-18",
            "datePiece": "2026-03-16", "libelle": "Facture", "lignes": [
                {"compte": "2183", "debit": "10.00", "libelle": "Materiel"}, {"compte": "4041", "credit": "10.00", "libelle": "Fournisseur"}],
        } for name in identifiers]
        return {"organisme": {"siret": self.own["siret"]}, "budget": {"type": "BP", "code": "01"}, "exercice": 2026, "periode": "2026-03",
                "flux": "comptable", "systemeEmetteur": {"nom": "SIFAC", "version": "7.1"}, "numeroLot": uuid.uuid4().hex, "ecritures": entries} | bend


@dataclass
class Running:
    """A running system."""

    document: dict[str, Any]
    system: System
    folder: Path
    clients: list[httpx.Client] = field(default_factory=list)

    def consumer(self, name: str, environment: str = "production") -> Consumer:
        own = self.document["environments"][environment]
        consumer = own["consumers"][name]
        client = httpx.Client(verify=self.tls(environment, consumer), timeout=PATIENCE_S)
        self.clients.append(client)
        return Consumer(own, consumer, client)

    def tls(self, environment: str, identity: dict[str, str]) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.document["environments"][environment]["ca_file"])
        context.load_cert_chain(identity["cert_file"], identity["key_file"])
        return context

    def record(self, answer: httpx.Response) -> dict[str, Any]:
        """The record of the call that was answered so."""
        return next(r for r in self.records() if r["requestId"] == answer.headers["X-Request-ID"])

    def acts(self, kind: str) -> list[dict[str, Any]]:
        """What operators did."""
        return [r.fields for r in records(Path(self.document["journal"])) if r.kind == "acte" and r.fields["acte"] == kind]

    def records(self) -> list[dict[str, Any]]:
        return [record.fields for record in records(Path(self.document["journal"])) if record.kind == CALL]


def start(folder: Path) -> Iterator[Running]:
    """Decisions are kept here: what the tests show of revisions, dates, switches and revocation must hold with them."""
    place, _ = places(folder)
    system = System(place, print, keep_decisions=True)
    running = Running(system.start(None), system, folder)
    try:
        yield running
    finally:
        for client in running.clients:
            client.close()
        system.stop()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One system for the tests that leave it as it was."""
    yield from start(tmp_path_factory.mktemp("e2e"))


@pytest.fixture
def own_system(tmp_path: Path) -> Iterator[Running]:
    """A system of its own, for a test that breaks it."""
    yield from start(tmp_path)
