"""The authorization server to the letter: RFC 6749, RFC 7009, RFC 7523, RFC 7662, RFC 8414, RFC 8705, RFC 9068, RFC 9700."""

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc.jwk import ECKey, OctKey

from gateway_addons.adapters.identity import revoked_tokens
from gateway_addons.adapters.identity.public_keys import keys_of
from gateway_addons.core.errors import PolicyUnavailable, Refusal
from gateway_addons.core.ports import TokenAnswer
from tests.identity.forge import NOW, SHA, Mint
from tests.identity.server import CERTIFICATE, ISSUER, KEY, SECRET, Served, assertion, basic_header
from tests.support import pki

GOOD = ("by-secret", SECRET)


@pytest.fixture
def served(mint: Mint) -> Served:
    return Served(mint)


def told(answer: TokenAnswer) -> tuple[int, str | None, str | None]:
    return answer.status, answer.body.get("error"), answer.code


# --- RFC 6749: the token endpoint ---

async def test_a_token_is_issued_as_sections_4_4_3_and_5_1_say(served: Served) -> None:
    answer = await served.ask(basic=GOOD)
    assert (answer.status, answer.code, answer.client_id) == (200, None, "by-secret")
    assert {k: v for k, v in answer.body.items() if k != "access_token"} == {"token_type": "Bearer", "expires_in": 600, "scope": "a b"}
    assert answer.headers == {"Cache-Control": "no-store", "Pragma": "no-cache"}
    assert served.verifier.verify(answer.body["access_token"], NOW).certificate_sha256 == SHA, "bound to the certificate (RFC 8705 section 3)"


@pytest.mark.parametrize(("scope", "granted"), [("a", "a"), ("b a", "a b"), ("", "a b")])
async def test_scope_asked_for_is_scope_granted(served: Served, scope: str, granted: str) -> None:
    answer = await served.ask(form={"grant_type": "client_credentials", "scope": scope}, basic=GOOD)
    assert answer.body["scope"] == granted


CC = "grant_type=client_credentials"
BAD_REQUESTS: list[tuple[str, dict[str, Any], tuple[int, str, str]]] = [
    ("no grant", {"form": "scope=a"}, (400, "invalid_request", "INF-CLI-03")), ("empty grant", {"form": "grant_type="}, (400, "invalid_request", "INF-CLI-03")),
    ("no body", {"form": ""}, (400, "invalid_request", "INF-CLI-03")), ("password grant", {"form": "grant_type=password&username=a&password=b"}, (400, "unsupported_grant_type", "INF-CLI-03")),
    ("code grant", {"form": "grant_type=authorization_code&code=x"}, (400, "unsupported_grant_type", "INF-CLI-03")),
    ("refresh", {"form": "grant_type=refresh_token&refresh_token=x"}, (400, "unsupported_grant_type", "INF-CLI-03")),
    ("grant in capitals", {"form": "grant_type=CLIENT_CREDENTIALS"}, (400, "unsupported_grant_type", "INF-CLI-03")),
    ("parameter twice", {"form": f"{CC}&{CC}"}, (400, "invalid_request", "INF-CLI-03")), ("scope twice", {"form": f"{CC}&scope=a&scope=b"}, (400, "invalid_request", "INF-CLI-03")),
    ("unknown parameter twice", {"form": f"{CC}&x=1&x=1"}, (400, "invalid_request", "INF-CLI-03")), ("too many parameters", {"form": CC + "&x=1" * 50}, (400, "invalid_request", "INF-CLI-03")),
    ("no form", {"form": CC, "content_type": "application/json"}, (400, "invalid_request", "INF-CLI-03")), ("no type", {"form": CC, "content_type": ""}, (400, "invalid_request", "INF-CLI-03")),
    ("JSON in the form", {"form": '{"grant_type": "client_credentials"}'}, (400, "invalid_request", "INF-CLI-03")),
    ("not ASCII", {"form": "grant_type=client_credentials&x=é"}, (400, "invalid_request", "INF-CLI-03")), ("not UTF-8", {"form": b"grant_type=client_credentials&x=%ff"}, (400, "invalid_request", "INF-CLI-03")),
    ("scope malformed", {"form": f'{CC}&scope=a"b'}, (400, "invalid_scope", "INF-CLI-02")), ("scope with two spaces", {"form": f"{CC}&scope=a++b"}, (400, "invalid_scope", "INF-CLI-02")),
    ("scope not granted", {"form": f"{CC}&scope=a+z"}, (400, "invalid_scope", "INF-CLI-02")),
    ("secret in the body too", {"form": f"{CC}&client_secret={SECRET}"}, (400, "invalid_request", "INF-CLI-03")),
    ("another client in the body", {"form": f"{CC}&client_id=by-name"}, (400, "invalid_request", "INF-CLI-03")),
    ("assertion beside Basic", {"form": assertion()}, (400, "invalid_request", "INF-CLI-03")),
    ("half an assertion beside Basic", {"form": f"{CC}&client_assertion_type=x"}, (400, "invalid_request", "INF-CLI-03")),
]


