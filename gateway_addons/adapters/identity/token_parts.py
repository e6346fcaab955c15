"""All that an environment has for tokens, built from its settings: who believes them, who issues them, what keeps fresh."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway_addons.adapters.identity.access_tokens import (
    AccessTokenIssuer,
    AccessTokenVerifier,
    KeysInFile,
    KeySource,
    OwnKeys,
)
from gateway_addons.adapters.identity.authorization_server import AuthorizationServer, GuessGuard, NoAuthorizationServer
from gateway_addons.adapters.identity.client_authentication import ClientAuthentication, SingleUse
from gateway_addons.adapters.identity.client_registry import read_clients
from gateway_addons.adapters.identity.external_keys import FetchedKeys
from gateway_addons.adapters.identity.https_client import HttpsClient
from gateway_addons.adapters.identity.introspection import Introspected
from gateway_addons.adapters.identity.key_ring import ALGORITHM, RING_FILE, read_ring
from gateway_addons.adapters.identity.keys_in_use import clients_in_use, external_in_use, ring_in_use
from gateway_addons.adapters.identity.public_keys import PublicKeys, read_jwks
from gateway_addons.adapters.identity.revoked_tokens import Register, RevokedInRegister
from gateway_addons.adapters.identity.token_claims import TokenClaims, TokenRules
from gateway_addons.adapters.identity.watched_file import WatchedFile
from gateway_addons.core.errors import DependencyFailure
from gateway_addons.core.journal.in_use import InUse
from gateway_addons.core.ports import PolicyEngine, Switches, TokenEndpoint, TokenPreparation
from gateway_addons.settings.tokens import External, Tokens

LOOK_S = 0.5
"""How often files are looked at for changes."""


@dataclass(frozen=True)
class Shared:
    """What all environments share."""

    policy: PolicyEngine
    switches: Switches
    revoked: Register
    single_use: SingleUse
    guard: GuessGuard


@dataclass(frozen=True)
class TokenParts:
    """`run` keeps fresh what is read from outside, until it is cancelled; `alert` says what cannot be read anew."""

    verifier: AccessTokenVerifier
    endpoint: TokenEndpoint
    run: Callable[[], Coroutine[Any, Any, None]]
    alert: Callable[[], str | None]
    in_use: Callable[[], list[InUse]]
    introspection: TokenPreparation | None = None

    async def healthy(self) -> None:
        """Are keys and clients what is on the disk, or at the other server, now? Raises `DependencyFailure`."""
        if (why := self.alert()) is not None:
            raise DependencyFailure(why)


def token_parts(environment: str, settings: Tokens, shared: Shared) -> TokenParts:
    """The parts of one environment.

    Raises:
        ValueError, OSError: a file of keys or clients cannot be used; the gateway does not start.
    """
    revoked = RevokedInRegister(shared.revoked, environment, settings.revocation.max_age_s, settings.revocation.on_stale)
    if settings.external is not None:
        return _external(environment, settings, settings.external, revoked)
    return _own(environment, settings, shared, revoked)


def own_rules(environment: str, settings: Tokens) -> TokenRules:
    """What is demanded of our own tokens."""
    return TokenRules(environment, settings.issuer, settings.audience, frozenset({ALGORITHM}), settings.leeway_s,
                      settings.lifetime_s)


def _own(environment: str, settings: Tokens, shared: Shared, revoked: RevokedInRegister) -> TokenParts:
    folder, file = settings.signing_keys_folder, settings.client_secrets_file
    if folder is None or file is None:  # pragma: no cover - the settings' model looked
        raise ValueError("no keys or no clients")
    ring = WatchedFile(folder / RING_FILE, lambda: read_ring(folder))
    clients = WatchedFile(file, lambda: read_clients(file))
    rules = own_rules(environment, settings)
    verifier = AccessTokenVerifier(rules, OwnKeys(lambda: ring.value), revoked)

    def key_set(now: datetime) -> dict[str, Any]:
        return ring.value.public(now).document()

    keys_told = _once(lambda: ring.value, lambda value: ring_in_use(environment, folder, ring.digest, value))
    clients_told = _once(lambda: clients.value, lambda value: clients_in_use(environment, file, clients.digest, value))
    server = AuthorizationServer(
        environment=environment, issuer=settings.issuer, policy=shared.policy, switches=shared.switches,
        verifier=verifier, revoker=revoked,
        guard=shared.guard, key_set=key_set,
        authentication=ClientAuthentication(environment, settings.issuer, clients.of_now, shared.single_use),
        tokens=AccessTokenIssuer(rules, settings.lifetime_s, lambda: ring.value),
    )
    return TokenParts(verifier, server, lambda: _look((ring, clients)), lambda: ring.alert or clients.alert,
                      lambda: [keys_told(), clients_told()])


def _external(environment: str, settings: Tokens, external: External, revoked: RevokedInRegister) -> TokenParts:
    """Another server's tokens. What the operator revokes here is refused, whatever that server says."""
    rules = TokenRules(
        environment, settings.issuer, settings.audience, frozenset(external.algorithms), settings.leeway_s,
        external.max_lifetime_s, of_ours=False, types=frozenset(external.token_types),
        environment_claim=external.environment_claim, client_claim=external.client_claim)
    client = HttpsClient(external.ca_file, external.timeout_s)
    source, keep_fresh, alert, keys = _keys_of(external, client)
    named = external.jwks_url or str(external.jwks_file)
    introspected = _introspected(external, client)
    verifier = AccessTokenVerifier(rules, source, _Both(revoked, introspected) if introspected else revoked)
    if introspected is not None:
        introspected.verifier = verifier

    async def run() -> None:
        try:
            await keep_fresh()
        finally:
            await client.close()

    return TokenParts(verifier, NoAuthorizationServer(), run, alert, lambda: [external_in_use(environment, named, keys())],
                      introspected)


