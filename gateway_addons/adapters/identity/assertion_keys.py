"""Signs the X-JWT-Assertion of one environment (joserfc, ES256)."""

from datetime import datetime
from typing import Any

from joserfc import jwt

from gateway_addons.adapters.identity.key_ring import ALGORITHM, load_key
from gateway_addons.core.decision import AssertionClaims
from gateway_addons.settings.tokens import Assertion


class AssertionKeys:
    """The gateway's word to the backend; implements `core.ports.AssertionSigner`."""

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