@pytest.mark.parametrize(("bend", "expected"), [pytest.param(b, e, id=name) for name, b, e in BAD_REQUESTS])
async def test_bad_requests_of_an_authenticated_client(served: Served, bend: dict[str, Any], expected: tuple[int, str, str]) -> None:
    answer = await served.ask(basic=GOOD, **bend)
    assert told(answer) == expected
    assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")
    assert "access_token" not in answer.body


UNAUTHENTICATED: list[tuple[str, dict[str, Any]]] = [
    ("nothing", {}), ("wrong secret", {"basic": ("by-secret", "x")}), ("empty secret", {"basic": ("by-secret", "")}), ("unknown client", {"basic": ("nobody", SECRET)}),
    ("secret of nobody", {"basic": ("nobody", "no client has this secret")}), ("no colon", {"basic": "Basic YWJj"}), ("no base64", {"basic": "Basic é"}), ("no credentials", {"basic": "Basic "}),
    ("another scheme", {"basic": "Bearer abc"}), ("Digest", {"basic": 'Digest username="by-secret"'}), ("not UTF-8", {"basic": "Basic /zr/"}),
    ("secret where a key is agreed", {"basic": ("by-key", SECRET)}), ("certificate alone where a secret is agreed", {"form": f"{CC}&client_id=by-secret"}),
    ("unknown client by certificate", {"form": f"{CC}&client_id=nobody"}), ("certificate not verified", {"form": f"{CC}&client_id=by-name", "certificate": replace(CERTIFICATE, verified=False)}),
    ("certificate of another name", {"form": f"{CC}&client_id=by-name", "certificate": replace(CERTIFICATE, subject="CN=other")}),
    ("client id with a NUL", {"basic": ("by-secret\0", SECRET)}), ("secret with more", {"basic": ("by-secret", SECRET + "x")}),
]


@pytest.mark.parametrize("bend", [pytest.param(b, id=name) for name, b in UNAUTHENTICATED])
async def test_who_does_not_authenticate_is_told_no_more_than_that(served: Served, bend: dict[str, Any]) -> None:
    answer = await served.ask(**bend)
    assert answer.status == 401
    assert answer.body["error"] == "invalid_client"
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert answer.headers["Cache-Control"] == "no-store"
    assert SECRET not in str(answer)


async def test_known_and_unknown_clients_get_the_same_answer(served: Served) -> None:
    known, unknown = await served.ask(basic=("by-secret", "x")), await served.ask(basic=("nobody", "x"))
    assert (known.status, known.body, known.headers) == (unknown.status, unknown.body, unknown.headers)


async def test_names_and_secrets_are_form_encoded_within_basic(served: Served) -> None:
    """RFC 6749 section 2.3.1."""
    assert (await served.ask(basic=("by%2Dsecret", SECRET.replace("-", "%2D")))).status == 200
    assert (await served.ask(basic=basic_header(*GOOD).replace("Basic", "bAsIc"))).status == 200


