"""The main job, end to end: who is admitted gets a durable receipt, who is not leaves no trace but the record."""

import sqlite3
import uuid
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Consumer, Running

COMPTABLES = "/infinoe/v1/ecritures/comptables"


def stored(consumer: Consumer, *identifiers: str) -> int:
    with sqlite3.connect(f"file:{consumer.environment['backend_database']}?mode=ro", uri=True) as database:
        marks = ",".join("?" * len(identifiers))
        tables = [row[0] for row in database.execute("select name from sqlite_master where type='table'")]
        found = 0
        for table in tables:
            columns = [row[1] for row in database.execute(f"pragma table_info({table})")]
            if "identifiant" in columns:
                found += database.execute(f"select count(distinct identifiant) from {table} where identifiant in ({marks})", identifiers).fetchone()[0]
    database.close()
    return found


def name() -> str:
    return f"E-{uuid.uuid4().hex[:12]}"


def test_a_lot_is_accepted_durable_and_told_in_the_journal(running: Running) -> None:
    consumer, one, two = running.consumer("anfm"), name(), name()
    answer = consumer.call("POST", COMPTABLES, consumer.lot(one, two))
    assert answer.status_code == 201, answer.text
    assert stored(consumer, one, two) >= 2
    record = next(r for r in running.records() if r["requestId"] == answer.headers["X-Request-ID"])
    assert record["numeroAccuse"] == answer.json()["accuse"]["numeroAccuse"]
    assert set(record["controles"].values()) == {"ok"}
    assert (record["nbEcritures"], record["transmis"], record["statut"]) == (2, True, 201)
    assert record["correlationId"] == answer.headers["X-Correlation-ID"]
    assert record["etatConvention"] == "active"


def test_one_entry_without_a_right_and_nothing_arrives(running: Running) -> None:
    consumer, names = running.consumer("musee"), [name() for _ in range(100)]
    entries = [{"identifiant": n} for n in names]
    entries[57]["periode"] = "2026-07"  # the museum's rights end in June
    lot = consumer.lot() | {"flux": "budgetaire", "ecritures": entries}
    answer = consumer.call("POST", "/infinoe/v1/ecritures/budgetaires", lot)
    assert (answer.status_code, answer.json()["erreur"]["code"]) == (403, "INF-DRT-06")
    assert stored(consumer, *names) == 0


@pytest.mark.parametrize(("caller", "bearer", "identifier", "code", "status"), [
    ("anfm", "ecole", "anfm", "INF-IDC-01", 401), ("ecole", "anfm", "ecole", "INF-IDC-01", 401),
    ("anfm", "anfm", "ecole", "INF-IDT-03", 403), ("ecole", "ecole", "anfm", "INF-IDT-03", 403),
    ("ecole", "anfm", "anfm", "INF-IDT-03", 403),
])
def test_identities_of_two_consumers_do_not_mix(running: Running, caller: str, bearer: str, identifier: str, code: str, status: int) -> None:
    consumer, other, third = running.consumer(caller), running.consumer(bearer), running.consumer(identifier)
    consumer.token = other.ask_token()
    answer = consumer.call("POST", COMPTABLES, consumer.lot(name()), ID_Teleservice=third.own["id_teleservice"][0])
    assert (answer.status_code, answer.json()["erreur"]["code"]) == (status, code)
    broken = {"client-convention", "jeton-certificat"} if caller != bearer else set()
    broken |= {"identifiant-convention"} if caller != identifier else set()
    assert set(running.record(answer)["liens"]["rompus"]) == broken, "the record names every link, the answer only one code"
    assert "liens" not in answer.text


@pytest.mark.parametrize(("home", "abroad"), [("sandbox", "production"), ("production", "sandbox")])
def test_nothing_of_one_environment_is_worth_anything_in_the_other(running: Running, home: str, abroad: str) -> None:
    consumer, visitor = running.consumer("anfm", abroad), running.consumer("anfm", home)
    consumer.token = visitor.ask_token()
    answer = consumer.call("POST", COMPTABLES, consumer.lot(name()))
    assert (answer.status_code, answer.json()["erreur"]["code"]) == (401, "900901")
    with pytest.raises(httpx.TransportError), httpx.Client(
        verify=running.tls(abroad, visitor.own), timeout=5) as client:
        client.get(consumer.environment["base_url"] + "/infinoe/v1/etatSante")


