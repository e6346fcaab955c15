"""Content-Digest (RFC 9530): verified when the caller sends one, stated to the backend for every body."""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from typing import Any

from gateway_addons.core.errors import Refusal

_ALGORITHMS: dict[str, Callable[[bytes], Any]] = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
"""The active algorithms of the IANA registry; others are passed over (RFC 9530 section 5)."""

_MEMBER = re.compile(r"([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):")
"""A member of the dictionary whose value is a byte sequence (RFC 9651 sections 3.2 and 3.3.5)."""


def verify(header: str, body: bytes) -> None:
    """Compare every digest of a known algorithm with the body's.

    Raises:
        Refusal: INF-REQ-13, for a header that is malformed or a digest that is another body's.
    """
    for member in header.split(","):
        found = _MEMBER.fullmatch(member.strip(" \t"))
        if found is None:
            raise Refusal("INF-REQ-13", "Content-Digest is malformed")
        digest = _ALGORITHMS.get(found[1])
        if digest is not None and _bytes(found[2]) != digest(body).digest():
            raise Refusal("INF-REQ-13", f"Content-Digest: {found[1]} is not the body's")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as e:
        raise Refusal("INF-REQ-13", "Content-Digest is malformed") from e


def state(body_sha256: str) -> str:
    """The header's value from the hexadecimal SHA-256 of a body."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(body_sha256)).decode()}:"
