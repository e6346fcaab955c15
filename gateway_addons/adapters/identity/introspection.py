"""Is a token of an external server still good? Asked of that server (RFC 7662), remembered for a moment.

A token is asked about only when its signature and claims were believed, so nobody makes the gateway ask about rubbish.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from gateway_addons.adapters.identity.https_client import HttpsClient, ServerSilent
from gateway_addons.adapters.identity.token_claims import TokenClaims
from gateway_addons.core.facts import IdentityFacts
from gateway_addons.core.strict_json import Unreadable, read_object
from gateway_addons.settings.tokens import Introspection

MAX_ANSWER_BYTES = 16 * 1024
MAX_REMEMBERED = 4096
QUESTIONS_AT_ONCE = 16


class Verifier(Protocol):
    """Who judges a token with what is remembered."""

    def verify(self, token: str, now: datetime) -> IdentityFacts:
        """The facts; `revocation_unknown` when nothing fresh is remembered."""

    def claims_of(self, token: str) -> TokenClaims | None:
        """The claims of a token whose signature and claims were believed just now."""


class Introspected:
    """What was answered lately; implements `access_tokens.RevokedTokens` and `core.ports.TokenPreparation`."""

    def __init__(self, settings: Introspection, secret: str, client: HttpsClient,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._secret = secret
        self._client = client
        self._clock = clock
        self._answers: OrderedDict[str, tuple[bool, float]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(QUESTIONS_AT_ONCE)
        self.verifier: Verifier | None = None

    def status(self, claims: TokenClaims) -> str:
        """`good` or `revoked` by a fresh answer; else `unknown`."""
        active, at = self._answers.get(_name(claims), (False, -float("inf")))
        if self._clock() - at > max(self._settings.cache_s, _A_CALL_S):
            return "unknown"
        return "good" if active else "revoked"

    async def prepare(self, token: str, now: datetime) -> None:
        """Ask about this token when that is all that is missing; whatever fails leaves it unknown, which policy refuses."""
        verifier = self.verifier
        if verifier is None:
            return
        facts, claims = verifier.verify(token, now), verifier.claims_of(token)
        if claims is None or facts.failure not in (None, "revoked", "revocation_unknown"):
            return
        _, at = self._answers.get(_name(claims), (False, -float("inf")))
        if self._clock() - at <= self._settings.cache_s:
            return
        name = _name(claims)
        if name not in self._asking:
            self._asking[name] = asyncio.create_task(self._ask(name, token))
            self._asking[name].add_done_callback(lambda _: self._asking.pop(name, None))
        await asyncio.shield(self._asking[name])

    async def _ask(self, name: str, token: str) -> None:
        form = {"token": token, "token_type_hint": "access_token"}
        try:
            async with self._turns:
                body = await self._client.ask("POST", self._settings.url, max_bytes=MAX_ANSWER_BYTES, form=form,
                                              basic=(self._settings.client_id, self._secret))
            active = read_object(body).get("active")
        except (ServerSilent, Unreadable):
            return
        if not isinstance(active, bool):
            return
        self._answers[name] = (active, self._clock())
        self._answers.move_to_end(name)
        while len(self._answers) > MAX_REMEMBERED:
            self._answers.popitem(last=False)


_A_CALL_S = 1.0
"""An answer got for a call is good for that call, also where nothing is kept (`cache_s: 0`)."""


def _name(claims: TokenClaims) -> str:
    return f"{claims.client_id} {claims.token_id} {claims.issued} {claims.certificate_sha256}"
