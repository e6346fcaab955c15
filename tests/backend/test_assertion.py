"""Nothing under /infinoe/v1 without a valid assertion for this very call, once; keys rotate."""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.backend.conftest import Query
from tests.backend.documents import accounting, lot
from tests.backend.gateway import Gateway, codes, new_key, write_jwks
from tests.backend.running import BackendProcess

STATE = "/infinoe/v1/etatSante"
LOTS = "/infinoe/v1/ecritures/comptables"


def encoded(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def test_a_valid_assertion_passes(gateway: Gateway) -> None:
    answer = gateway.send("GET", STATE)
    assert (answer.status_code, list(answer.json())) == (200, ["message"])


@pytest.mark.parametrize("path", [STATE, LOTS, LOTS + "/X", "/infinoe/v1/referentiels/nomenc", "/infinoe/v1/rien", "/infinoe/v1"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_without_assertion(gateway: Gateway, method: str, path: str) -> None:
    answer = gateway.client.request(method, path, content=b"{}" if method != "GET" else None)
    assert codes(answer)[:2] == (401, "900902")
    assert "www-authenticate" in answer.headers


CLAIMS: list[tuple[str, dict[str, Any]]] = [
    ("issuer", {"iss": "autre"}),
    ("no issuer", {"iss": None}),
    ("audience", {"aud": "infinoe-backend-sandbox"}),
    ("keytype of the other environment", {"keytype": "SANDBOX"}),
    ("expired", {"iat": -70, "exp": -10}),
    ("issued in the future", {"iat": 30, "exp": 60}),
    ("lives too long", {"exp": 3600}),
    ("expiry before issue", {"iat": 4, "exp": 3}),
    ("method", {"htm": "DELETE"}),
    ("path", {"htu": LOTS + "/"}),
    ("body", {"body_sha256": hashlib.sha256(b"autre").hexdigest()}),
    ("body in upper case", {"body_sha256": hashlib.sha256(b"").hexdigest().upper()}),
    ("flux", {"flux": "comptable"}),
    ("operation", {"operation": "creer"}),
    ("no jti", {"jti": ""}),
    ("SIREN", {"siren": "13099990"}),
    ("expiry as text", {"exp": "2100"}),
    ("expiry as truth", {"exp": True}),
]


@pytest.mark.parametrize("changes", [row[1] for row in CLAIMS], ids=[row[0] for row in CLAIMS])
def test_wrong_claim(gateway: Gateway, changes: dict[str, Any]) -> None:
    now = int(time.time())
    moved = {name: now + value if name in ("iat", "exp") and type(value) is int else value for name, value in changes.items()}
    assert codes(gateway.send("GET", STATE, claims=moved))[:2] == (401, "900901")


@pytest.mark.parametrize(
    "name", ["iss", "aud", "iat", "exp", "jti", "keytype", "convention", "siren", "htm", "htu", "body_sha256", "correlationId"]
)
def test_missing_claim(gateway: Gateway, name: str) -> None:
    claims = gateway.claims("GET", STATE)
    del claims[name]
    assert codes(gateway.send("GET", STATE, assertion=gateway.sign(claims)))[:2] == (401, "900901")


def test_another_body_than_the_one_judged(gateway: Gateway, query: Query) -> None:
    judged, sent = (lot("comptable", [accounting("FORGE-1", libelle=text)]) for text in ("Juste", "Faux"))
    assertion = gateway.sign(gateway.claims("POST", LOTS, json.dumps(judged).encode()))
    assert codes(gateway.create("comptables", sent, assertion=assertion))[:2] == (401, "900901")
    assert query("SELECT count(*) FROM entries WHERE identifiant = 'FORGE-1'") == [(0,)]


def test_an_assertion_serves_once(gateway: Gateway) -> None:
    assertion = gateway.sign(gateway.claims("GET", STATE))
    answers = [gateway.send("GET", STATE, assertion=assertion).status_code for _ in range(3)]
    assert answers == [200, 401, 401]


def forged(gateway: Gateway, name: str) -> str:
    claims = encoded(gateway.claims("GET", STATE))
    public = gateway.key.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header: dict[str, Any] = {"alg": "ES256", "typ": "JWT", "kid": gateway.key.kid}
    good = gateway.sign(gateway.claims("GET", STATE))
    stranger = new_key()
    if name == "alg none":
        return f"{encoded({**header, 'alg': 'none'})}.{claims}."
    if name == "HS256 with the public key":
        signed = f"{encoded({**header, 'alg': 'HS256'})}.{claims}"
        return f"{signed}.{encoded(hmac.digest(public, signed.encode(), 'sha256'))}"
    if name == "signature of another key":
        return gateway.sign(gateway.claims("GET", STATE), stranger, kid=gateway.key.kid)
    if name == "unknown key":
        return gateway.sign(gateway.claims("GET", STATE), stranger)
    if name == "key brought along":
        return gateway.sign(gateway.claims("GET", STATE), stranger, jwk=stranger.as_dict(private=False))
    if name == "another type":
        return gateway.sign(gateway.claims("GET", STATE), typ="at+jwt")
    if name == "no signature":
        return good.rpartition(".")[0] + "."
    if name == "claims changed":
        head, _, tail = good.split(".")
        return f"{head}.{claims}.{tail}"
    return {"not a JWS": "abc", "empty": "", "two": f"{good}, {good}", "too long": good + "A" * 9_000}[name]


@pytest.mark.parametrize(
    "name",
    ["alg none", "HS256 with the public key", "signature of another key", "unknown key", "key brought along", "another type",
     "no signature", "claims changed", "not a JWS", "empty", "two", "too long"],
)  # fmt: skip
def test_forgeries(gateway: Gateway, name: str) -> None:
    headers = {"X-JWT-Assertion": forged(gateway, name)}
    assert codes(gateway.client.get(STATE, headers=headers))[:2] == (401, "900901")


def test_the_header_twice(gateway: Gateway) -> None:
    values = [("X-JWT-Assertion", gateway.sign(gateway.claims("GET", STATE))) for _ in range(2)]
    assert codes(gateway.client.get(STATE, headers=values))[:2] == (401, "900901")


def test_a_query_is_not_covered_by_the_assertion(gateway: Gateway) -> None:
    headers = {"X-JWT-Assertion": gateway.sign(gateway.claims("GET", STATE))}
    assert codes(gateway.client.get(STATE + "?a=1", headers=headers))[:2] == (400, "INF-REQ-03")


@pytest.mark.parametrize("path", ["/infinoe/v1/etat%53ante", "/%69nfinoe/v1/etatSante"])
def test_an_encoded_path_is_not_another_way_in(gateway: Gateway, path: str) -> None:
    assert codes(gateway.client.get(path))[:2] == (401, "900902")
    assert codes(gateway.send("GET", path))[:2] == (400, "INF-REQ-03")


def test_a_large_body_without_assertion_is_not_read(gateway: Gateway) -> None:
    answer = gateway.client.post(LOTS, content=b"x" * (40 * 1024 * 1024), headers={"Content-Type": "application/json"})
    assert codes(answer)[:2] == (401, "900902")


def test_assertions_of_before_the_start_are_refused(tmp_path: Path, jwks: Path, gateway: Gateway) -> None:
    """What a killed process had seen cannot be used again on its successor."""
    process = BackendProcess(tmp_path, jwks).start()
    try:
        mine = Gateway(process.base_url, gateway.key)
        assertion = mine.sign(mine.claims("GET", STATE))
        assert mine.send("GET", STATE, assertion=assertion).status_code == 200
        process.kill()
        process.start()
        assert codes(mine.send("GET", STATE, assertion=assertion))[:2] == (401, "900901")
        assert mine.send("GET", STATE).status_code == 200
        mine.client.close()
    finally:
        process.stop()


def test_keys_rotate_without_a_restart(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    path = tmp_path / "assertion.jwks"
    write_jwks(path, old)
    process = BackendProcess(tmp_path, path).start()
    first, second = Gateway(process.base_url, old), Gateway(process.base_url, new)
    try:
        assert (first.send("GET", STATE).status_code, second.send("GET", STATE).status_code) == (200, 401)
        write_jwks(path, old, new)
        assert (first.send("GET", STATE).status_code, second.send("GET", STATE).status_code) == (200, 200)
        write_jwks(path, new)
        assert (first.send("GET", STATE).status_code, second.send("GET", STATE).status_code) == (401, 200)
        path.write_text("{")
        assert (first.send("GET", STATE).status_code, second.send("GET", STATE).status_code) == (401, 200)
        path.unlink()
        assert second.send("GET", STATE).status_code == 200
        write_jwks(path, old)
        assert (first.send("GET", STATE).status_code, second.send("GET", STATE).status_code) == (200, 401)
    finally:
        process.stop()
        first.client.close()
        second.client.close()


@pytest.mark.parametrize("content", ['{"keys": []}', "{}", "private", '{"keys": [{"kty": "oct", "k": "AAAA", "kid": "a"}]}'])
def test_no_start_with_unusable_keys(tmp_path: Path, content: str) -> None:
    path = tmp_path / "assertion.jwks"
    path.write_text(json.dumps({"keys": [new_key().as_dict(private=True)]}) if content == "private" else content)
    process = BackendProcess(tmp_path, path)
    assert process.spawn().wait(20) == 1
    assert "Traceback" not in process.log.read_text()


def test_sandbox_and_production_do_not_mix(tmp_path: Path, jwks: Path, gateway: Gateway) -> None:
    process = BackendProcess(tmp_path, jwks, environment="sandbox").start()
    sandbox = Gateway(process.base_url, gateway.key, aud="infinoe-backend-sandbox", keytype="SANDBOX")
    production = Gateway(process.base_url, gateway.key)
    try:
        assert sandbox.send("GET", STATE).status_code == 200
        assert codes(production.send("GET", STATE))[:2] == (401, "900901")
        assert codes(sandbox.send("GET", STATE, claims={"keytype": "PRODUCTION"}))[:2] == (401, "900901")
    finally:
        process.stop()
        sandbox.client.close()
        production.client.close()
