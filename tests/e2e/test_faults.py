"""With a real part stopped, frozen or killed: a 503 with a stable code, in bounded time, and the backend saw nothing."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from gateway_addons.adapters.journal.reader import records
from gateway_addons.adapters.policy.kept_decisions import AHEAD_S
from tests.e2e.conftest import Consumer, Running
from tests.e2e.test_exchange import COMPTABLES, name, stored


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """The processes hang (SIGSTOP), as on a machine that swaps or behind a cut network."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def refused(consumer: Consumer, *codes: str) -> None:
    one, begin = name(), time.monotonic()
    answer = consumer.call("POST", COMPTABLES, consumer.lot(one))
    assert time.monotonic() - begin < 10
    assert answer.status_code == 503, answer.text
    assert answer.json()["erreur"]["code"] in codes
    assert stored(consumer, one) == 0


def accepted(consumer: Consumer) -> bool:
    return consumer.call("POST", COMPTABLES, consumer.lot(name())).status_code == 201


@pytest.mark.parametrize(("part", "code"), [("opa", "INF-DEP-01"), ("redis", "INF-DEP-02")])
def test_frozen_and_back(running: Running, part: str, code: str) -> None:
    consumer = running.consumer("charge")
    assert accepted(consumer)
    with frozen(running.document["pids"][part]):
        if part == "opa":  # decisions are kept for their second, and the next one may have been asked for already
            time.sleep(1 + AHEAD_S)
        refused(consumer, code)
        ready = httpx.get(running.document["admin"] + "/health/ready", timeout=10)
        assert ready.status_code == 503
        assert ready.json()["dependencies"][part]["up"] is False
        assert ready.json()["dependencies"][part]["last_error"]
    deadline = time.monotonic() + 10
    while not accepted(consumer) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert accepted(consumer)


@pytest.mark.parametrize(("part", "code"), [("opa", "INF-DEP-01"), ("redis", "INF-DEP-02"), ("backend", "INF-DEP-03")])
def test_killed(own_system: Running, part: str, code: str) -> None:
    consumer = own_system.consumer("charge")
    assert accepted(consumer)
    pids = own_system.document["pids"][part]
    assert accepted(consumer), "the same question just before: a decision on it may be kept"
    for pid in pids if isinstance(pids, list) else [pids]:
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.3)
    refused(consumer, code, "INF-DEP-04" if part == "backend" else code)
    refused(consumer, code)
    assert httpx.get(own_system.document["admin"] + "/health/live").status_code == 200
    assert all(r["statut"] == 503 for r in own_system.records()[-2:])
    if part == "opa":
        token = consumer.http.post(consumer.environment["token_url"], data={"grant_type": "client_credentials"},
                                   auth=(consumer.own["client_id"], consumer.own["client_secret"]))
        assert (token.status_code, token.json()["erreur"]["code"]) == (503, "INF-DEP-01")


def test_a_gateway_killed_in_the_middle_leaves_no_write_without_a_trace(own_system: Running) -> None:
    """Every entry in the backend's database has a durable line of the gateway's, written before."""
    consumer = own_system.consumer("charge")
    sent = {}
    for _ in range(30):
        one = name()
        sent[one] = consumer.call("POST", COMPTABLES, consumer.lot(one)).headers["X-Correlation-ID"]
    backend = own_system.document["pids"]["backend"]
    with frozen(*backend):
        one = name()
        consumer.http.timeout = httpx.Timeout(0.5)
        with pytest.raises(httpx.TimeoutException):
            consumer.call("POST", COMPTABLES, consumer.lot(one), **{"X-Correlation-ID": "00000000-0000-4000-8000-000000000001"})
        sent[one] = "00000000-0000-4000-8000-000000000001"
        os.kill(own_system.document["pids"]["gateway"][0], signal.SIGKILL)
    traced = {record.fields.get("correlationId") for record in records(Path(own_system.document["journal"]), with_open=True)}
    with sqlite3.connect(consumer.environment["backend_database"]) as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    database.close()
    for one, correlation_id in sent.items():
        assert stored(consumer, one) == 0 or correlation_id in traced


def test_sigterm_finishes_the_calls_in_flight(own_system: Running) -> None:
    consumer = own_system.consumer("charge")
    assert accepted(consumer)
    gateway, answers = own_system.document["pids"]["gateway"][0], []
    with frozen(*own_system.document["pids"]["backend"]):
        in_flight = threading.Thread(target=lambda: answers.append(consumer.call("POST", COMPTABLES, consumer.lot(name()))))
        in_flight.start()
        time.sleep(0.5)
        os.kill(gateway, signal.SIGTERM)
        time.sleep(0.5)
    in_flight.join(timeout=15)
    assert [a.status_code for a in answers] == [201]
    deadline = time.monotonic() + 15
    while own_system.system.running() and time.monotonic() < deadline:
        if all(p.role != "gateway" for p in own_system.system.running()):
            break
        time.sleep(0.05)
    assert all(p.role != "gateway" for p in own_system.system.running())
    with pytest.raises(httpx.TransportError):
        consumer.call("GET", "/infinoe/v1/etatSante")
