"""A compact JWS read strictly (RFC 7515, RFC 8725): one reading of its bytes, or none.

Whatever asks this reader to fetch a key, to take one out of the token, to unpack, to decrypt or to honour an extension is
refused by the name of the header member, before any key is looked at.
"""

import re
from dataclasses import dataclass
from typing import Any

from joserfc.jws import JWSRegistry

from gateway_addons.adapters.identity.base64url import strict_base64url
from gateway_addons.adapters.identity.public_keys import PublicKeys, VerificationKey
from gateway_addons.core.strict_json import Unreadable, read_object

MAX_TOKEN_CHARACTERS = 4096
MAX_HEADER_BYTES = 1024
MAX_KEY_ID_CHARACTERS = 256

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_REFUSED_MEMBERS = frozenset({
    "jwk", "jku", "x5u", "x5c",  # a key of the token's own choice (RFC 8725 section 3.10)
    "crit", "b64",               # extensions that must be understood (RFC 7515 section 4.1.11, RFC 7797)
    "zip", "enc", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c",  # of encrypted tokens (RFC 7516)
    "cty",                       # a token within a token (RFC 7519 section 5.2)
})


class TokenDefect(Exception):
    """The token is not believed. `failure` is one of a fixed few words, for the record: never a value of the token."""

    def __init__(self, failure: str) -> None:
        super().__init__(failure)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class CompactJws:
    """The parts of a compact JWS whose signature nobody has looked at yet: all of it is the sender's word."""

    algorithm: str
    key_id: str | None
    type: str | None
    claims: dict[str, Any]
    signing_input: bytes
    signature: bytes


def read_compact(token: str) -> CompactJws:
    """The parts of `token`.

    Raises:
        TokenDefect: `malformed` (size, alphabet, base64url that is not canonical, JSON that two readers could read
            differently), `header` (a member that is refused, or one of another type), `algorithm` (none named).
    """
    if not isinstance(token, str) or len(token) > MAX_TOKEN_CHARACTERS or _COMPACT.fullmatch(token) is None:
        raise TokenDefect("malformed")
    signing_input, _, signature = token.rpartition(".")
    header_part, _, claims_part = signing_input.partition(".")
    header = _object(header_part, MAX_HEADER_BYTES)
    if header.keys() & _REFUSED_MEMBERS:
        raise TokenDefect("header")
    algorithm, key_id, kind = header.get("alg"), header.get("kid"), header.get("typ")
    if not isinstance(algorithm, str):
        raise TokenDefect("algorithm")
    if key_id is not None and not (isinstance(key_id, str) and 0 < len(key_id) <= MAX_KEY_ID_CHARACTERS):
        raise TokenDefect("header")
    if kind is not None and not isinstance(kind, str):
        raise TokenDefect("header")
    return CompactJws(algorithm, key_id, kind, _object(claims_part, MAX_TOKEN_CHARACTERS), signing_input.encode("ascii"),
                      _bytes(signature))


def check_signature(jws: CompactJws, keys: PublicKeys, algorithms: frozenset[str]) -> VerificationKey:
    """The key that signed it: chosen by `kid` from `keys`, with an algorithm of the allow-list that is that key's own.

    Raises:
        TokenDefect: `algorithm` (not on the list), `key` (no such key, or not for this algorithm), `signature`.
    """
    if jws.algorithm not in algorithms:
        raise TokenDefect("algorithm")
    key = keys.find(jws.key_id, jws.algorithm)
    if key is None:
        raise TokenDefect("key")
    model = JWSRegistry.algorithms[jws.algorithm]
    if not model.verify(jws.signing_input, jws.signature, key.key):
        raise TokenDefect("signature")
    return key


def check_type(jws: CompactJws, expected: frozenset[str]) -> None:
    """The explicit type of the token (RFC 8725 section 3.11; RFC 7515 section 4.1.9 lets `application/` be left out).

    Raises:
        TokenDefect: `type`.
    """
    kind = jws.type or ""
    if not kind.isascii() or kind.lower().removeprefix("application/") not in expected:
        raise TokenDefect("type")


def _bytes(part: str) -> bytes:
    try:
        return strict_base64url(part)
    except ValueError as e:
        raise TokenDefect("malformed") from e


def _object(part: str, max_bytes: int) -> dict[str, Any]:
    raw = _bytes(part)
    if len(raw) > max_bytes:
        raise TokenDefect("malformed")
    try:
        return read_object(raw)
    except Unreadable as e:
        raise TokenDefect("malformed") from e
