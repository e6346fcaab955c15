"""X-JWT-Assertion: the gateway's word on who calls, verified on every call (clause 4-b; JWS ES256, RFC 7515 and 7519)."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from backend.assertion_keys import AssertionKeys
from backend.errors import Refusal
from backend.prepared import Caller
from backend.replay_guard import ReplayGuard

ALGORITHM = "ES256"
LEEWAY_S = 5
MAX_LIFETIME_S = 300
MAX_ASSERTION_BYTES = 8_192
_HEADER_NAMES = {"alg", "typ", "kid"}
_KEYTYPES = {"production": "PRODUCTION", "sandbox": "SANDBOX"}

_Word = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class Claims(BaseModel):
    """The claims the backend relies on; others are ignored (RFC 7519, section 4)."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    iat: int
    exp: int
    jti: _Word
    organisation: _Word
    application: _Word
    keytype: Literal["PRODUCTION", "SANDBOX"]
    convention: _Word
    siren: Annotated[str, StringConstraints(pattern=r"^[0-9]{9}$")]
    correlation_id: Annotated[_Word, Field(alias="correlationId")]
    htm: _Word
    htu: Annotated[str, StringConstraints(min_length=1, max_length=2_048)]
    body_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    flux: _Word | None = None
    operation: _Word | None = None
    intervention_distinct: Annotated[bool, Field(alias="enveloppeInterventionDistincte")] = True


@dataclass(frozen=True, slots=True)
class Expectations:
    """What every assertion must say, from the command line."""

    environment: str
    issuer: str
    audience: str


class AssertionVerifier:
    """Verifies assertions with the keys of one gateway and refuses each one the second time."""

    def __init__(self, expectations: Expectations, keys: AssertionKeys, guard: ReplayGuard) -> None:
        """The guard is shared by all calls of the process."""
        self._expected = expectations
        self._keys = keys
        self._guard = guard

    def verify(self, values: list[str], method: str, raw_path: str, now: float) -> Claims:
        """The claims of the one assertion of a call; the body is judged later, by `check_body`.

        `values` are all values of the header; `raw_path` is the path exactly as sent.

        Raises:
            Refusal: 900902 absent, 900901 anything else.
        """
        if not values:
            raise Refusal("900902")
        if len(values) != 1 or len(values[0]) > MAX_ASSERTION_BYTES:
            raise Refusal("900901")
        claims = self._claims(self._payload(values[0]), int(now))
        if claims.keytype != _KEYTYPES[self._expected.environment]:
            raise Refusal("900901")
        if claims.htm != method or claims.htu != raw_path:
            raise Refusal("900901")
        self._guard.admit(claims.jti, claims.iat, claims.exp + LEEWAY_S, now)
        return claims

    def _payload(self, value: str) -> dict[str, Any]:
        """The signed payload; the key is chosen by our list, never by what the token brings along (RFC 8725, 3.1 and 3.10)."""
        try:
            header = jws.extract_compact(value.encode("ascii")).headers()
            if set(header) != _HEADER_NAMES or header["alg"] != ALGORITHM or header["typ"] != "JWT":
                raise Refusal("900901")
            key = self._keys.find(str(header["kid"]))
            if key is None:
                raise Refusal("900901")
            payload = json.loads(jws.deserialize_compact(value, key, algorithms=[ALGORITHM]).payload)
        except (JoseError, ValueError) as e:
            raise Refusal("900901") from e
        if not isinstance(payload, dict):
            raise Refusal("900901")
        return payload

    def _claims(self, payload: dict[str, Any], now: int) -> Claims:
        registry = JWTClaimsRegistry(
            now=now,
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._expected.issuer},
            aud={"essential": True, "value": self._expected.audience},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            registry.validate(payload)
            claims = Claims.model_validate(payload)
        except (JoseError, ValidationError) as e:
            raise Refusal("900901") from e
        if not 0 < claims.exp - claims.iat <= MAX_LIFETIME_S:
            raise Refusal("900901")
        return claims


def check_body(claims: Claims, body: bytes) -> None:
    """The body is, to the byte, the one the gateway judged.

    Raises:
        Refusal: 900901.
    """
    if not hmac.compare_digest(claims.body_sha256, hashlib.sha256(body).hexdigest()):
        raise Refusal("900901")


def check_operation(claims: Claims, flux: str | None, operation: str) -> None:
    """What the gateway authorised is what the path and method mean here.

    Raises:
        Refusal: 900901.
    """
    if claims.flux != flux or claims.operation != operation:
        raise Refusal("900901")


def caller_of(claims: Claims) -> Caller:
    """Who calls, as the rest of the backend knows it."""
    return Caller(
        siren=claims.siren,
        convention=claims.convention,
        application=claims.application,
        correlation_id=claims.correlation_id,
        request_id=claims.jti,
        intervention_distinct=claims.intervention_distinct,
    )
