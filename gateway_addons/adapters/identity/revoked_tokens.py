"""Tokens that were taken back: a view on the shared register, which every worker of every gateway knows within a second."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, Protocol

from gateway_addons.adapters.identity.token_claims import TokenClaims
from gateway_addons.core.errors import RegisterUnavailable
from gateway_addons.core.register import Entry, RegisterFull

REGISTER = "revoked"
MAX_OF_A_CLIENT = 1000


class Register(Protocol):
    """The part of `adapters.register.shared_register.SharedRegister` that is used."""

    def entries(self) -> Mapping[str, Entry]:
        """The entries in force. Raises `RegisterUnavailable`."""

    def age_s(self) -> float:
        """Seconds since the last comparison with the other gateways."""

    async def put(self, key: str, value: Mapping[str, Any], *, by: str, expires_at: datetime | None = None) -> object:
        """Put an entry in force. Raises `RegisterUnavailable`."""


@dataclass(frozen=True)
class RevokedInRegister:
    """The revoked tokens of one environment; implements `access_tokens.RevokedTokens` and `authorization_server.Revoker`."""

    register: Register
    environment: str
    max_age_s: float
    on_stale: Literal["refuse", "last_known"]

    def status(self, claims: TokenClaims) -> str:
        """`revoked` whenever it is known to be; else by the register's age. A register never read is always `unknown`."""
        try:
            entries = self.register.entries()
        except RegisterUnavailable:
            return "unknown"
        if token_key(self.environment, claims.token_id) in entries:
            return "revoked"
        of_client = entries.get(client_key(self.environment, claims.client_id))
        if of_client is not None and claims.issued <= of_client.put_at.timestamp():
            return "revoked"
        if self.register.age_s() <= self.max_age_s:
            return "good"
        return "last_known" if self.on_stale == "last_known" else "unknown"

    async def revoke(self, claims: TokenClaims, by: str) -> None:
        """Take one token back until its end. Raises `RegisterUnavailable`.

        A client that has taken back very many has all it holds taken back instead, so that it does not fill the register,
        which is everybody's.
        """
        mine = sum(1 for entry in self.register.entries().values() if entry.value.get("client") == claims.client_id)
        if mine >= MAX_OF_A_CLIENT:
            longest = timedelta(seconds=claims.expires - claims.issued + 60)
            await self.revoke_client(claims.client_id, by, datetime.now(UTC) + longest)
            return
        end = datetime.fromtimestamp(claims.expires, UTC) + timedelta(seconds=1)
        await self._put(token_key(self.environment, claims.token_id), {"client": claims.client_id}, by, end)

    async def revoke_client(self, client_id: str, by: str, until: datetime) -> None:
        """Take back every token that a client has by now; `until` is when the last of them ends. Raises `RegisterUnavailable`."""
        await self._put(client_key(self.environment, client_id), {"client": client_id}, by, until)

    async def _put(self, key: str, value: dict[str, str], by: str, until: datetime) -> None:
        try:
            await self.register.put(key, value, by=by, expires_at=until)
        except RegisterFull as e:
            raise RegisterUnavailable(str(e)) from e


@lru_cache(maxsize=4096)
def token_key(environment: str, token_id: str) -> str:
    """The register's key of one token: a digest, so that no `jti` is too long or odd for it."""
    return f"jeton:{environment}:{hashlib.sha256(token_id.encode()).hexdigest()}"


def client_key(environment: str, client_id: str) -> str:
    """The register's key of all tokens of a client."""
    return f"client:{environment}:{client_id}"
