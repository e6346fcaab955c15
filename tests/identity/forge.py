"""Tokens made by hand, byte for byte: what no library would make."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc.jwk import ECKey

from gateway_addons.adapters.identity.access_tokens import AccessTokenIssuer, AccessTokenVerifier, OwnKeys
from gateway_addons.adapters.identity.base64url import base64url
from gateway_addons.adapters.identity.key_ring import KeyRing, read_ring
from gateway_addons.adapters.identity.ring_files import create_ring
from gateway_addons.adapters.identity.token_claims import TokenClaims, TokenRules

NOW = datetime.now(UTC).replace(microsecond=0)
SHA = "ab" * 32
RULES = TokenRules("production", "https://p", "infinoe", frozenset({"ES256"}), 5, 600)
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def text(value: Any) -> str:
    """base64url of these bytes, this text, or the JSON of this value."""
    raw = value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else json.dumps(value).encode()
    return base64url(raw)


def es256(key: ECKey) -> Callable[[bytes], bytes]:
    def sign(signing_input: bytes) -> bytes:
        r, s = decode_dss_signature(key.get_op_key("sign").sign(signing_input, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    return sign


def compact(header: Any, claims: Any, sign: Callable[[bytes], bytes]) -> str:
    signing_input = f"{text(header)}.{text(claims)}"
    return f"{signing_input}.{base64url(sign(signing_input.encode()))}"


@dataclass
class Revocations:
    """A whole port: what is revoked is what the test says."""

    answer: str = "good"
    revoked: set[str] = field(default_factory=set)

    def status(self, claims: TokenClaims) -> str:
        return "revoked" if claims.token_id in self.revoked else self.answer


@dataclass
class Mint:
    """A ring in a folder, with its issuer and its verifier."""

    folder: Path
    rules: TokenRules = RULES
    revocations: Revocations = field(default_factory=Revocations)
    ring: KeyRing = field(init=False)
    verifier: AccessTokenVerifier = field(init=False)

    def __post_init__(self) -> None:
        create_ring(self.folder, NOW)
        self.reread()
        self.verifier = AccessTokenVerifier(self.rules, OwnKeys(lambda: self.ring), self.revocations)

    def reread(self) -> None:
        self.ring = read_ring(self.folder)

    @property
    def key(self) -> ECKey:
        return self.ring.signing_key(NOW)

    @property
    def header(self) -> dict[str, Any]:
        return {"alg": "ES256", "typ": "at+jwt", "kid": self.key.kid}

    def issue(self, client_id: str = "c", scopes: tuple[str, ...] = ("a",), now: datetime = NOW) -> str:
        return AccessTokenIssuer(self.rules, 600, lambda: self.ring).issue(client_id, list(scopes), SHA, now)

    def sign(self, header: Any = None, claims: Any = None) -> str:
        """A token well signed by the right key, whatever else it says."""
        return compact(self.header if header is None else header, good_claims() if claims is None else claims, es256(self.key))


def good_claims() -> dict[str, Any]:
    issued = int(NOW.timestamp())
    return {"iss": "https://p", "aud": "infinoe", "sub": "c", "client_id": "c", "iat": issued, "nbf": issued, "exp": issued + 60,
            "jti": "j", "scope": "a", "env": "production", "cnf": {"x5t#S256": base64url(b"\xab" * 32)}}
