"""Access tokens: what is issued is believed, and nothing else is (RFC 7515, RFC 7519, RFC 8725, RFC 9068, RFC 8705).

The rows are the known attacks on JOSE libraries and on their users, each against the one entry point that the gateway uses.
"""

import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from gateway_addons.adapters.identity import access_tokens
from gateway_addons.adapters.identity.access_tokens import AccessTokenVerifier, OwnKeys
from gateway_addons.adapters.identity.base64url import base64url, thumbprint_hex
from gateway_addons.adapters.identity.ring_files import remove, rotate
from gateway_addons.core.evidence.identity import identity_facts
from tests.identity.forge import NOW, P256_ORDER, RULES, SHA, Mint, Revocations, compact, es256, good_claims, text


def failure(mint: Mint, token: Any) -> str | None:
    facts = mint.verifier.verify(token, NOW)
    assert facts.verified == (facts.failure is None)
    assert facts.verified or (facts.client_id, facts.scopes, facts.certificate_sha256) == (None, (), None)
    return facts.failure


def test_issued_and_believed(mint: Mint) -> None:
    facts = mint.verifier.verify(mint.issue("client", ("a", "b")), NOW + timedelta(seconds=599))
    assert (facts.verified, facts.failure, facts.client_id, facts.scopes) == (True, None, "client", ("a", "b"))
    assert (facts.environment, facts.certificate_sha256, facts.leeway_s, facts.revocation) == ("production", SHA, 5, "good")
    assert facts.expires_at == (NOW + timedelta(seconds=600)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_an_end_is_an_end_and_a_beginning_may_be_seconds_ahead(mint: Mint) -> None:
    token = mint.issue()
    assert mint.verifier.verify(token, NOW + timedelta(seconds=600)).failure == "expired"
    assert mint.verifier.verify(token, NOW - timedelta(seconds=6)).failure == "not_yet_valid"
    assert mint.verifier.verify(token, NOW - timedelta(seconds=5)).failure is None


def test_the_bent_tokens_start_from_a_good_one(mint: Mint) -> None:
    assert failure(mint, mint.sign()) is None
    assert failure(mint, mint.sign({"alg": "ES256", "typ": "application/AT+jwt"})) is None, "one key: kid may be missing"


FAR = 10**15
BENT_CLAIMS: list[tuple[str, dict[str, Any], str]] = [
    ("another issuer", {"iss": "https://q"}, "issuer"), ("issuer with a slash", {"iss": "https://p/"}, "issuer"),
    ("issuer in capitals", {"iss": "HTTPS://P"}, "issuer"), ("issuer list", {"iss": ["https://p"]}, "issuer"), ("no issuer", {"iss": ...}, "issuer"),
    ("issuer with a NUL-like end", {"iss": "https://p\u200b"}, "issuer"),
    ("another audience", {"aud": "other"}, "audience"), ("audience list", {"aud": ["infinoe", "other"]}, "audience"),
    ("audience list of one", {"aud": ["infinoe"]}, "audience"), ("no audience", {"aud": ...}, "audience"), ("audience in capitals", {"aud": "INFINOE"}, "audience"),
    ("audience of look-alikes", {"aud": "inf\u0131noe"}, "audience"), ("audience null", {"aud": None}, "audience"),
    ("another environment", {"env": "sandbox"}, "environment"), ("no environment", {"env": ...}, "environment"),
    ("no expiry", {"exp": ...}, "claims"), ("expiry as a text", {"exp": "9999999999"}, "claims"), ("expiry true", {"exp": True}, "claims"),
    ("expiry null", {"exp": None}, "claims"), ("expiry list", {"exp": [9999999999]}, "claims"),
    ("expiry with a fraction", {"exp": 9999999999.5}, "claims"), ("huge expiry", {"exp": FAR}, "claims"), ("negative expiry", {"exp": -1}, "claims"),
    ("expiry zero", {"exp": 0}, "claims"), ("ends before it begins", {"exp": 1, "iat": 2, "nbf": 2}, "claims"),
    ("ended", {"iat": 100, "nbf": 100, "exp": 200}, "expired"), ("lives too long", {"exp": int(NOW.timestamp()) + 601}, "lifetime"),
    ("lives for ever", {"exp": 253402300799}, "lifetime"),
    ("no start", {"nbf": ...}, "claims"), ("start negative", {"nbf": -5}, "claims"), ("start with a fraction", {"nbf": 1.5}, "claims"),
    ("start after the end", {"nbf": int(NOW.timestamp()) + 60}, "claims"), ("start to come", {"nbf": int(NOW.timestamp()) + 30}, "not_yet_valid"),
    ("no issue time", {"iat": ...}, "claims"), ("issue time as a text", {"iat": "1"}, "claims"),
    ("issued in the future", {"iat": int(NOW.timestamp()) + 30}, "not_yet_valid"),
    ("no client", {"client_id": ...}, "claims"), ("client is not the subject", {"client_id": "d"}, "claims"), ("empty client", {"client_id": "", "sub": ""}, "claims"),
    ("client that is a list", {"client_id": ["c"], "sub": ["c"]}, "claims"), ("client with a line end", {"client_id": "c\n", "sub": "c\n"}, "claims"),
    ("client in other letters", {"client_id": "\u0441", "sub": "\u0441"}, "claims"), ("client too long", {"client_id": "c" * 257, "sub": "c" * 257}, "claims"),
    ("scope as a list", {"scope": ["a"]}, "claims"), ("scope empty", {"scope": ""}, "claims"), ("scope with two spaces", {"scope": "a  b"}, "claims"),
    ("scope with a tab", {"scope": "a\tb"}, "claims"), ("scope with quotes", {"scope": 'a"b'}, "claims"), ("no scope", {"scope": ...}, "claims"),
    ("no id", {"jti": ...}, "claims"), ("id of another type", {"jti": 7}, "claims"), ("id too long", {"jti": "j" * 300}, "claims"),
    ("no binding", {"cnf": ...}, "unbound"), ("empty binding", {"cnf": {}}, "unbound"), ("binding of another kind", {"cnf": {"jkt": "x"}}, "unbound"),
    ("binding of the wrong length", {"cnf": {"x5t#S256": "abc"}}, "unbound"), ("binding that is no text", {"cnf": {"x5t#S256": 1}}, "unbound"),
    ("binding that is a list", {"cnf": [{"x5t#S256": text(b"\xab" * 32)}]}, "unbound"), ("binding by SHA-1", {"cnf": {"x5t": text(b"\xab" * 20)}}, "unbound"),
    ("binding with padding", {"cnf": {"x5t#S256": text(b"\xab" * 32) + "="}}, "unbound"),
    ("binding spelled otherwise", {"cnf": {"x5t#S256": text(b"\xab" * 32)[:-1] + "t"}}, "unbound"),
]


@pytest.mark.parametrize(("bend", "expected"), [pytest.param(b, f, id=name) for name, b, f in BENT_CLAIMS])
def test_bent_claims(mint: Mint, bend: dict[str, Any], expected: str) -> None:
    claims = {k: v for k, v in (good_claims() | bend).items() if v is not ...}
    assert failure(mint, mint.sign(claims=claims)) == expected


BENT_HEADERS: list[tuple[str, dict[str, Any], str]] = [
    ("no algorithm", {"alg": ...}, "algorithm"), ("algorithm list", {"alg": ["ES256"]}, "algorithm"), ("algorithm null", {"alg": None}, "algorithm"),
    ("algorithm in small letters", {"alg": "es256"}, "algorithm"), ("algorithm with a space", {"alg": "ES256 "}, "algorithm"),
    ("none", {"alg": "none"}, "algorithm"), ("None", {"alg": "None"}, "algorithm"), ("nOnE", {"alg": "nOnE"}, "algorithm"), ("empty algorithm", {"alg": ""}, "algorithm"),
    ("ES256K", {"alg": "ES256K"}, "algorithm"), ("ES384", {"alg": "ES384"}, "algorithm"), ("RS256", {"alg": "RS256"}, "algorithm"), ("HS256", {"alg": "HS256"}, "algorithm"),
    ("RSA1_5", {"alg": "RSA1_5"}, "algorithm"), ("dir", {"alg": "dir", "enc": "A128GCM"}, "header"),
    ("no type", {"typ": ...}, "type"), ("JWT", {"typ": "JWT"}, "type"), ("ID token", {"typ": "id+jwt"}, "type"), ("assertion", {"typ": "client-authentication+jwt"}, "type"),
    ("type list", {"typ": ["at+jwt"]}, "header"), ("type null is no type", {"typ": None}, "type"), ("type with a space", {"typ": "at+jwt "}, "type"),
    ("type twice prefixed", {"typ": "application/application/at+jwt"}, "type"), ("type of look-alikes", {"typ": "\u0430t+jwt"}, "type"),
    ("unknown kid", {"kid": "x"}, "key"), ("kid that is a path", {"kid": "../../../../dev/null"}, "key"), ("kid that is SQL", {"kid": "x' UNION SELECT 'k'--"}, "key"),
    ("kid that is a command", {"kid": "|sleep 5"}, "key"), ("kid that is a URL", {"kid": "https://evil.example/k"}, "key"), ("kid with a NUL", {"kid": "x\u0000"}, "malformed"),
    ("kid number", {"kid": 1}, "header"), ("kid list", {"kid": ["x"]}, "header"), ("kid empty", {"kid": ""}, "header"), ("kid too long", {"kid": "k" * 257}, "header"),
    ("key embedded", {"jwk": ECKey.generate_key("P-256").as_dict(private=False)}, "header"), ("key null embedded", {"jwk": None}, "header"),
    ("key by URL", {"jku": "https://evil.example/jwks"}, "header"), ("certificate by URL", {"x5u": "https://evil.example/c"}, "header"),
    ("certificate embedded", {"x5c": ["MIIB"]}, "header"), ("critical and unknown", {"crit": ["x"], "x": 1}, "header"), ("critical, empty", {"crit": []}, "header"),
    ("critical and known", {"crit": ["exp"], "exp": 1}, "header"), ("critical, no list", {"crit": "b64"}, "header"),
    ("payload not encoded", {"b64": False, "crit": ["b64"]}, "header"), ("b64 without crit", {"b64": False}, "header"), ("b64 true", {"b64": True}, "header"),
    ("compressed", {"zip": "DEF"}, "header"), ("token in the token", {"cty": "JWT"}, "header"), ("PBES2 work", {"p2c": 2**31 - 1}, "header"),
    ("ephemeral key", {"epk": {}}, "header"),
]


@pytest.mark.parametrize(("bend", "expected"), [pytest.param(b, f, id=name) for name, b, f in BENT_HEADERS])
def test_bent_headers_well_signed(mint: Mint, bend: dict[str, Any], expected: str) -> None:
    header = {k: v for k, v in (mint.header | bend).items() if v is not ...}
    assert failure(mint, mint.sign(header)) == expected


def test_a_header_member_that_nobody_knows_is_passed_over(mint: Mint) -> None:
    """RFC 7515 section 4."""
    assert failure(mint, mint.sign(mint.header | {"x5t": "abc", "vendor": {"a": 1}})) is None


def signed(mint: Mint, header: str | bytes, claims: str | bytes) -> str:
    """The right key over these very texts."""
    return compact(header, claims, es256(mint.key))


type Texts = Callable[[str, str], tuple[str | bytes, str | bytes]]
"""From the JSON of a good header and of good claims (h, c) to two texts to sign."""

TEXTS: list[tuple[str, Texts]] = [
    ("alg twice", lambda h, c: (h[:-1] + ', "alg": "ES256"}', c)), ("alg twice, none first", lambda h, c: ('{"alg": "none", ' + h[1:], c)),
    ("kid twice", lambda h, c: (h[:-1] + ', "kid": "x"}', c)), ("alg twice by an escape", lambda h, c: (h[:-1] + ', "\\u0061lg": "none"}', c)),
    ("claim twice", lambda h, c: (h, c[:-1] + ', "client_id": "other"}')), ("exp twice", lambda h, c: (h, c[:-1] + ', "exp": 9999999999}')),
    ("member of cnf twice", lambda h, c: (h, c.replace('"cnf": {', '"cnf": {"x5t#S256": "a", '))),
    ("claim twice by an escape", lambda h, c: (h, c[:-1] + ', "\\u0065xp": 1}')),
    ("header a list", lambda h, c: ("[]", c)), ("header a text", lambda h, c: ('"ES256"', c)), ("header null", lambda h, c: ("null", c)),
    ("header an empty object", lambda h, c: ("{}", c)), ("claims a list", lambda h, c: (h, f"[{c}]")), ("claims a text", lambda h, c: (h, json.dumps(c))),
    ("claims null", lambda h, c: (h, "null")), ("claims a number", lambda h, c: (h, "1")), ("claims with a BOM", lambda h, c: (h, "\ufeff" + c)),
    ("header with a BOM", lambda h, c: ("\ufeff" + h, c)), ("claims in UTF-16", lambda h, c: (h, c.encode("utf-16"))),
    ("claims in Latin-1", lambda h, c: (h, c.replace('"j"', '"\xe9"').encode("latin-1"))),
    ("overlong slash", lambda h, c: (h, c.encode().replace(b"://", b":\xc0\xaf\xc0\xaf"))), ("bytes after the claims", lambda h, c: (h, c + "{}")),
    ("comment", lambda h, c: (h, "/**/" + c)), ("NaN", lambda h, c: (h, c[:-1] + ', "x": NaN}')),
    ("Infinity as expiry", lambda h, c: (h, c.replace('"exp": ', '"exp": Infinity, "e": '))), ("number too large", lambda h, c: (h, c[:-1] + ', "x": 1e999}')),
    ("deep", lambda h, c: (h, c[:-1] + ', "x": ' + "[" * 100 + "]" * 100 + "}")), ("lone surrogate", lambda h, c: (h, c[:-1] + ', "x": "\\ud800"}')),
    ("NUL in a name", lambda h, c: (h, c[:-1] + ', "iss\\u0000": "x"}')), ("header too large", lambda h, c: (f'{h[:-1]}, "x": "{"a" * 1100}"}}', c)),
    ("single quotes", lambda h, c: (h.replace('"', "'"), c)), ("trailing comma", lambda h, c: (h[:-1] + ",}", c)), ("no claims", lambda h, c: (h, "")),
    ("no header", lambda h, c: ("", c)),
]


@pytest.mark.parametrize("bend", [pytest.param(t, id=name) for name, t in TEXTS])
def test_json_that_two_readers_could_read_differently(mint: Mint, bend: Texts) -> None:
    good = json.dumps(mint.header), json.dumps(good_claims())
    assert failure(mint, compact(*good, es256(mint.key))) is None
    assert failure(mint, compact(*bend(*good), es256(mint.key))) in {"malformed", "algorithm"}


# --- the bytes of the token ---

SPELLINGS: list[tuple[str, Callable[[str], str]]] = [
    ("padding", lambda t: t + "="), ("padding everywhere", lambda t: ".".join(p + "=" * (-len(p) % 4) for p in t.split("."))),
    ("base64 for base64url", lambda t: t.replace("-", "+").replace("_", "/") + "+"), ("space before", lambda t: " " + t), ("line end after", lambda t: t + "\n"),
    ("CRLF within", lambda t: t[:50] + "\r\n" + t[50:]), ("tab within", lambda t: t[:50] + "\t" + t[50:]), ("NUL after", lambda t: t + "\0"),
    ("a fourth part", lambda t: t + ".a"), ("a dot after", lambda t: t + "."), ("a dot before", lambda t: "." + t), ("five parts, as if encrypted", lambda t: t + ".a.b"),
    ("no signature", lambda t: t.rpartition(".")[0] + "."), ("signature left out", lambda t: t.rpartition(".")[0]), ("one character more", lambda t: t + "A"),
    ("two characters less", lambda t: t[:-2]), ("last bits set", lambda t: t[:-1] + ("B" if t[-1] != "B" else "C")), ("only dots", lambda t: ".."),
    ("nothing", lambda t: ""), ("JSON form", lambda t: json.dumps(dict(zip(("protected", "payload", "signature"), t.split("."), strict=True)))),
    ("full-width letters", lambda t: t.replace("e", "\uff45", 1)), ("a character that joins nothing", lambda t: t + "\u200b"), ("a combining mark", lambda t: t[:9] + "\u0301" + t[9:]),
    ("a lone surrogate", lambda t: t + "\ud800"), ("huge", lambda t: t + "A" * 5000), ("huge header", lambda t: "A" * 100_000 + t), ("ten million dots", lambda t: "." * 10_000_000),
    ("twice", lambda t: f"{t}.{t}"), ("percent-encoded", lambda t: t.replace(".", "%2e")),
]


@pytest.mark.parametrize("spell", [pytest.param(t, id=name) for name, t in SPELLINGS])
def test_a_token_has_one_spelling(mint: Mint, spell: Callable[[str], str]) -> None:
    assert failure(mint, spell(mint.issue())) in {"malformed", "signature"}


@pytest.mark.parametrize("thing", [None, b"a.b.c", 7, ["a.b.c"], {"token": "a.b.c"}, object()], ids=lambda thing: type(thing).__name__)
def test_what_is_no_text_is_no_token(mint: Mint, thing: Any) -> None:
    assert failure(mint, thing) == "malformed"


# --- the signature ---

def _rs(r: int, s: int) -> Callable[[Mint], str]:
    return lambda mint: compact(mint.header, good_claims(), lambda _: r.to_bytes(32) + s.to_bytes(32))


def _by(sign: Callable[[Mint, bytes], bytes], **header: str) -> Callable[[Mint], str]:
    return lambda mint: compact(mint.header | header, good_claims(), lambda signing_input: sign(mint, signing_input))


def _der(mint: Mint, signing_input: bytes) -> bytes:
    signature: bytes = mint.key.get_op_key("sign").sign(signing_input, ec.ECDSA(hashes.SHA256()))
    return signature


def _public_pem(mint: Mint) -> bytes:
    pem: bytes = mint.key.as_pem(private=False)
    return pem


def _tampered(mint: Mint) -> str:
    header, _, signature = mint.issue().split(".")
    return f"{header}.{text(good_claims() | {'client_id': 'x', 'sub': 'x'})}.{signature}"


def _spliced(mint: Mint) -> str:
    one, two = mint.issue("one").split("."), mint.issue("two").split(".")
    return f"{one[0]}.{one[1]}.{two[2]}"


def _other_curve(mint: Mint) -> str:
    key = ECKey.generate_key("P-384")
    return jwt.encode(mint.header | {"alg": "ES384"}, good_claims(), key, algorithms=["ES384"])


def _rsa(mint: Mint) -> str:
    return jwt.encode(mint.header | {"alg": "RS256"}, good_claims(), RSAKey.generate_key(2048))


def _rsa_named_es256(mint: Mint) -> str:
    key = rsa.generate_private_key(65537, 2048)
    return compact(mint.header, good_claims(), lambda t: key.sign(t, padding.PKCS1v15(), hashes.SHA256()))


def _nested(mint: Mint) -> str:
    return compact(mint.header, mint.issue(), es256(mint.key))


FORGED: list[tuple[str, Callable[[Mint], str], str]] = [
    ("r and s zero (CVE-2022-21449)", _rs(0, 0), "signature"), ("r zero", _rs(0, 1), "signature"), ("s zero", _rs(1, 0), "signature"), ("r and s one", _rs(1, 1), "signature"),
    ("r and s the order", _rs(P256_ORDER, P256_ORDER), "signature"), ("r over the order", _rs(P256_ORDER + 1, 1), "signature"),
    ("r and s the largest", _rs(2**256 - 1, 2**256 - 1), "signature"), ("a signature in DER", _by(_der), "signature"),
    ("no bytes", _by(lambda m, t: b"\0"), "signature"), ("63 bytes", _by(lambda m, t: es256(m.key)(t)[1:]), "signature"),
    ("65 bytes", _by(lambda m, t: es256(m.key)(t) + b"\0"), "signature"), ("leading zero", _by(lambda m, t: b"\0" + es256(m.key)(t)), "signature"),
    ("r and s swapped", _by(lambda m, t: es256(m.key)(t)[32:] + es256(m.key)(t)[:32]), "signature"),
    ("HS256 with the public key", _by(lambda m, t: hmac.digest(_public_pem(m), t, "sha256"), alg="HS256"), "algorithm"),
    ("HMAC under the name of ES256", _by(lambda m, t: hmac.digest(_public_pem(m), t, "sha256")), "signature"),
    ("HS256 with an empty secret", _by(lambda m, t: hmac.digest(b"", t, "sha256"), alg="HS256"), "algorithm"),
    ("HS256 with the kid's file", _by(lambda m, t: hmac.digest(b"", t, "sha256"), alg="HS256", kid="/dev/null"), "algorithm"),
    ("a stranger's key", _by(lambda m, t: es256(ECKey.generate_key("P-256"))(t)), "signature"), ("tampered", _tampered, "signature"), ("spliced", _spliced, "signature"),
    ("another curve", _other_curve, "algorithm"), ("RSA", _rsa, "algorithm"), ("RSA under the name of ES256", _rsa_named_es256, "signature"),
    ("a token within a token", _nested, "malformed"), ("unsigned", lambda m: f"{text({'alg': 'none', 'typ': 'at+jwt'})}.{text(good_claims())}.", "malformed"),
    ("unsigned, with a signature", _by(lambda m, t: b"x", alg="none"), "algorithm"),
]


@pytest.mark.parametrize(("forge", "expected"), [pytest.param(f, e, id=name) for name, f, e in FORGED])
def test_forged(mint: Mint, forge: Callable[[Mint], str], expected: str) -> None:
    assert failure(mint, forge(mint)) == expected


def test_the_other_s_of_a_signature_is_the_same_token(mint: Mint) -> None:
    """ECDSA has two signatures for one message and JOSE forbids neither; both are revoked by the token's id."""
    def other(signing_input: bytes) -> bytes:
        raw = es256(mint.key)(signing_input)
        return raw[:32] + (P256_ORDER - int.from_bytes(raw[32:])).to_bytes(32)

    token = compact(mint.header, good_claims(), other)
    assert failure(mint, token) is None
    mint.revocations.revoked.add("j")
    assert failure(mint, token) == "revoked"
    assert failure(mint, mint.sign()) == "revoked"


def test_a_secret_is_never_a_key(mint: Mint) -> None:
    secret = OctKey.generate_key(256)
    assert failure(mint, jwt.encode({"alg": "HS256", "typ": "at+jwt"}, good_claims(), secret)) == "algorithm"


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), character=st.characters(codec="utf-8"))
def test_one_character_changed_and_it_is_refused_without_a_fault(mint: Mint, place: int, character: str) -> None:
    token = mint.sign()
    place %= len(token)
    changed = token[:place] + character + token[place + 1:]
    assert (failure(mint, changed) is None) == (changed == token)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["iss", "aud", "exp", "iat", "nbf", "sub", "client_id", "jti", "scope", "env", "cnf"]),
                       st.recursive(st.none() | st.booleans() | st.integers(-2**53, 2**53) | st.text(max_size=8),
                                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=4),
                       min_size=1))
