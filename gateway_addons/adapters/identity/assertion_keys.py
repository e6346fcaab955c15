"""Signs the X-JWT-Assertion of one environment: a compact JWS (RFC 7515) by ES256 (RFC 7518 section 3.4).

Signed with `cryptography` itself: joserfc's way around the same signature costs more than the signature, for every call
(docs/performance.md). What it makes is verified with joserfc in the tests and in the backend.
"""

from base64 import urlsafe_b64encode
from datetime import datetime
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from gateway_addons.adapters.identity.key_ring import ALGORITHM, load_key
from gateway_addons.core.decision import AssertionClaims
from gateway_addons.settings.tokens import Assertion

_COORDINATE_BYTES = 32
_ECDSA = ECDSA(SHA256())


class AssertionKeys:
    """The gateway's word to the backend; implements `core.ports.AssertionSigner`."""

    def __init__(self, settings: Assertion) -> None:
        self._settings = settings
        key = load_key(settings.signing_key_file)
        private = key.private_key
        if not isinstance(private, EllipticCurvePrivateKey):  # pragma: no cover - load_key has seen to it
            raise TypeError("not a private key")
        self._private = private
        self.key_id = str(key.kid)
        """The RFC 7638 thumbprint of the key."""
        self._header = _base64url(orjson.dumps({"alg": ALGORITHM, "typ": "JWT", "kid": self.key_id}))

    def sign(self, claims: AssertionClaims, call: dict[str, Any], now: datetime) -> str:
        """A JWS that binds who was admitted to this very call: method, path and the digest of its body."""
        issued = int(now.timestamp())
        own = {"iss": self._settings.issuer, "aud": self._settings.audience, "iat": issued,
               "exp": issued + self._settings.lifetime_s}
        payload = own | claims.model_dump(by_alias=True) | call
        signed = self._header + b"." + _base64url(orjson.dumps(payload))
        r, s = decode_dss_signature(self._private.sign(signed, _ECDSA))
        raw = r.to_bytes(_COORDINATE_BYTES) + s.to_bytes(_COORDINATE_BYTES)
        return (signed + b"." + _base64url(raw)).decode("ascii")


def _base64url(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")
