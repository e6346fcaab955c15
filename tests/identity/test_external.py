"""Another authorization server's tokens: its keys by URL or file, rotation, bounded staleness, introspection."""

import asyncio
import ipaddress
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from joserfc.jwk import ECKey, OctKey
from pydantic import ValidationError

from gateway_addons.adapters.identity.base64url import base64url
from gateway_addons.adapters.identity.external_keys import FetchedKeys
from gateway_addons.adapters.identity.guess_guard import GuessBrake
from gateway_addons.adapters.identity.https_client import HttpsClient
from gateway_addons.adapters.identity.public_keys import KeySetError, read_jwks
from gateway_addons.adapters.identity.token_parts import Shared, TokenParts, token_parts
from gateway_addons.core.errors import Refusal
from gateway_addons.core.facts import IdentityFacts
from gateway_addons.settings.brake import Brake
from gateway_addons.settings.tokens import External, Tokens
from tests.identity.forge import NOW, SHA
from tests.identity.outside import Outside, running
from tests.identity.server import NoSwitches, Once, Policy, Register, Served
from tests.support import pki


def settings(**external: Any) -> Tokens:
    return Tokens.model_validate({"issuer": "https://outside.example/realms/a", "audience": "infinoe", "external": external})


def parts(tokens: Tokens, register: Register | None = None) -> TokenParts:
    return token_parts("production", tokens, Shared(Policy(), NoSwitches(), register or Register(), Once(), GuessBrake(Brake())))


@asynccontextmanager
async def kept_fresh(built: TokenParts) -> AsyncIterator[TokenParts]:
    task = asyncio.create_task(built.run())
    try:
        yield built
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool], within_s: float = 5) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)


def verify(built: TokenParts, token: str) -> IdentityFacts:
    return built.verifier.verify(token, NOW)


async def test_its_tokens_are_believed_with_its_own_habits() -> None:
    """No nbf, a subject of its own, an audience among several (RFC 7519 section 4.1.3)."""
    async with running() as outside, kept_fresh(parts(settings(jwks_url=f"{outside.url}/jwks"))) as built:
        assert verify(built, outside.token()).failure == "keys_unknown", "nothing is believed before the keys are there"
        await until(lambda: verify(built, outside.token()).verified)
        facts = verify(built, outside.token())
        assert (facts.client_id, facts.environment, facts.certificate_sha256) == ("c", "production", SHA)
        for bend, failure in (({"aud": "other"}, "audience"), ({"aud": ["account"]}, "audience"), ({"aud": ["infinoe", 1]}, "audience"), ({"aud": {"infinoe": 1}}, "audience"),
                              ({"iss": "https://outside.example/realms/b"}, "issuer"), ({"cnf": ...}, "unbound"), ({"exp": int(NOW.timestamp()) + 3601}, "lifetime"),
                              ({"jti": ...}, "claims"), ({"scope": ...}, "claims"), ({"nbf": 2**33}, "claims")):
            assert verify(built, outside.token(**bend)).failure == failure, bend


async def test_there_is_no_authorization_server_here_then() -> None:
    async with running() as outside:
        with pytest.raises(Refusal, match="INF-REQ-09"):
            await parts(settings(jwks_url=f"{outside.url}/jwks")).endpoint.answer(None)  # type: ignore[arg-type]


async def test_a_rotation_is_taken_up_when_a_token_names_the_new_key() -> None:
    async with running() as outside, kept_fresh(parts(settings(jwks_url=f"{outside.url}/jwks", unknown_key_s=1))) as built:
        await until(lambda: verify(built, outside.token()).verified)
        old = outside.token()
        outside.keys.append(ECKey.generate_key("P-256", auto_kid=True))
        new = outside.token()
        assert verify(built, new).failure == "key"
        await until(lambda: verify(built, new).verified)
        assert verify(built, old).verified, "the key before is still published"
        outside.keys.pop(0)
        stranger = outside.token(ECKey.generate_key("P-256", auto_kid=True))
        await until(lambda: verify(built, stranger).failure == "key" and verify(built, old).failure == "key")


async def test_unknown_keys_make_it_ask_at_a_bounded_rate() -> None:
    async with running() as outside, kept_fresh(parts(settings(jwks_url=f"{outside.url}/jwks", unknown_key_s=60))) as built:
        await until(lambda: verify(built, outside.token()).verified)
        for _ in range(200):
            assert verify(built, outside.token(ECKey.generate_key("P-256", auto_kid=True))).failure == "key"
            await asyncio.sleep(0)
        await asyncio.sleep(0.2)
        assert outside.asked_keys == 1


BROKEN: list[bytes | None] = [None, b"", b"{}", b'{"keys": []}', b"[]", b'{"keys": [{}], "keys": []}', b"\xff", b'{"keys": "x"}', b" " * 70_000]


@pytest.mark.parametrize("document", BROKEN, ids=lambda d: "status 500" if d is None else repr(d)[:20])
async def test_what_is_worse_never_replaces_what_is_there(document: bytes | None) -> None:
    clock = [0.0]
    async with running() as outside:
        client = HttpsClient(None, 2)
        keys = FetchedKeys(f"{outside.url}/jwks", settings(jwks_url=f"{outside.url}/jwks", max_stale_s=100).external, client, clock=lambda: clock[0])  # type: ignore[arg-type]
        assert await keys.fetch()
        outside.document, outside.failing = document, document is None
        assert not await keys.fetch()
        assert keys.alert is not None
        clock[0] = 100
        assert keys.keys(NOW) is not None
        clock[0] = 101
        assert keys.keys(NOW) is None, "fail closed when they are too old"
        outside.document, outside.failing = None, False
        assert await keys.fetch()
        assert keys.keys(NOW) is not None
        await client.close()


