"""All that an environment has for tokens, built from its settings: who believes them, who issues them, what keeps fresh."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway_addons.adapters.identity.access_tokens import AccessTokenIssuer, AccessTokenVerifier, OwnKeys
from gateway_addons.adapters.identity.authorization_server import AuthorizationServer, GuessGuard
from gateway_addons.adapters.identity.client_authentication import ClientAuthentication, SingleUse
from gateway_addons.adapters.identity.client_registry import read_clients
from gateway_addons.adapters.identity.key_ring import ALGORITHM, RING_FILE, read_ring
from gateway_addons.adapters.identity.revoked_tokens import Register, RevokedInRegister
from gateway_addons.adapters.identity.token_claims import TokenRules
from gateway_addons.adapters.identity.watched_file import WatchedFile
from gateway_addons.core.ports import PolicyEngine, TokenEndpoint
from gateway_addons.settings.tokens import Tokens

LOOK_S = 0.5
"""How often files are looked at for changes."""


@dataclass(frozen=True)
class Shared:
    """What all environments share."""

    policy: PolicyEngine
    revoked: Register
    single_use: SingleUse
    guard: GuessGuard


@dataclass(frozen=True)
class TokenParts:
    """`run` keeps fresh what is read from outside, until it is cancelled."""

    verifier: AccessTokenVerifier
    endpoint: TokenEndpoint
    run: Callable[[], Coroutine[Any, Any, None]]


def token_parts(environment: str, settings: Tokens, shared: Shared) -> TokenParts:
    """The parts of one environment.

    Raises:
        ValueError, OSError: a file of keys or clients cannot be used; the gateway does not start.
    """
    revoked = RevokedInRegister(shared.revoked, environment, settings.revocation.max_age_s, settings.revocation.on_stale)
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

    server = AuthorizationServer(
        environment=environment, issuer=settings.issuer, policy=shared.policy, verifier=verifier, revoker=revoked,
        guard=shared.guard, key_set=key_set,
        authentication=ClientAuthentication(environment, settings.issuer, lambda: clients.value, shared.single_use),
        tokens=AccessTokenIssuer(rules, settings.lifetime_s, lambda: ring.value),
    )
    return TokenParts(verifier, server, lambda: _look((ring, clients)))


async def _look(files: tuple[WatchedFile[Any], ...]) -> None:
    while True:
        await asyncio.sleep(LOOK_S)
        for file in files:
            file.refresh()