def test_claims_of_any_type_are_refused_without_a_fault(mint: Mint, bend: dict[str, Any]) -> None:
    found = failure(mint, mint.sign(claims=good_claims() | bend))
    assert found != "fault"
    assert found is not None or set(bend) <= {"jti", "scope", "iat", "nbf", "exp"}


def test_what_nobody_foresaw_is_no_pass(mint: Mint) -> None:
    class Broken(Revocations):
        def status(self, claims: object) -> str:
            raise RuntimeError("broken")

    verifier = AccessTokenVerifier(RULES, OwnKeys(lambda: mint.ring), Broken())
    assert verifier.verify(mint.issue(), NOW).failure == "fault"


# --- what is remembered, and what ends it ---

def test_a_remembered_token_ends_with_its_time_its_revocation_and_its_key(mint: Mint, monkeypatch: pytest.MonkeyPatch) -> None:
    token = mint.issue()
    assert failure(mint, token) is None
    monkeypatch.setattr(access_tokens, "check_signature", lambda *_: pytest.fail("not from memory"))
    assert failure(mint, token) is None
    assert mint.verifier.verify(token, NOW + timedelta(seconds=600)).failure == "expired"
    assert mint.verifier.verify(token, NOW - timedelta(seconds=60)).failure == "not_yet_valid"
    for answer, told in (("revoked", "revoked"), ("unknown", "revocation_unknown"), ("", "revocation_unknown"), ("good", None)):
        mint.revocations.answer = answer
        assert failure(mint, token) == told
    mint.revocations.answer = "last_known"
    assert mint.verifier.verify(token, NOW).revocation == "last_known"
    monkeypatch.undo()
    remove(mint.folder, str(mint.key.kid), NOW)
    mint.reread()
    assert failure(mint, token) == "key"


