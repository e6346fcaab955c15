"""The authorization server on the running system, with real clients: methods, secrets, keys, revocation; nothing restarts."""

import json
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey

from tests.e2e.conftest import Consumer, Running

HEALTH = "/infinoe/v1/etatSante"
WITHIN_S = 5.0
"""A bound with a wide margin: a change is taken up within a second."""


def command(running: Running, *words: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", "gateway_addons", *words, "--config", running.document["gateway_settings"], "--json"],
                          capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).resolve().parents[2])
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def until(condition: Any, within_s: float = WITHIN_S) -> float:
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < within_s
        time.sleep(0.02)
    return time.monotonic() - begin


def other(consumer: Consumer, auth: str) -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in consumer.own["other_clients"] if c["auth"] == auth)
    return found


def oauth_client(running: Running, consumer: Consumer, client_id: str, secret: str | ECKey, method: Any) -> OAuth2Client:
    client = OAuth2Client(client_id, secret, token_endpoint_auth_method=method, token_endpoint=consumer.environment["token_url"],
                          verify=running.tls("production", consumer.own), timeout=15)
    running.clients.append(client)
    return client


def test_a_client_library_authenticates_by_secret(running: Running) -> None:
    consumer = running.consumer("anfm")
    client = oauth_client(running, consumer, consumer.own["client_id"], consumer.own["client_secret"], "client_secret_basic")
    token = client.fetch_token(grant_type="client_credentials", scope="infinoe_comptable_ecriture")
    assert (token["token_type"], token["scope"]) == ("Bearer", "infinoe_comptable_ecriture")


def test_a_client_library_authenticates_by_a_signed_assertion_and_calls(running: Running) -> None:
    consumer = running.consumer("anfm")
    own = other(consumer, "private_key_jwt+mtls")
    method = PrivateKeyJWT(consumer.environment["token_url"], alg="ES256")
    client = oauth_client(running, consumer, own["client_id"], ECKey.import_key(Path(own["key_file"]).read_bytes()), method)
    consumer.token = client.fetch_token(grant_type="client_credentials")["access_token"]
    assert consumer.call("GET", HEALTH).status_code == 200


def test_the_certificate_alone_authenticates_where_that_is_agreed_and_only_there(running: Running) -> None:
    consumer = running.consumer("anfm")
    form = {"grant_type": "client_credentials", "client_id": other(consumer, "tls_client_auth")["client_id"]}
    answer = consumer.http.post(consumer.environment["token_url"], data=form)
    assert answer.status_code == 200, answer.text
    consumer.token = answer.json()["access_token"]
    assert consumer.call("GET", HEALTH).status_code == 200
    for stranger, client_id in ((running.consumer("ecole"), form["client_id"]), (consumer, consumer.own["client_id"])):
        refused = stranger.http.post(stranger.environment["token_url"], data=form | {"client_id": client_id})
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


def test_what_is_published_describes_what_is_there(running: Running) -> None:
    consumer = running.consumer("anfm")
    base = consumer.environment["base_url"]
    document = consumer.http.get(f"{base}/.well-known/oauth-authorization-server").json()
    assert document["issuer"] == base
    assert document["token_endpoint"] == consumer.environment["token_url"]
    keys = consumer.http.get(document["jwks_uri"])
    assert keys.headers["Content-Type"] == "application/json"
    assert ECKey.import_key(Path(consumer.environment["token_signing_key_file"]).read_bytes()).thumbprint() in [k["kid"] for k in keys.json()["keys"]]
    for path, method in (("/jwks", "POST"), ("/token", "GET"), ("/revoke", "GET"), ("/introspect", "PUT"), ("/.well-known/oauth-authorization-server", "DELETE")):
        assert consumer.http.request(method, base + path, headers={"X-Correlation-ID": str(uuid.uuid4())}).status_code == 405


def test_a_revoked_token_is_refused_within_a_second_and_the_record_names_it(running: Running) -> None:
    consumer = running.consumer("anfm")
    token = consumer.ask_token()
    assert consumer.call("GET", HEALTH).status_code == 200
    base, auth = consumer.environment["base_url"], (consumer.own["client_id"], consumer.own["client_secret"])
    assert consumer.http.post(f"{base}/introspect", data={"token": token}, auth=auth).json()["active"] is True
    assert consumer.http.post(f"{base}/revoke", data={"token": token}, auth=auth).status_code == 200
    until(lambda: consumer.call("GET", HEALTH).status_code == 401, 2)
    refused = consumer.call("GET", HEALTH)
    assert refused.json()["erreur"]["code"] == "900901"
    assert consumer.http.post(f"{base}/introspect", data={"token": token}, auth=auth).json() == {"active": False}
    assert running.record(refused)["liens"]["jeton"] == "revoked"
    assert token not in str(running.records())