async def test_a_server_that_is_slow_or_away_is_bounded() -> None:
    async with running() as outside:
        outside.delay_s = 5
        client = HttpsClient(None, 0.2)
        keys = FetchedKeys(f"{outside.url}/jwks", External(jwks_url=f"{outside.url}/jwks"), client)
        async with asyncio.timeout(3):
            assert not await keys.fetch()
        await client.close()
    assert not await keys.fetch()
    await client.close()


async def test_over_tls_only_its_own_authority_is_believed(tmp_path: Path) -> None:
    right, wrong = pki.root("AC"), pki.root("AC")
    issued = right.issue("as", usages=(ExtendedKeyUsageOID.SERVER_AUTH,), names=(x509.IPAddress(ipaddress.ip_address("127.0.0.1")),))
    files = issued.write(tmp_path, "as")
    for name, authority in (("right", right), ("wrong", wrong)):
        authority.me.write(tmp_path, name)
    async with running(tls=files) as outside:
        for name, good in (("right", True), ("wrong", False)):
            client = HttpsClient(tmp_path / f"{name}.pem", 5)
            assert await FetchedKeys(f"{outside.url}/jwks", External(jwks_url=f"{outside.url}/jwks"), client).fetch() is good
            await client.close()


async def test_keys_in_a_file_are_read_again_when_they_change(tmp_path: Path) -> None:
    outside, file = Outside(), tmp_path / "jwks.json"

    def write() -> None:
        file.write_text(json.dumps({"keys": [key.as_dict(private=False) for key in outside.keys]}))

    write()
    async with kept_fresh(parts(settings(jwks_file=file))) as built:
        assert verify(built, outside.token()).verified
        outside.keys.append(ECKey.generate_key("P-256", auto_kid=True))
        write()
        await until(lambda: verify(built, outside.token()).verified)
        file.write_text("{")
        await asyncio.sleep(0.7)
        assert verify(built, outside.token()).verified, "a broken file leaves the old keys"


async def test_introspection_is_asked_once_for_a_while_and_ends_a_token(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret\n")
    async with running() as outside:
        asked = {"url": f"{outside.url}/introspect", "client_id": "poterne", "client_secret_file": tmp_path / "secret", "cache_s": 0.3}
        register = Register()
        async with kept_fresh(parts(settings(jwks_url=f"{outside.url}/jwks", introspection=asked), register)) as built:
            assert built.introspection is not None
            token = outside.token()
            await until(lambda: verify(built, token).failure == "revocation_unknown")
            await asyncio.gather(*(built.introspection.prepare(token, NOW) for _ in range(20)))
            assert verify(built, token).verified
            assert outside.asked_tokens == [token], "twenty calls, one question"
            await built.introspection.prepare("a.b.c", NOW)
            await built.introspection.prepare(outside.token(ECKey.generate_key("P-256", auto_kid=True)), NOW)
            assert outside.asked_tokens == [token], "nobody makes it ask about rubbish"
            outside.inactive.add(token)
            await asyncio.sleep(0.4)
            await built.introspection.prepare(token, NOW)
            assert verify(built, token).failure == "revoked"
            other = outside.token()
            outside.failing = True
            await built.introspection.prepare(other, NOW)
            assert verify(built, other).failure == "revocation_unknown", "no answer is no pass"
            outside.failing = False
            await built.introspection.prepare(other, NOW)
            assert verify(built, other).verified
            register.age = 100
            assert verify(built, other).failure == "revocation_unknown", "our own register counts too"


def test_a_key_set_is_read_strictly() -> None:
    good = ECKey.generate_key("P-256", auto_kid=True).as_dict(private=False)
    secret = OctKey.generate_key(256).as_dict()
    weak = {"kty": "RSA", "n": base64url((2**1023 + 1).to_bytes(128)), "e": "AQAB"}
    for keys in ([good, good], [weak], [secret], [good | {"crv": "P-384"}], [good | {"x": "AAAA"}], [good | {"use": "enc"}], [good | {"alg": "RS256"}], [good | {"kid": 1}],
                 [good | {"key_ops": ["sign"]}], [good | {"kty": "oct"}], [{"kty": "RSA", "n": "AQAB", "e": "AQ"}], ["x"], [good | {"kid": str(i)} for i in range(40)]):
        with pytest.raises(KeySetError):
            read_jwks(json.dumps({"keys": keys}).encode())
    read = read_jwks(json.dumps({"keys": [good, secret | {"kid": "s"}, good | {"kid": "enc", "use": "enc"}]}).encode())
    assert [key.key_id for key in read.keys] == [good["kid"]]
    assert read.find(str(good["kid"]), "ES384") is None


@pytest.mark.parametrize("wrong", [
    {}, {"jwks_url": "http://as.example/jwks"}, {"jwks_url": "ftp://127.0.0.1/"}, {"jwks_url": "https://a", "jwks_file": "b"}, {"jwks_url": "https://a", "algorithms": ["HS256"]},
    {"jwks_url": "https://a", "algorithms": ["none"]}, {"jwks_url": "https://a", "algorithms": []}, {"jwks_url": "http://127.0.0.1.evil.example/"}, {"jwks_url": "https://a", "max_stale_s": 10**9},
], ids=str)
def test_settings_that_would_weaken_it_stop_the_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_our_own_server_or_another_but_not_both(mint: Any) -> None:
    assert Served(mint)
    for wrong in ({}, {"signing_keys_folder": "a"}, {"client_secrets_file": "a"}, {"external": {"jwks_url": "https://a"}, "signing_keys_folder": "a"}):
        with pytest.raises(ValidationError):
            Tokens.model_validate({"issuer": "https://p", "audience": "a"} | wrong)