def test_only_what_is_good_is_remembered_and_not_without_end(mint: Mint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_tokens, "MAX_REMEMBERED", 3)
    for _ in range(5):
        assert failure(mint, mint.issue()) is None
        assert failure(mint, _tampered(mint)) == "signature"
    assert len(mint.verifier._remembered) == 3


def test_keys_that_are_not_there_believe_nothing(mint: Mint) -> None:
    class NoKeys:
        def keys(self, now: object) -> None:
            return None

        def missed(self, key_id: str) -> None:
            raise AssertionError

    assert AccessTokenVerifier(RULES, NoKeys(), Revocations()).verify(mint.issue(), NOW).failure == "keys_unknown"


def test_a_rotation_refuses_nobody(mint: Mint) -> None:
    """The next key is published before it signs; the last one is believed until its last token has ended."""
    first = mint.key
    entry = rotate(mint.folder, NOW, publish_for_s=30, token_lifetime_s=600)
    mint.reread()
    for seconds in range(0, 800, 5):
        now = NOW + timedelta(seconds=seconds)
        assert mint.verifier.verify(mint.issue(now=now), now).failure is None
        assert mint.ring.public(now).knows(entry.kid)
        assert (mint.ring.signing_key(now).kid == entry.kid) == (seconds >= 30)
    last_of_first = mint.issue(now=NOW + timedelta(seconds=29))
    assert mint.verifier.verify(last_of_first, NOW + timedelta(seconds=628)).failure is None
    assert not mint.ring.public(NOW + timedelta(seconds=700)).knows(str(first.kid))


