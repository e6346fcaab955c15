"""Control C4: the identity told by the OAuth2 access token (clause 4-C4, RFC 6750, RFC 9068, RFC 8705)."""

import re
from datetime import datetime

from gateway_addons.core.facts import IdentityFacts
from gateway_addons.core.ports import TokenVerifier

_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)")
"""RFC 6750 section 2.1, narrowed to a compact JWS; the scheme is case-insensitive (RFC 9110 section 11.1)."""

MAX_TOKEN_CHARACTERS = 4096


def bearer_token(authorization: str | None) -> str | None:
    """The token of the one Authorization header, or None when it is none of a form that is looked at."""
    bearer = _BEARER.fullmatch(authorization or "")
    return bearer[1] if bearer is not None and len(bearer[1]) <= MAX_TOKEN_CHARACTERS else None


def identity_facts(authorization: str | None, verifier: TokenVerifier, now: datetime) -> IdentityFacts:
    """The facts of control C4. `authorization` is the one Authorization header, or None when there is none."""
    if authorization is None:
        return IdentityFacts(presented=False, verified=False, failure="absent")
    token = bearer_token(authorization)
    if token is None:
        return IdentityFacts(presented=True, verified=False, failure="malformed")
    return verifier.verify(token, now)