type Fresh = tuple[KeySource, Callable[[], Coroutine[Any, Any, None]], Callable[[], str | None], Callable[[], PublicKeys | None]]


def _keys_of(external: External, client: HttpsClient) -> Fresh:
    if external.jwks_url is not None:
        fetched = FetchedKeys(external.jwks_url, external, client)
        return fetched, fetched.run, lambda: fetched.alert, lambda: fetched.last
    file = external.jwks_file
    if file is None:  # pragma: no cover - the settings' model looked
        raise ValueError("no keys of the external server")
    watched = WatchedFile(file, lambda: read_jwks(file.read_bytes()))
    return KeysInFile(lambda: watched.value), lambda: _look((watched,)), lambda: watched.alert, lambda: watched.value


def _introspected(external: External, client: HttpsClient) -> Introspected | None:
    asked = external.introspection
    if asked is None:
        return None
    return Introspected(asked, asked.client_secret_file.read_text(encoding="utf-8").strip(), client)


@dataclass(frozen=True)
class _Both:
    """Revoked here, or there; implements `access_tokens.RevokedTokens`."""

    here: RevokedInRegister
    there: Introspected

    def status(self, claims: TokenClaims) -> str:
        here = self.here.status(claims)
        if here not in ("good", "last_known"):
            return here
        there = self.there.status(claims)
        return here if there == "good" else there


def _once[T](value: Callable[[], T], told: Callable[[T], InUse]) -> Callable[[], InUse]:
    """Told again only when there is another value: it is asked for every second, and a file may have thousands of clients."""
    last: list[tuple[T, InUse]] = []

    def now() -> InUse:
        current = value()
        if not last or last[0][0] is not current:
            last[:] = [(current, told(current))]
        return last[0][1]

    return now


async def _look(files: tuple[WatchedFile[Any], ...]) -> None:
    while True:
        await asyncio.sleep(LOOK_S)
        for file in files:
            file.refresh()