def test_without_a_kid_the_key_must_be_the_only_one(mint: Mint) -> None:
    rotate(mint.folder, NOW, publish_for_s=30, token_lifetime_s=600)
    mint.reread()
    assert failure(mint, mint.sign({"alg": "ES256", "typ": "at+jwt"})) == "key"


def test_tokens_of_one_environment_are_nothing_in_another(mint: Mint) -> None:
    abroad = AccessTokenVerifier(replace(RULES, environment="sandbox"), OwnKeys(lambda: mint.ring), Revocations())
    assert abroad.verify(mint.issue(), NOW).failure == "environment"


# --- where the token is read from ---

HEADERS: list[tuple[str | None, str]] = [
    (None, "absent"), ("", "malformed"), ("Basic abc", "malformed"), ("Bearer", "malformed"), ("Bearer a", "malformed"), ("Bearer  ", "malformed"),
    ("Bearer a.b.c d", "malformed"), ("Bearer a.b", "malformed"), ("Bearer\ta.b.c", "malformed"), ("Bearer " + "a" * 5000 + ".b.c", "malformed"),
    ("Bearer a.b.c, Bearer a.b.c", "malformed"), ("Bearer a.b.c.d", "malformed"), ("DPoP a.b.c", "malformed"), ("\u212aearer a.b.c", "malformed"), ("Bearer a.b.c\n", "malformed"),
]


@pytest.mark.parametrize(("header", "expected"), HEADERS)
def test_authorization_header(mint: Mint, header: str | None, expected: str) -> None:
    facts = identity_facts(header, mint.verifier, NOW)
    assert (facts.verified, facts.failure) == (False, expected)


def test_the_scheme_is_case_insensitive(mint: Mint) -> None:
    assert identity_facts("bearer " + mint.issue(), mint.verifier, NOW).verified


@pytest.mark.parametrize("thumbprint", ["", "a" * 42, "=" * 43, "A" * 42 + "B", 43, None, "é" * 43])
def test_thumbprints_are_read_strictly(thumbprint: object) -> None:
    assert thumbprint_hex(thumbprint) is None


def test_base64url_has_no_padding() -> None:
    assert base64url(b"a") == "YQ"