async def test_a_rotated_secret_and_the_one_before_are_good_until_its_end(served: Served) -> None:
    old = served.clients["by-secret"]["secrets"][0] | {"expires_at": NOW + timedelta(seconds=10)}
    new = {"id": "00000001", "argon2": "$argon2id$broken", "created_at": NOW}
    served.clients["by-secret"]["secrets"] = [new, old]
    assert (await served.ask(basic=GOOD, now=NOW + timedelta(seconds=9))).status == 200
    assert (await served.ask(basic=GOOD, now=NOW + timedelta(seconds=10))).status == 401


async def test_a_client_whose_contract_is_not_usable_is_unauthorized(served: Served) -> None:
    served.policy.refuse_with = ("contract", "INF-SUSP-01")
    assert told(await served.ask(basic=GOOD)) == (400, "unauthorized_client", "INF-SUSP-01")


@pytest.mark.parametrize("endpoint", ["token", "revoke", "introspect", "jwks", "metadata"])
async def test_without_policy_nothing_is_answered(served: Served, endpoint: Any) -> None:
    served.policy.failure = PolicyUnavailable("away")
    with pytest.raises(Refusal, match="INF-DEP-01"):
        await served.ask(endpoint, f"{CC}&token=x", basic=GOOD)


async def test_guesses_are_bounded_for_client_and_certificate(mint: Mint) -> None:
    served = Served(mint, guesses=3)
    for _ in range(3):
        assert (await served.ask(basic=("by-secret", "guess"))).status == 401
    with pytest.raises(Refusal, match="INF-LIM-01") as waiting:
        await served.ask(basic=GOOD)
    assert int(dict(waiting.value.headers)["Retry-After"]) >= 1
    assert (await served.ask(basic=GOOD, certificate=replace(CERTIFICATE, sha256="cd" * 32))).status == 401, "another certificate is not kept out"
    assert (await served.ask(form=assertion())).status == 200, "nor is another client"


async def test_an_unknown_client_takes_as_long_as_a_known_one(served: Served) -> None:
    """Both hash once: the shorter is no shorter than a tenth of the longer."""
    from gateway_addons.adapters.identity import client_authentication

    served.clients["by-secret"]["secrets"][0]["argon2"] = client_authentication._HASHER.hash(SECRET)
    spent = []
    for name in ("by-secret", "nobody"):
        begin = time.perf_counter()
        await served.ask(basic=(name, "x"))
        spent.append(time.perf_counter() - begin)
    assert min(spent) > max(spent) / 10


# --- RFC 7523: private_key_jwt ---

async def test_private_key_jwt(served: Served) -> None:
    answer = await served.ask(form=assertion())
    assert (answer.status, answer.client_id) == (200, "by-key")
    assert served.policy.asked[-1].client.method == "private_key_jwt"


EXP = int(NOW.timestamp())
BENT_ASSERTIONS: list[tuple[str, dict[str, Any]]] = [
    ("another issuer", {"bend": {"iss": "other"}}), ("no issuer", {"bend": {"iss": ...}}), ("subject unknown", {"bend": {"sub": "nobody", "iss": "nobody"}}),
    ("subject is another client", {"bend": {"sub": "by-secret", "iss": "by-secret"}}), ("no subject", {"bend": {"sub": ...}}),
    ("another audience", {"bend": {"aud": "https://evil.example"}}), ("no audience", {"bend": {"aud": ...}}), ("audience list of two", {"bend": {"aud": [ISSUER, "https://evil.example"]}}),
    ("audience of the revocation endpoint", {"bend": {"aud": f"{ISSUER}/revoke"}}), ("audience with a slash", {"bend": {"aud": ISSUER + "/"}}),
    ("no end", {"bend": {"exp": ...}}), ("ended", {"bend": {"exp": EXP}}), ("end far away", {"bend": {"exp": EXP + 3606}}), ("end as a text", {"bend": {"exp": str(EXP + 60)}}),
    ("begins later", {"bend": {"nbf": EXP + 30}}), ("issued later", {"bend": {"iat": EXP + 30}}), ("no id", {"bend": {"jti": ...}}), ("empty id", {"bend": {"jti": ""}}),
    ("id no text", {"bend": {"jti": 1}}), ("id too long", {"bend": {"jti": "j" * 300}}), ("a stranger's key", {"key": ECKey.generate_key("P-256")}),
    ("key embedded", {"header": {"jwk": KEY.as_dict(private=False)}}), ("unsigned", {"header": {"alg": "none"}}), ("HMAC", {"header": {"alg": "HS256"}}),
    ("unknown kid", {"header": {"kid": "x"}}), ("critical", {"header": {"crit": ["x"], "x": 1}}),
]


