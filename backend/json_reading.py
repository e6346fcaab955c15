"""Strict JSON: what two readers could understand differently is refused (RFC 8259, RFC 7493)."""

import json
import re
from typing import Any, NoReturn

from backend.errors import Detail, Refusal

MAX_INTEGER_CHARACTERS = 16

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


class _AmbiguousJsonError(ValueError):
    """Well-formed perhaps, but not to be read in one way only."""


def read_object(body: bytes) -> dict[str, Any]:
    """The one JSON object that `body` (untrusted) is.

    Refused besides malformed text: invalid UTF-8, a byte-order mark, repeated keys, NaN and infinities, decimal numbers
    (amounts are strings), integers of more than 16 characters, lone surrogates, nesting beyond the
    interpreter's recursion limit (the models accept far less).

    Raises:
        Refusal: 4000.
    """
    try:
        text = body.decode("utf-8")
        value = _DECODER.decode(text)
        if not isinstance(value, dict):
            raise _AmbiguousJsonError
        if _SURROGATE_ESCAPE.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as e:
        raise Refusal("4000", [Detail("4000", "")]) from e
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _AmbiguousJsonError
    return found


def _integer(text: str) -> int:
    if len(text) > MAX_INTEGER_CHARACTERS:
        raise _AmbiguousJsonError
    return int(text)


def _refused(_: str) -> NoReturn:
    raise _AmbiguousJsonError


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_refused, parse_constant=_refused, strict=True
)