def test_the_operator_takes_back_all_tokens_of_a_client(running: Running) -> None:
    consumer = running.consumer("ecole")
    consumer.ask_token()
    assert consumer.call("GET", HEALTH).status_code == 200
    command(running, "token", "revoke", "--client", consumer.own["client_id"], "--reason", "essai")
    until(lambda: consumer.call("GET", HEALTH).status_code == 401, 2)
    until(lambda: consumer.ask_token() and consumer.call("GET", HEALTH).status_code == 200)


def test_a_secret_is_shown_once_rotated_with_overlap_and_taken_back(running: Running) -> None:
    consumer = running.consumer("anfm")
    url, name, old = consumer.environment["token_url"], consumer.own["client_id"], consumer.own["client_secret"]

    def status(secret: str) -> int:
        return consumer.http.post(url, data={"grant_type": "client_credentials"}, auth=(name, secret)).status_code

    made = command(running, "client", "secret", name, "--reason", "rotation annuelle", "--overlap-h", "1")
    until(lambda: status(made["client_secret"]) == 200)
    assert status(old) == 200, "both are good for the overlap"
    notice = json.loads(Path(made["notice"]).read_text())
    assert (notice["clause"], notice["client_id"], notice["destinataire"]) == ("4-f", name, "samir.benali@anfm.example")
    assert made["client_secret"] not in Path(made["notice"]).read_text()
    assert made["client_secret"] not in json.dumps(command(running, "client", "list"))
    assert "acte" in str(running.acts("client.secret.issue"))
    command(running, "client", "secret", name, "--reason", "retour", "--revoke", made["id"])
    until(lambda: status(made["client_secret"]) == 401)
    assert status(old) == 200


@pytest.mark.parametrize(("words", "said"), [
    (("brouillon-infinoe-prod",), "1-a"), (("nobody",), "no contract"), (("anfm-infinoe-prod-cle",), "private_key_jwt"),
])
def test_no_credential_is_issued_against_the_contract(running: Running, words: tuple[str, ...], said: str) -> None:
    """1-a: any condition missing, no credential is issued."""
    name = words[0] if words[0] != "brouillon-infinoe-prod" else running.document["environments"]["production"]["refused_consumers"]["brouillon"]["client_id"]
    done = subprocess.run([sys.executable, "-m", "gateway_addons", "client", "secret", name, "--reason", "x", "--config", running.document["gateway_settings"]],
                          capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).resolve().parents[2])
    assert done.returncode == 2
    assert said in done.stderr


def test_keys_rotate_under_load_and_no_call_fails(running: Running) -> None:
    """Real clients ask for tokens and call all the while; the new key signs, the old one is believed, nothing is refused."""
    consumers = [running.consumer(name) for name in ("anfm", "charge")]
    stop, failed, done, kids = threading.Event(), [], [0], set()

    def load(consumer: Consumer) -> None:
        while not stop.is_set():
            try:
                token = consumer.ask_token()
                kids.add(json.loads(_decoded(token.split(".")[0]))["kid"])
                for _ in range(3):
                    answer = consumer.call("GET", HEALTH)
                    done[0] += 1
                    if answer.status_code != 200:
                        failed.append(answer.text)
            except (httpx.HTTPError, AssertionError) as e:
                failed.append(repr(e))
            stop.wait(0.1)

    threads = [threading.Thread(target=load, args=(c,)) for c in consumers]
    for thread in threads:
        thread.start()
    try:
        until(lambda: done[0] >= 6, 30)
        entry = command(running, "token-key", "rotate", "--reason", "essai", "--lead-s", "2")
        until(lambda: entry["kid"] in kids, 20)
        published = consumers[0].http.get(consumers[0].environment["base_url"] + "/jwks").json()["keys"]
        assert {k["kid"] for k in published} >= {entry["kid"]}
        assert len(published) >= 2, "the one before is still believed"
        at_least = done[0] + 6
        until(lambda: done[0] >= at_least, 30)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failed == []
    assert len(kids) >= 2


def _decoded(part: str) -> bytes:
    import base64
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