@pytest.mark.parametrize("bend", [pytest.param(b, id=name) for name, b in BENT_ASSERTIONS])
async def test_bent_assertions(served: Served, bend: dict[str, Any]) -> None:
    assert told(await served.ask(form=assertion(**bend))) == (401, "invalid_client", "INF-CLI-01")


@pytest.mark.parametrize("audience", [ISSUER, f"{ISSUER}/token", [ISSUER]], ids=str)
async def test_the_audience_is_the_issuer_or_the_token_endpoint(served: Served, audience: Any) -> None:
    assert (await served.ask(form=assertion({"aud": audience}))).status == 200


async def test_an_assertion_is_used_once(served: Served) -> None:
    form = assertion()
    assert (await served.ask(form=form)).status == 200
    assert told(await served.ask(form=form)) == (401, "invalid_client", "INF-CLI-01")
    assert (await served.ask(form=assertion({"jti": "j2"}))).status == 200


async def test_when_nobody_can_say_whether_it_was_used_it_is_not_believed(served: Served) -> None:
    served.once.failure = True
    with pytest.raises(Refusal, match="INF-DEP-05"):
        await served.ask(form=assertion())


@pytest.mark.parametrize("form", [
    assertion() | {"client_assertion_type": "urn:x"}, {k: v for k, v in assertion().items() if k != "client_assertion_type"},
    {k: v for k, v in assertion().items() if k != "client_assertion"}, assertion() | {"client_id": "by-secret"}], ids=["type", "no type", "no assertion", "client"])
async def test_half_an_assertion_is_a_bad_request(served: Served, form: dict[str, str]) -> None:
    assert (await served.ask(form=form)).body["error"] == "invalid_request"


async def test_an_assertion_that_cannot_be_read_is_no_authentication(served: Served) -> None:
    assert told(await served.ask(form=assertion() | {"client_assertion": "x"})) == (401, "invalid_client", "INF-CLI-01")


# --- RFC 8705: the certificate as the client's proof ---

@pytest.mark.parametrize("client_id", ["by-name", "by-itself"])
async def test_mutual_tls_client_authentication(served: Served, client_id: str) -> None:
    answer = await served.ask(form=f"{CC}&client_id={client_id}")
    assert (answer.status, answer.client_id) == (200, client_id)


def leaf(*names: x509.GeneralName) -> bytes:
    return pki.root("CA").issue("client", names=names).certificate.public_bytes(Encoding.DER)