def test_a_siret_of_another_organisme_is_refused(running: Running) -> None:
    consumer, other = running.consumer("anfm"), running.consumer("ecole")
    answer = consumer.call("POST", COMPTABLES, consumer.lot(name(), organisme={"siret": other.own["siret"]}))
    assert (answer.status_code, answer.json()["erreur"]["code"]) == (403, "INF-DRT-03")


def test_the_backend_refuses_who_does_not_come_through_the_gate(running: Running) -> None:
    consumer, one = running.consumer("anfm"), name()
    for headers in ({}, {"X-JWT-Assertion": "a.b.c"}, {"X-JWT-Assertion": consumer.ask_token()}):
        answer = httpx.post(consumer.environment["backend_url"].rstrip("/") + COMPTABLES, json=consumer.lot(one), headers=headers)
        assert answer.status_code == 401, headers
    assert stored(consumer, one) == 0


def test_quota_201_st_refused_and_told(running: Running) -> None:
    consumer = running.consumer("musee")
    answers = [consumer.call("GET", "/infinoe/v1/etatSante") for _ in range(201)]
    codes = [a.status_code for a in answers]
    assert codes.count(429) >= 1
    assert codes[:150] == [200] * 150
    refused = answers[codes.index(429)]
    assert refused.json()["erreur"]["code"] == "900804"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit-Policy"] == '"appels";q=200;w=60'
    assert running.consumer("anfm").call("GET", "/infinoe/v1/etatSante").status_code == 200


def test_opa_answers_the_gateway_only(running: Running) -> None:
    socket = running.document["opa"].removeprefix("unix://")
    with httpx.Client(transport=httpx.HTTPTransport(uds=socket)) as client:
        for method, path in (("GET", "/v1/data"), ("GET", "/v1/policies"), ("PUT", "/v1/data/contracts"), ("GET", "/v1/config"),
                             ("POST", "/v1/data/contracts"), ("POST", "/v1/query"), ("POST", "/"), ("PATCH", "/v1/data/poterne/decision")):
            assert client.request(method, "http://opa" + path, json={}).status_code == 401, path
        assert client.get("http://opa/health").status_code == 200


def test_the_operators_window_is_not_on_the_public_port(running: Running) -> None:
    consumer = running.consumer("anfm")
    for path in ("/health/ready", "/health/live", "/metrics"):
        assert consumer.http.get(consumer.environment["base_url"] + path).status_code == 404
        assert httpx.get(running.document["admin"] + path).status_code == 200


def test_metrics_count_calls_by_verdict_control_and_reason(running: Running) -> None:
    consumer = running.consumer("anfm")
    consumer.call("GET", "/infinoe/v1/etatSante", ID_Teleservice="TS-AUTRE")
    text = httpx.get(running.document["admin"] + "/metrics").text
    assert 'poterne_calls_total{control="identifier",environment="production",reason="INF-IDT-03",verdict="refuse"}' in text
    for stage in ("evidence", "policy", "quota", "journal", "total"):
        assert f'poterne_stage_seconds_count{{stage="{stage}"}}' in text
    assert "poterne_open_connections" in text
    assert f'poterne_policy_revision{{revision="{running.records()[-1]["revision"]}",worker="worker-0"}} 1.0' in text


SECRETS = ("Bearer ", "eyJ", "BEGIN")


def test_no_secret_no_token_no_body_in_journal_and_log(running: Running) -> None:
    consumer, one = running.consumer("anfm"), name()
    consumer.call("POST", COMPTABLES, consumer.lot(one))
    consumer.call("POST", COMPTABLES, consumer.lot(one), Authorization="Bearer not-a-token")
    texts: list[str] = [str(running.records())]
    logs: list[Any] = list(running.folder.rglob("*.log"))
    assert logs
    texts += [log.read_text(errors="replace") for log in logs]
    for text in texts:
        for secret in (*SECRETS, consumer.token, consumer.own["client_secret"], one):
            assert secret not in text
