"""JSON that every reader reads alike: what two parsers could understand differently is refused (RFC 8259, RFC 7493)."""

import json
import re
from itertools import accumulate
from typing import Any, NoReturn

MAX_NUMBER_CHARACTERS = 32
MAX_DEPTH = 32

_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_STRING = re.compile(rb'"[^"]*"?')
_NEITHER_BRACKET_NOR_QUOTE = bytes(set(range(256)) - set(b'{}[]"'))
_STEP = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}


class Unreadable(ValueError):
    """The bytes are not one unambiguous JSON text. The message is for the operator."""


def read_object(body: bytes) -> dict[str, Any]:
    """The one JSON object that `body` is.

    Refused: invalid UTF-8, a byte-order mark, lone surrogates, duplicate keys, NaN and infinities, numbers of more than
    32 characters, nesting deeper than 32, anything after the object.

    Raises:
        Unreadable: with what is wrong, without quoting the body.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as e:
        raise Unreadable("not UTF-8") from e
    if text.startswith("\ufeff"):
        raise Unreadable("starts with a byte-order mark")
    _check_depth(body)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as e:
        raise Unreadable(f"not JSON: {e.msg} at character {e.pos}") from e
    except RecursionError as e:
        raise Unreadable("nested too deep") from e
    if not isinstance(value, dict):
        raise Unreadable("not an object")
    if b"\\u" in body:
        _check_surrogates(text, value)
    return value


def _check_depth(body: bytes) -> None:
    """Refuse deep nesting before the recursive parser sees it."""
    if body.count(b"{") + body.count(b"[") <= MAX_DEPTH:
        return
    unescaped = _ESCAPED.sub(b"", body) if b"\\" in body else body
    brackets = _STRING.sub(b"", unescaped.translate(None, _NEITHER_BRACKET_NOR_QUOTE))
    depths = accumulate(map(_STEP.__getitem__, brackets))
    if max(depths, default=0) > MAX_DEPTH:
        raise Unreadable("nested too deep")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("a key is repeated in an object")
    return found


def _integer(text: str) -> int:
    if len(text) > MAX_NUMBER_CHARACTERS:
        raise Unreadable("a number is too long")
    return int(text)


def _decimal(text: str) -> float:
    if len(text) > MAX_NUMBER_CHARACTERS:
        raise Unreadable("a number is too long")
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise Unreadable("a number is too large")
    return value


def _constant(name: str) -> NoReturn:
    raise Unreadable(f"{name} is not JSON")


def _check_surrogates(text: str, value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as e:
        raise Unreadable("a lone surrogate is not a character") from e


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_decimal, parse_constant=_constant
)