@pytest.mark.parametrize(("registered", "names", "good"), [
    ({"san_dns": "client.example"}, (x509.DNSName("CLIENT.example"),), True), ({"san_dns": "client.example"}, (x509.DNSName("a.client.example"),), False),
    ({"san_dns": "client.example"}, (), False), ({"san_dns": "client"}, (), False), ({"san_dns": "*.example"}, (x509.DNSName("client.example"),), False),
    ({"san_uri": "urn:a"}, (x509.UniformResourceIdentifier("urn:a"),), True), ({"san_uri": "urn:a"}, (x509.DNSName("urn"),), False),
    ({"san_email": "a@b.example"}, (x509.RFC822Name("a@b.example"),), True), ({"san_email": "a@b.example"}, (x509.RFC822Name("c@b.example"),), False),
    ({"san_ip": "192.0.2.1"}, (x509.DNSName("192.0.2.1"),), False),
], ids=str)
async def test_the_registered_name_is_looked_for_in_its_own_place(served: Served, registered: dict[str, str], names: tuple[x509.GeneralName, ...], good: bool) -> None:
    served.clients["by-name"] = {"tls_client_auth": registered}
    answer = await served.ask(form=f"{CC}&client_id=by-name", leaf_der=leaf(*names))
    assert (answer.status == 200) is good


@pytest.mark.parametrize("entry", [
    {"tls_client_auth": {}}, {"tls_client_auth": {"subject_dn": "CN=a", "san_dns": "a"}}, {"jwks": {"keys": []}}, {"jwks": {}}, {"unknown": 1}, {"self_signed_sha256": ["AB" * 32]},
    {"secrets": [{"id": "00000000", "argon2": "plain", "created_at": NOW}]}, {"jwks": {"keys": [OctKey.generate_key(256).as_dict()]}},
], ids=["no name", "two names", "no keys", "no key set", "unknown member", "digest in capitals", "secret that is no hash", "secret key"])
def test_a_registration_that_means_nothing_is_refused(served: Served, entry: dict[str, Any]) -> None:
    served.clients["x"] = entry
    with pytest.raises(ValueError):
        served.server.authentication._clients()


# --- RFC 7009: revocation ---

async def test_a_revoked_token_is_not_believed_any_more(served: Served) -> None:
    token = await served.token()
    assert served.verifier.verify(token, NOW).verified
    answer = await served.ask("revoke", {"token": token, "token_type_hint": "refresh_token"}, basic=GOOD)
    assert (answer.status, answer.body, answer.headers["Cache-Control"]) == (200, {}, "no-store")
    assert served.verifier.verify(token, NOW).failure == "revoked"
    assert (await served.ask("revoke", {"token": token}, basic=GOOD)).status == 200, "again: as good as done"


async def test_what_is_no_token_is_as_good_as_revoked(served: Served) -> None:
    for token in ("x", "a.b.c", await served.token() + "x"):
        assert (await served.ask("revoke", {"token": token}, basic=GOOD)).status == 200
    assert served.register.held == {}


async def test_nobody_revokes_anothers_token(served: Served) -> None:
    token = await served.token()
    assert told(await served.ask("revoke", assertion() | {"token": token})) == (400, "unauthorized_client", "INF-CLI-03")
    assert served.verifier.verify(token, NOW).verified


@pytest.mark.parametrize("endpoint", ["revoke", "introspect"])
async def test_these_endpoints_are_for_clients_that_authenticate(served: Served, endpoint: Any) -> None:
    token = await served.token()
    assert told(await served.ask(endpoint, {"token": token})) == (401, "invalid_client", "INF-CLI-01")
    assert told(await served.ask(endpoint, {"token": token}, basic=("by-secret", "x"))) == (401, "invalid_client", "INF-CLI-01")
    assert told(await served.ask(endpoint, {"nothing": "x"}, basic=GOOD)) == (400, "invalid_request", "INF-CLI-03")
    assert served.verifier.verify(token, NOW).verified


async def test_what_cannot_be_put_down_is_not_said_to_be_revoked(served: Served) -> None:
    token = await served.token()

    async def nowhere(*_: object, **__: object) -> None:
        from gateway_addons.core.errors import RegisterUnavailable
        raise RegisterUnavailable("nowhere")

    served.register.put = nowhere  # type: ignore[method-assign]
    with pytest.raises(Refusal, match="INF-DEP-05"):
        await served.ask("revoke", {"token": token}, basic=GOOD)


