"""Access tokens: the one place where they are verified, and the one where Poterne's own are signed.

`AccessTokenVerifier.verify` is what the running gateway asks for every call (control C4), whoever issued the token.
"""

import hashlib
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from joserfc import jwt
from joserfc.errors import JoseError

from gateway_addons.adapters.identity.base64url import base64url
from gateway_addons.adapters.identity.key_ring import ALGORITHM, KeyRing
from gateway_addons.adapters.identity.public_keys import PublicKeys
from gateway_addons.adapters.identity.strict_jws import TokenDefect, check_signature, check_type, read_compact
from gateway_addons.adapters.identity.token_claims import TokenClaims, TokenRules, read_claims
from gateway_addons.core.facts import IdentityFacts

MAX_REMEMBERED = 4096
"""Tokens that are remembered as verified."""


class KeySource(Protocol):
    """Where the issuer's keys come from."""

    def keys(self, now: datetime) -> PublicKeys | None:
        """The keys that are believed at this moment; None when they could not be had fresh enough. No I/O."""

    def missed(self, key_id: str) -> None:
        """A token named a key that is not among them: the source may look again, at a bounded rate. No I/O."""


class RevokedTokens(Protocol):
    """The tokens that were taken back before their end."""

    def status(self, claims: TokenClaims) -> str:
        """`good`, `revoked`, `last_known` (not revoked by what was known last, and that is to suffice) or `unknown`. No I/O."""


class NothingRevoked:
    """For where nothing can be revoked; implements `RevokedTokens`."""

    def status(self, claims: TokenClaims) -> str:
        """Always `good`."""
        return "good"


@dataclass(frozen=True)
class OwnKeys:
    """The ring of our own keys, as it is on the disk now; implements `KeySource`."""

    ring: Callable[[], KeyRing]

    def keys(self, now: datetime) -> PublicKeys:
        """Signing keys of now, of before and of later."""
        return self.ring().public(now)

    def missed(self, key_id: str) -> None:
        """The ring is looked at all the time anyway."""


@dataclass(frozen=True)
class KeysInFile:
    """The key set of another server in a file, as it is on the disk now; implements `KeySource`."""

    current: Callable[[], PublicKeys]

    def keys(self, now: datetime) -> PublicKeys:
        """All keys of the file."""
        return self.current()

    def missed(self, key_id: str) -> None:
        """The file is looked at all the time anyway."""


