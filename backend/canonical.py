"""Canonical JSON and the fingerprint of a lot.

The subset of RFC 8785 the API needs: keys sorted, no white space, UTF-8, integers only, so that two texts of the same lot
have the same fingerprint whatever the order of keys or the white space.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def canonical_json(value: Any) -> str:
    """The canonical text of a value read by `json_reading` (keys ASCII, no floats)."""
    return _encode(value)


def fingerprint(text: str) -> str:
    """`sha256:<hex>` of a canonical text."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def lot_fingerprint(lot: dict[str, Any], entries: Sequence[str]) -> str:
    """The fingerprint of the whole lot, from the canonical texts of its entries.

    Equal to `fingerprint(canonical_json(lot))`, but never holds the interpreter for the time a whole lot takes.
    """
    digest = hashlib.sha256()
    separator = "{"
    for key in sorted(lot):
        digest.update(f"{separator}{canonical_json(key)}:".encode())
        separator = ","
        if key != "ecritures":
            digest.update(canonical_json(lot[key]).encode())
            continue
        digest.update(b"[")
        for position, text in enumerate(entries):
            digest.update(("," if position else "").encode() + text.encode())
        digest.update(b"]")
    digest.update(b"}" if lot else b"{}")
    return "sha256:" + digest.hexdigest()
