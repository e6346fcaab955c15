"""One backend process for most tests, each test in a budget of its own; some start their own process."""

import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.backend.documents import NOMENCLATURES, nomenclature
from tests.backend.gateway import Gateway, new_key, write_jwks
from tests.backend.running import BackendProcess

type Query = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(scope="session")
def signing_key() -> ECKey:
    return new_key()


@pytest.fixture(scope="session")
def jwks(tmp_path_factory: pytest.TempPathFactory, signing_key: ECKey) -> Path:
    path = tmp_path_factory.mktemp("keys") / "assertion.jwks"
    write_jwks(path, signing_key)
    return path


@pytest.fixture(scope="session")
def backend(tmp_path_factory: pytest.TempPathFactory, jwks: Path) -> Iterator[BackendProcess]:
    process = BackendProcess(tmp_path_factory.mktemp("shared"), jwks).start()
    yield process
    assert process.stop() == -signal.SIGTERM  # uvicorn shuts down in order, then dies of the signal it was sent


@pytest.fixture(scope="session")
def gateway(backend: BackendProcess, signing_key: ECKey) -> Iterator[Gateway]:
    found = Gateway(backend.base_url, signing_key)
    send_nomenclatures(found)
    yield found
    found.client.close()


def send_nomenclatures(gateway: Gateway) -> None:
    for name, known in NOMENCLATURES.items():
        answer = gateway.send("PUT", f"/infinoe/v1/referentiels/{name}", nomenclature(name, list(known)))
        assert answer.status_code == 200, answer.text


@pytest.fixture
def query(backend: BackendProcess) -> Query:
    return query_of(backend)


def query_of(process: BackendProcess) -> Query:
    """Questions to the database file itself, by a connection that can only read."""

    def ask(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{process.database}?mode=ro", uri=True)) as connection:
            return connection.execute(sql, parameters).fetchall()

    return ask


@pytest.fixture
def own_backend(tmp_path: Path, jwks: Path) -> Iterator[BackendProcess]:
    process = BackendProcess(tmp_path, jwks).start()
    yield process
    process.stop()


@pytest.fixture
def own_gateway(own_backend: BackendProcess, signing_key: ECKey) -> Iterator[Gateway]:
    found = Gateway(own_backend.base_url, signing_key)
    send_nomenclatures(found)
    yield found
    found.client.close()
