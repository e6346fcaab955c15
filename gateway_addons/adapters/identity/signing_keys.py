"""Keys of an environment: access tokens are issued and verified, assertions are signed (joserfc, ES256)."""

import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import BadSignatureError, DecodeError, InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, KeySet
from joserfc.jws import JWSRegistry

from gateway_addons.core.decision import AssertionClaims
from gateway_addons.core.facts import IdentityFacts, rfc3339
from gateway_addons.settings.tokens import Assertion, Tokens

ALGORITHM = "ES256"
"""The one algorithm that is signed with and believed (RFC 8725 section 3.1)."""

TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068 section 2.1, not a password


def load_key(file: Path) -> ECKey:
    """A private EC key (P-256, PEM); its `kid` is the RFC 7638 thumbprint.

    Raises:
        ValueError: not such a key.
    """
    key = ECKey.import_key(file.read_bytes())
    if key.curve_name != "P-256" or not key.is_private:
        raise ValueError(f"{file}: a private P-256 key in PEM is needed")
    key.ensure_kid()
    return key


def thumbprint_hex(x5t_s256: object) -> str | None:
    """The hexadecimal form of a base64url SHA-256 (RFC 8705 section 3.1), or None when it is not one."""
    if not isinstance(x5t_s256, str) or len(x5t_s256) != 43:
        return None
    try:
        return strict_base64url(x5t_s256).hex()
    except ValueError:
        return None


def strict_base64url(text: str) -> bytes:
    """Strict, unpadded base64url. Raises `ValueError`."""
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise ValueError("not canonical base64url")
    return raw


class AccessTokens:
    """Issues and verifies the access tokens of one environment (RFC 9068, bound by RFC 8705).

    Implements `core.ports.TokenVerifier`.
    """

    def __init__(self, environment: str, settings: Tokens) -> None:
        self._environment = environment
        self._settings = settings
        self._key = load_key(settings.signing_key_file)
        self._keys = KeySet([self._key])
        self._registry = JWSRegistry(algorithms=[ALGORITHM])

    @property
    def lifetime_s(self) -> int:
        """Seconds a token lives."""
        return self._settings.lifetime_s

    def issue(self, client_id: str, scopes: list[str], certificate_sha256: str, now: datetime) -> str:
        """A signed access token for this client, bound to the certificate with that SHA-256 (hexadecimal)."""
        issued = int(now.timestamp())
        claims = {
            "iss": self._settings.issuer, "aud": self._settings.audience, "sub": client_id, "client_id": client_id,
            "iat": issued, "nbf": issued, "exp": issued + self._settings.lifetime_s, "jti": str(uuid.uuid4()),
            "scope": " ".join(scopes), "env": self._environment,
            "cnf": {"x5t#S256": urlsafe_b64encode(bytes.fromhex(certificate_sha256)).rstrip(b"=").decode()},
        }
        return jwt.encode({"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": self._key.kid}, claims, self._key)

    def verify(self, token: str, now: datetime) -> IdentityFacts:
        """The facts of a token: signature, type, issuer, audience, dates, environment, binding. Never raises."""
        try:
            parsed = jwt.decode(token, self._keys, algorithms=[ALGORITHM])
        except (BadSignatureError, InvalidKeyIdError):
            return _refused("signature")
        except (DecodeError, JoseError, ValueError, TypeError, KeyError):
            return _refused("malformed")
        failure = self._failure(parsed.header, parsed.claims, now)
        if failure is not None:
            return _refused(failure)
        return _facts(parsed.claims)

    def _failure(self, header: Mapping[str, Any], claims: Mapping[str, Any], now: datetime) -> str | None:
        if header.get("alg") != ALGORITHM:
            return "algorithm"
        if str(header.get("typ", "")).lower().removeprefix("application/") != TOKEN_TYPE:
            return "type"
        if claims.get("iss") != self._settings.issuer:
            return "issuer"
        if claims.get("aud") != self._settings.audience:
            return "audience"
        if claims.get("env") != self._environment:
            return "environment"
        return _date_failure(claims, now, self._settings.leeway_s) or _shape_failure(claims)


def _date_failure(claims: Mapping[str, Any], now: datetime, leeway_s: int) -> str | None:
    dates = [claims.get(name) for name in ("iat", "nbf", "exp")]
    if not all(type(date) is int for date in dates):
        return "claims"
    _, not_before, expires = (int(d) for d in dates if d is not None)
    seconds = now.timestamp()
    if seconds >= expires:
        return "expired"
    return "not_yet_valid" if seconds < not_before - leeway_s else None


def _shape_failure(claims: Mapping[str, Any]) -> str | None:
    if not all(isinstance(claims.get(name), str) and claims[name] for name in ("client_id", "sub", "jti", "scope")):
        return "claims"
    if claims["client_id"] != claims["sub"]:
        return "claims"
    confirmation = claims.get("cnf")
    bound = isinstance(confirmation, dict) and thumbprint_hex(confirmation.get("x5t#S256"))
    return None if bound else "unbound"


def _facts(claims: Mapping[str, Any]) -> IdentityFacts:
    epoch = datetime.fromtimestamp(0).astimezone()
    return IdentityFacts(
        presented=True, verified=True, failure=None, client_id=claims["client_id"], scopes=tuple(claims["scope"].split(" ")),
        environment=claims["env"], issued_at=rfc3339(epoch + timedelta(seconds=claims["iat"])),
        expires_at=rfc3339(epoch + timedelta(seconds=claims["exp"])),
        certificate_sha256=thumbprint_hex(claims["cnf"]["x5t#S256"]),
    )


def _refused(failure: str) -> IdentityFacts:
    return IdentityFacts(presented=True, verified=False, failure=failure)


class AssertionKeys:
    """Signs the X-JWT-Assertion of one environment; implements `core.ports.AssertionSigner`."""

    def __init__(self, settings: Assertion) -> None:
        self._settings = settings
        self._key = load_key(settings.signing_key_file)

    def sign(self, claims: AssertionClaims, call: dict[str, Any], now: datetime) -> str:
        """A JWS that binds who was admitted to this very call: method, path and the digest of its body."""
        issued = int(now.timestamp())
        own = {"iss": self._settings.issuer, "aud": self._settings.audience, "iat": issued,
               "exp": issued + self._settings.lifetime_s}
        payload = own | claims.model_dump(by_alias=True) | call
        return jwt.encode({"alg": ALGORITHM, "typ": "JWT", "kid": self._key.kid}, payload, self._key)
