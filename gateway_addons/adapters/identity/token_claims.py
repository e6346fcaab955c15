"""What the claims of an access token must say (RFC 7519, RFC 9068, RFC 8705): pure checks, no key and no clock."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway_addons.adapters.identity.base64url import thumbprint_hex
from gateway_addons.adapters.identity.strict_jws import TokenDefect
from gateway_addons.core.facts import IdentityFacts, rfc3339

TOKEN_TYPES = frozenset({"at+jwt"})
"""RFC 9068 section 2.1."""

MAX_NAME_CHARACTERS = 256
_LAST_SECOND = 253402300799
"""9999-12-31T23:59:59Z: no date of a token is later."""

_NAME = re.compile(r"[\x21-\x7e]{1,256}")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}( [\x21\x23-\x5b\x5d-\x7e]{1,128}){0,63}")
"""RFC 6749 section 3.3: scope-token *( SP scope-token )."""


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What is demanded of the tokens of one environment.

    `leeway_s` is how far ahead of ours the issuer's clock may be (`iat`, `nbf`); an end is an end (`exp`).
    `environment_claim` is None where issuer and audience alone name the environment. `of_ours`: our own tokens always have
    `nbf`, one audience, and the client as their subject; those of another issuer may lack the first, name several
    audiences, and have a subject of their own.
    """

    environment: str
    issuer: str
    audience: str
    algorithms: frozenset[str]
    leeway_s: int
    max_lifetime_s: int
    of_ours: bool = True
    types: frozenset[str] = TOKEN_TYPES
    environment_claim: str | None = "env"
    client_claim: str = "client_id"


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """The claims that count, typed; dates are whole seconds since 1970."""

    client_id: str
    token_id: str
    scopes: tuple[str, ...]
    environment: str
    issued: int
    not_before: int
    expires: int
    certificate_sha256: str

    def date_failure(self, now: datetime, leeway_s: int) -> str | None:
        """`expired`, `not_yet_valid` or None at this moment."""
        seconds = now.timestamp()
        if seconds >= self.expires:
            return "expired"
        return "not_yet_valid" if seconds < max(self.issued, self.not_before) - leeway_s else None

    def facts(self, rules: TokenRules) -> IdentityFacts:
        """The facts of a token that is believed but for its revocation."""
        return IdentityFacts(
            presented=True, verified=True, failure=None, client_id=self.client_id, scopes=self.scopes,
            environment=self.environment, issued_at=_moment(self.issued), expires_at=_moment(self.expires),
            certificate_sha256=self.certificate_sha256, leeway_s=rules.leeway_s, revocation="good",
        )


def read_claims(claims: Mapping[str, Any], rules: TokenRules) -> TokenClaims:
    """The claims of a token whose signature was believed, when they are what the rules ask for.

    Raises:
        TokenDefect: `issuer`, `audience`, `environment`, `claims` (missing, of another type or form), `lifetime`,
            `unbound` (no certificate in `cnf`).
    """
    if claims.get("iss") != rules.issuer:
        raise TokenDefect("issuer")
    _check_audience(claims.get("aud"), rules)
    environment = rules.environment
    if rules.environment_claim is not None and claims.get(rules.environment_claim) != environment:
        raise TokenDefect("environment")
    issued, expires = _second(claims.get("iat")), _second(claims.get("exp"))
    not_before = _second(claims.get("nbf", None if rules.of_ours else claims.get("iat")))
    if not issued < expires or not not_before < expires:
        raise TokenDefect("claims")
    if expires - issued > rules.max_lifetime_s:
        raise TokenDefect("lifetime")
    client_id = _name(claims.get(rules.client_claim))
    subject = _name(claims.get("sub"))
    if rules.of_ours and subject != client_id:
        raise TokenDefect("claims")
    return TokenClaims(client_id, _name(claims.get("jti")), _scopes(claims.get("scope")), environment, issued, not_before,
                       expires, _bound(claims.get("cnf")))


def _check_audience(audience: object, rules: TokenRules) -> None:
    if audience == rules.audience:
        return
    several = not rules.of_ours and isinstance(audience, list) and all(isinstance(a, str) for a in audience)
    if not several or rules.audience not in audience:  # type: ignore[operator]
        raise TokenDefect("audience")


def _second(value: object) -> int:
    """A NumericDate as a whole number of seconds; fractions, texts and booleans are refused (RFC 7519 section 2)."""
    if type(value) is not int or not 0 < value <= _LAST_SECOND:
        raise TokenDefect("claims")
    return value


def _name(value: object) -> str:
    if not isinstance(value, str) or _NAME.fullmatch(value) is None:
        raise TokenDefect("claims")
    return value


def _scopes(value: object) -> tuple[str, ...]:
    if not isinstance(value, str) or _SCOPE.fullmatch(value) is None:
        raise TokenDefect("claims")
    return tuple(value.split(" "))


def _bound(confirmation: object) -> str:
    thumbprint = thumbprint_hex(confirmation.get("x5t#S256")) if isinstance(confirmation, dict) else None
    if thumbprint is None:
        raise TokenDefect("unbound")
    return thumbprint


def _moment(second: int) -> str:
    return rfc3339(datetime.fromtimestamp(second, UTC))