class AccessTokenVerifier:
    """Verifies the access tokens of one environment; implements `core.ports.TokenVerifier`.

    Inputs of `verify`: `token`, the text after `Bearer ` (the caller's word, any text at all), and `now`, an aware moment.

    Output: `IdentityFacts`. `verified=True, failure=None` only when all of this holds:
    - a compact JWS in one spelling: base64url canonical, header and claims JSON objects without a repeated member
      (RFC 7515), 4,096 characters at most, no member that brings a key, an extension, compression or nesting;
    - signed with an algorithm of the allow-list by the key of that `kid` among the issuer's keys (RFC 8725 3.1, 3.10);
    - `typ` is `at+jwt` (RFC 9068 section 2.1), `iss`, `aud` and environment are this environment's;
    - `exp`, `iat` and `nbf` are whole seconds, the token has begun (within `leeway_s`), has not ended, and lives no longer
      than `max_lifetime_s`;
    - `client_id`, `sub`, `jti` and `scope` are there and well-formed, `cnf` holds a certificate's SHA-256 (RFC 8705);
    - it is not revoked. Whether the certificate is that of the connection is policy's to say (`certificate_sha256`).

    Otherwise `verified=False`, every claim is None, and `failure` is one of: `malformed`, `header`, `algorithm`, `key`,
    `signature`, `type`, `issuer`, `audience`, `environment`, `claims`, `lifetime`, `expired`, `not_yet_valid`, `unbound`,
    `revoked`, `keys_unknown` (the issuer's keys are not there or too old), `revocation_unknown`, `fault`.

    Errors: none. Nothing is raised; what nobody foresaw is `fault`.

    Verified tokens are remembered by the SHA-256 of their bytes, at most `MAX_REMEMBERED` of them. What is remembered is
    only that signature and claims were good: dates, revocation, and that the keys are still the same ones are looked at
    each time.
    """

    def __init__(self, rules: TokenRules, keys: KeySource, revoked: RevokedTokens) -> None:
        self._rules = rules
        self._keys = keys
        self._revoked = revoked
        self._remembered: OrderedDict[bytes, tuple[object, TokenClaims, IdentityFacts]] = OrderedDict()

    def verify(self, token: str, now: datetime) -> IdentityFacts:
        """The facts of a token; never raises (see the class)."""
        try:
            return self._verified(token, now)
        except TokenDefect as defect:
            return refused(defect.failure)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError, ArithmeticError):
            return refused("malformed")
        except Exception:  # noqa: BLE001 - whatever it is, the token is not believed
            return refused("fault")

    def claims(self, token: str, now: datetime) -> TokenClaims:
        """The claims of a token that `verify` would believe. Raises `TokenDefect` with the failure."""
        facts = self.verify(token, now)
        if facts.failure is not None:
            raise TokenDefect(facts.failure)
        return self._remembered[_digest(token)][1]

    def claims_of(self, token: str) -> TokenClaims | None:
        """The claims of a token whose signature and claims were believed lately, whatever became of it; no verdict."""
        remembered = self._remembered.get(_digest(token))
        return remembered[1] if remembered else None

    def _verified(self, token: str, now: datetime) -> IdentityFacts:
        keys = self._keys.keys(now)
        if keys is None:
            raise TokenDefect("keys_unknown")
        claims, facts = self._claims(token, keys)
        failure = claims.date_failure(now, self._rules.leeway_s)
        if failure is not None:
            raise TokenDefect(failure)
        revocation = self._revoked.status(claims)
        if revocation not in ("good", "last_known"):
            raise TokenDefect("revoked" if revocation == "revoked" else "revocation_unknown")
        return facts if revocation == facts.revocation else replace(facts, revocation=revocation)

    def _claims(self, token: str, keys: PublicKeys) -> tuple[TokenClaims, IdentityFacts]:
        """What the token says, from memory when these very bytes were verified with these very keys."""
        digest = _digest(token)
        remembered = self._remembered.get(digest)
        if remembered is not None and remembered[0] == keys.generation:
            self._remembered.move_to_end(digest)
            return remembered[1], remembered[2]
        jws = read_compact(token)
        try:
            check_signature(jws, keys, self._rules.algorithms)
        except TokenDefect as defect:
            if defect.failure == "key" and jws.key_id is not None and not keys.knows(jws.key_id):
                self._keys.missed(jws.key_id)
            raise
        check_type(jws, self._rules.types)
        claims = read_claims(jws.claims, self._rules)
        facts = claims.facts(self._rules)
        self._remembered[digest] = (keys.generation, claims, facts)
        while len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return claims, facts


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def refused(failure: str) -> IdentityFacts:
    """A token that is not believed, and why."""
    return IdentityFacts(presented=True, verified=False, failure=failure)


@dataclass(frozen=True)
class AccessTokenIssuer:
    """Signs the access tokens of one environment (RFC 9068, bound to a certificate by RFC 8705)."""

    rules: TokenRules
    lifetime_s: int
    ring: Callable[[], KeyRing]

    def issue(self, client_id: str, scopes: list[str], certificate_sha256: str, now: datetime) -> str:
        """A signed access token for this client, bound to the certificate with that SHA-256 (hexadecimal)."""
        issued = int(now.timestamp())
        claims = {
            "iss": self.rules.issuer, "aud": self.rules.audience, "sub": client_id, "client_id": client_id,
            "iat": issued, "nbf": issued, "exp": issued + self.lifetime_s, "jti": str(uuid.uuid4()),
            "scope": " ".join(scopes), "env": self.rules.environment,
            "cnf": {"x5t#S256": base64url(bytes.fromhex(certificate_sha256))},
        }
        key = self.ring().signing_key(now)
        return jwt.encode({"alg": ALGORITHM, "typ": "at+jwt", "kid": key.kid}, claims, key)