async def test_a_register_that_is_stale_or_unread_refuses(served: Served) -> None:
    token = await served.token()
    served.register.age = 6
    assert served.verifier.verify(token, NOW).failure == "revocation_unknown"
    served.register.age = 0
    served.register.failure = True
    assert served.verifier.verify(token, NOW).failure == "revocation_unknown"


async def test_a_client_that_takes_back_very_many_does_not_fill_the_register(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revoked_tokens, "MAX_OF_A_CLIENT", 3)
    tokens = [await served.token() for _ in range(6)]
    for token in tokens[:5]:
        assert (await served.ask("revoke", {"token": token}, basic=GOOD)).status == 200
    assert len(served.register.held) == 4, "three, then one for all"
    assert [served.verifier.verify(token, NOW).failure for token in tokens] == ["revoked"] * 6


async def test_all_tokens_of_a_client_are_taken_back_at_once(served: Served) -> None:
    token = await served.token()
    await served.server.revoker.revoke_client("by-secret", "operator", NOW + timedelta(seconds=600))  # type: ignore[attr-defined]
    assert served.verifier.verify(token, NOW).failure == "revoked"
    later = await served.ask(basic=GOOD, now=NOW + timedelta(seconds=1))
    assert served.verifier.verify(later.body["access_token"], NOW + timedelta(seconds=1)).verified


# --- RFC 7662: introspection ---

async def test_introspection_tells_a_client_of_its_own_token(served: Served) -> None:
    token = await served.token()
    answer = await served.ask("introspect", {"token": token}, basic=GOOD)
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.body
    assert (body["active"], body["client_id"], body["scope"], body["exp"] - body["iat"], body["iss"]) == (True, "by-secret", "a b", 600, ISSUER)
    assert set(body["cnf"]) == {"x5t#S256"}


async def test_of_any_other_token_it_tells_only_that_it_is_not_active(served: Served) -> None:
    token = await served.token()
    assert (await served.ask("introspect", assertion() | {"token": token})).body == {"active": False}
    assert (await served.ask("introspect", {"token": "x"}, basic=GOOD)).body == {"active": False}
    assert (await served.ask("introspect", {"token": token}, basic=GOOD, now=NOW + timedelta(seconds=600))).body == {"active": False}
    await served.ask("revoke", {"token": token}, basic=GOOD)
    assert (await served.ask("introspect", {"token": token}, basic=GOOD)).body == {"active": False}


# --- RFC 8414 and RFC 7517: what is published ---

async def test_metadata(served: Served) -> None:
    answer = await served.ask("metadata", "")
    document = answer.body
    assert {document[name] for name in ("token_endpoint", "revocation_endpoint", "introspection_endpoint", "jwks_uri")} == {
        f"{ISSUER}/{path}" for path in ("token", "revoke", "introspect", "jwks")}
    assert document["grant_types_supported"] == ["client_credentials"]
    assert document["tls_client_certificate_bound_access_tokens"] is True
    assert "none" not in document["token_endpoint_auth_signing_alg_values_supported"]
    metadata = AuthorizationServerMetadata(document)
    for name in ("issuer", "token_endpoint", "jwks_uri", "grant_types_supported", "token_endpoint_auth_methods_supported",
                 "token_endpoint_auth_signing_alg_values_supported", "revocation_endpoint", "introspection_endpoint"):
        getattr(metadata, f"validate_{name}")()


async def test_the_key_set_is_public_and_verifies(served: Served) -> None:
    document = (await served.ask("jwks", "")).body
    assert [set(key) for key in document["keys"]] == [{"kty", "crv", "x", "y", "kid", "use", "alg"}]
    assert keys_of(document["keys"]).knows(str(served.mint.key.kid))


@pytest.mark.parametrize("endpoint", ["jwks", "metadata"])
async def test_documents_are_for_who_has_a_certificate_of_a_contract(served: Served, endpoint: Any) -> None:
    answer = await served.ask(endpoint, "", certificate=replace(CERTIFICATE, verified=False, failure="chain"))
    assert told(answer) == (401, "invalid_client", "INF-CERT-06")
