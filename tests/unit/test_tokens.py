"""Access tokens: what is issued is believed, and nothing else is (RFC 9068, RFC 8705, RFC 8725)."""

import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from gateway_addons.adapters.identity.signing_keys import AccessTokens, thumbprint_hex
from gateway_addons.core.evidence.identity import identity_facts
from gateway_addons.settings.tokens import Tokens

NOW = datetime.now(UTC).replace(microsecond=0)
SHA = "ab" * 32


def pem() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    (tmp_path / "key.pem").write_bytes(pem())
    return tmp_path / "key.pem"


@pytest.fixture
def tokens(key_file: Path) -> AccessTokens:
    return AccessTokens("production", Tokens(issuer="https://p", audience="infinoe", signing_key_file=key_file,
                                             client_secrets_file=key_file))


def test_issued_and_believed(tokens: AccessTokens) -> None:
    facts = tokens.verify(tokens.issue("client", ["a", "b"], SHA, NOW), NOW + timedelta(seconds=599))
    assert (facts.verified, facts.failure, facts.client_id, facts.scopes) == (True, None, "client", ("a", "b"))
    assert (facts.environment, facts.certificate_sha256) == ("production", SHA)
    assert facts.expires_at == (NOW + timedelta(seconds=600)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_expires_to_the_second(tokens: AccessTokens) -> None:
    token = tokens.issue("client", ["a"], SHA, NOW)
    assert tokens.verify(token, NOW + timedelta(seconds=600)).failure == "expired"
    assert tokens.verify(token, NOW - timedelta(seconds=6)).failure == "not_yet_valid"
    assert tokens.verify(token, NOW - timedelta(seconds=4)).failure is None


def good_claims() -> dict[str, Any]:
    issued = int(NOW.timestamp())
    return {"iss": "https://p", "aud": "infinoe", "sub": "c", "client_id": "c", "iat": issued, "nbf": issued, "exp": issued + 60,
            "jti": "j", "scope": "a", "env": "production", "cnf": {"x5t#S256": base64.urlsafe_b64encode(b"\xab" * 32).rstrip(b"=").decode()}}


HEADER = {"alg": "ES256", "typ": "at+jwt"}


def own(tokens: AccessTokens, header: dict[str, Any], claims: dict[str, Any]) -> str:
    return jwt.encode(header | {"kid": tokens._key.kid}, claims, tokens._key)


def test_the_bent_tokens_start_from_a_good_one(tokens: AccessTokens) -> None:
    assert tokens.verify(own(tokens, HEADER, good_claims()), NOW).verified


BENT_CLAIMS: list[tuple[str, dict[str, Any], str]] = [
    ("another issuer", {"iss": "https://q"}, "issuer"), ("issuer with a slash", {"iss": "https://p/"}, "issuer"),
    ("another audience", {"aud": "other"}, "audience"), ("audience list", {"aud": ["infinoe", "other"]}, "audience"),
    ("another environment", {"env": "sandbox"}, "environment"), ("no environment", {"env": ...}, "environment"),
    ("no expiry", {"exp": ...}, "claims"), ("expiry as a text", {"exp": "9999999999"}, "claims"), ("expiry true", {"exp": True}, "claims"),
    ("expiry with a fraction", {"exp": 9999999999.5}, "claims"), ("no start", {"nbf": ...}, "claims"), ("no issue time", {"iat": ...}, "claims"),
    ("no client", {"client_id": ...}, "claims"), ("client is not the subject", {"client_id": "d"}, "claims"), ("empty client", {"client_id": "", "sub": ""}, "claims"),
    ("scope as a list", {"scope": ["a"]}, "claims"), ("no id", {"jti": ...}, "claims"),
    ("no binding", {"cnf": ...}, "unbound"), ("empty binding", {"cnf": {}}, "unbound"), ("binding of another kind", {"cnf": {"jkt": "x"}}, "unbound"),
    ("binding of the wrong length", {"cnf": {"x5t#S256": "abc"}}, "unbound"), ("binding that is no text", {"cnf": {"x5t#S256": 1}}, "unbound"),
]


@pytest.mark.parametrize(("bend", "failure"), [pytest.param(b, f, id=name) for name, b, f in BENT_CLAIMS])
def test_bent_claims(tokens: AccessTokens, bend: dict[str, Any], failure: str) -> None:
    claims = {k: v for k, v in (good_claims() | bend).items() if v is not ...}
    facts = tokens.verify(own(tokens, HEADER, claims), NOW)
    assert (facts.verified, facts.failure, facts.client_id) == (False, failure, None)


def _unsigned(tokens: AccessTokens) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', 'typ': 'at+jwt'})}.{part(good_claims())}."


def _by_hand(header: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A JWS that no library would make."""
    parts = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in (header, good_claims())]
    signature = base64.urlsafe_b64encode(sign(b".".join(parts))).rstrip(b"=")
    return b".".join([*parts, signature]).decode()


def _confused(tokens: AccessTokens) -> str:
    """HS256 with the public key as the secret."""
    secret = tokens._key.as_pem(private=False)
    header = {"alg": "HS256", "typ": "at+jwt", "kid": tokens._key.kid}
    return _by_hand(header, lambda text: hmac.digest(secret, text, "sha256"))


def _critical(tokens: AccessTokens) -> str:
    """Well signed, with a critical extension that nobody knows (RFC 7515 section 4.1.11)."""
    def sign(text: bytes) -> bytes:
        r, s = decode_dss_signature(tokens._key.get_op_key("sign").sign(text, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    return _by_hand(HEADER | {"kid": tokens._key.kid, "crit": ["x"], "x": 1}, sign)


def _embedded_key(tokens: AccessTokens) -> str:
    stranger = ECKey.generate_key("P-256")
    return jwt.encode(HEADER | {"jwk": stranger.as_dict(private=False)}, good_claims(), stranger)


def _stranger(tokens: AccessTokens) -> str:
    return jwt.encode(HEADER | {"kid": tokens._key.kid}, good_claims(), ECKey.generate_key("P-256"))


def _rsa(tokens: AccessTokens) -> str:
    return jwt.encode(HEADER | {"alg": "RS256", "kid": tokens._key.kid}, good_claims(), RSAKey.generate_key(2048))


def _tampered(tokens: AccessTokens) -> str:
    header, payload, signature = tokens.issue("client", ["a"], SHA, NOW).split(".")
    raw = json.loads(base64.urlsafe_b64decode(payload + "=="))
    bent = base64.urlsafe_b64encode(json.dumps(raw | {"client_id": "x", "sub": "x"}).encode()).rstrip(b"=").decode()
    return f"{header}.{bent}.{signature}"


FORGED: list[Callable[[AccessTokens], str]] = [
    _unsigned, _confused, _embedded_key, _stranger, _rsa, _tampered, lambda t: own(t, HEADER | {"typ": "JWT"}, good_claims()),
    lambda t: own(t, {"alg": "ES256"}, good_claims()), lambda t: t.issue("c", ["a"], SHA, NOW) + "A", lambda t: t.issue("c", ["a"], SHA, NOW)[:-2],
    _critical, lambda t: "a.b.c", lambda t: "..", lambda t: "{}.{}.{}",
]


@pytest.mark.parametrize("forge", FORGED)
def test_forged(tokens: AccessTokens, forge: Callable[[AccessTokens], str]) -> None:
    facts = tokens.verify(forge(tokens), NOW)
    assert (facts.verified, facts.client_id) == (False, None)
    assert facts.failure in {"signature", "malformed", "algorithm", "type"}


HEADERS: list[tuple[str | None, str | None]] = [
    (None, "absent"), ("", "malformed"), ("Basic abc", "malformed"), ("Bearer", "malformed"), ("Bearer a", "malformed"),
    ("Bearer a.b.c d", "malformed"), ("Bearer a.b", "malformed"), ("Bearer\ta.b.c", "malformed"), ("Bearer " + "a" * 5000 + ".b.c", "malformed"),
]


@pytest.mark.parametrize(("header", "failure"), HEADERS)
def test_authorization_header(tokens: AccessTokens, header: str | None, failure: str | None) -> None:
    facts = identity_facts(header, tokens, NOW)
    assert (facts.verified, facts.failure) == (False, failure)


def test_the_scheme_is_case_insensitive(tokens: AccessTokens) -> None:
    assert identity_facts("bearer " + tokens.issue("c", ["a"], SHA, NOW), tokens, NOW).verified


@pytest.mark.parametrize("text", ["", "a" * 42, "=" * 43, "A" * 42 + "B", 43, None, "é" * 43])
def test_thumbprints_are_read_strictly(text: object) -> None:
    assert thumbprint_hex(text) is None
