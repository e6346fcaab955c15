"""JSON that every reader reads alike: what two parsers could understand differently is refused (RFC 8259, RFC 7493).

`read_value` takes any JSON text, `read_object` one whose root is an object. Refused beside what RFC 8259 refuses:

- a byte-order mark, UTF-16 and UTF-32, overlong forms, surrogates (RFC 8259 section 8.1, RFC 3629 section 3);
- a key that comes twice in an object, also when it is written once plainly and once with escapes (RFC 7493 section 2.3);
- NUL and lone surrogates in a key or a string, however they are written (RFC 7493 section 2.1; readers in C end at NUL);
- numbers that readers hold differently: integers beyond 2**53 - 1, decimals that are not what the nearest double is
  written as, what overflows or vanishes, and minus zero (RFC 7493 section 2.2);
- what goes over a limit below. The limits bound memory and time before and while the text is read.
"""

import json
import re
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import accumulate
from typing import Any, NoReturn

MAX_DEPTH = 32
MAX_NUMBER_CHARACTERS = 32
MAX_KEY_CHARACTERS = 256
MAX_STRING_CHARACTERS = 65_536
MAX_MEMBERS = 1_000
"""Members of one object."""
MAX_CONTAINERS = 1_000_000
"""Objects and arrays in one text."""
MAX_COMMAS = 3_000_000
"""Commas in one text, those in strings included: a bound on the number of values."""

MAX_ESCAPES = 2_000_000
"""Backslashes in one text: each costs the parser far more memory than its bytes."""

_GREATEST_EXACT = 2**53 - 1
_STRING = re.compile(rb'"[^"]*"?')
_ESCAPES_TO_LOOK_AT = re.compile(rb'\\(?:"|u0000|u[dD][89a-fA-F])')
_NOT_A_CHARACTER = re.compile("[\0\ud800-\udfff]")
_NEITHER_BRACKET_NOR_QUOTE = bytes(set(range(256)) - set(b'{}[]"'))
_STEP = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_NOTHING: dict[str, Any] = {}


class Unreadable(ValueError):
    """The bytes are not one unambiguous JSON text. The message is for the operator."""


def read_object(body: bytes, keep: frozenset[str] | None = None) -> dict[str, Any]:
    """The one JSON object that `body` is.

    With `keep`, only members of these names are kept, at every level, and the rest is forgotten as soon as it is judged:
    a lot of 50,000 entries then costs its text, not a tree.

    Raises:
        Unreadable: with what is wrong, without quoting the body.
    """
    value = read_value(body, keep)
    if not isinstance(value, dict):
        raise Unreadable("not an object")
    return value


def read_value(body: bytes, keep: frozenset[str] | None = None) -> Any:
    """The one JSON value that `body` is, under the same rules.

    Raises:
        Unreadable: with what is wrong, without quoting the body.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as e:
        raise Unreadable("not UTF-8") from e
    if text.startswith("\ufeff"):
        raise Unreadable("starts with a byte-order mark")
    _check_size_of_the_tree(body)
    look_at_strings = _strings_need_a_look(body)
    try:
        value = _decoder(keep, look_at_strings).decode(text)
    except json.JSONDecodeError as e:
        raise Unreadable(f"not JSON: {e.msg} at character {e.pos}") from e
    except RecursionError as e:
        raise Unreadable("nested too deep") from e
    if look_at_strings:
        _check_strings((value,))
    return value


def _check_size_of_the_tree(body: bytes) -> None:
    """Refuse deep nesting and millions of values before the parser builds anything."""
    if body.count(b",") > MAX_COMMAS:
        raise Unreadable("too many values")
    if body.count(b"\\") > MAX_ESCAPES:
        raise Unreadable("too many escapes")
    if body.count(b"{") + body.count(b"[") <= MAX_DEPTH:
        return
    unescaped = body.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in body else body
    skeleton = unescaped.translate(None, _NEITHER_BRACKET_NOR_QUOTE).replace(b'""', b"")  # strings without brackets
    brackets = _STRING.sub(b"", skeleton)
    if brackets.count(b"{") + brackets.count(b"[") > MAX_CONTAINERS:
        raise Unreadable("too many objects and arrays")
    if max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > MAX_DEPTH:
        raise Unreadable("nested too deep")


def _strings_need_a_look(body: bytes) -> bool:
    """Could there be a string or key that is too long, or that holds what is no character? Cheap, and errs to yes."""
    if _ESCAPES_TO_LOOK_AT.search(body):
        return True
    start = 0
    while len(body) - start > MAX_KEY_CHARACTERS:
        quote = body.rfind(b'"', start, start + MAX_KEY_CHARACTERS + 1)
        if quote < 0:
            return True
        start = quote + 1
    return False


@lru_cache(maxsize=256)
def _decoder(keep: frozenset[str] | None, look_at_strings: bool) -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=_object_hook(keep, look_at_strings=look_at_strings), parse_int=_integer,
                            parse_float=_decimal, parse_constant=_constant)


def _object_hook(keep: frozenset[str] | None, *, look_at_strings: bool) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    def checked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise Unreadable("a key is repeated in an object")
        if len(found) > MAX_MEMBERS:
            raise Unreadable("an object has too many members")
        if look_at_strings:
            _check_strings(found.values())
            _check_keys(found)
        if keep is None:
            return found
        return _NOTHING if keep.isdisjoint(found) else {name: found[name] for name in found if name in keep}

    return checked


def _check_keys(keys: Iterable[str]) -> None:
    for key in keys:
        if len(key) > MAX_KEY_CHARACTERS:
            raise Unreadable("a key is too long")
        if _NOT_A_CHARACTER.search(key):
            raise Unreadable("a key holds NUL or a lone surrogate")


def _check_strings(values: Iterable[Any]) -> None:
    """Strings among the values and in arrays below them; those in objects were looked at when the object ended."""
    for value in values:
        if isinstance(value, str):
            if len(value) > MAX_STRING_CHARACTERS:
                raise Unreadable("a string is too long")
            if _NOT_A_CHARACTER.search(value):
                raise Unreadable("a string holds NUL or a lone surrogate")
        elif isinstance(value, list):
            _check_strings(value)


def _integer(text: str) -> int:
    if len(text) > MAX_NUMBER_CHARACTERS:
        raise Unreadable("a number is too long")
    value = int(text)
    if abs(value) > _GREATEST_EXACT:
        raise Unreadable("an integer that not every reader holds exactly")
    if text == "-0":
        raise Unreadable("minus zero")
    return value


def _decimal(text: str) -> float:
    if len(text) > MAX_NUMBER_CHARACTERS:
        raise Unreadable("a number is too long")
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise Unreadable("a number is too large")
    if not _is_exactly(text, value):
        raise Unreadable("a decimal that not every reader holds exactly")
    if value == 0 and text.startswith("-"):
        raise Unreadable("minus zero")
    return value


def _is_exactly(text: str, value: float) -> bool:
    """Is the decimal what its nearest double is written as? An exponent that no reader holds is not."""
    try:
        return Decimal(text) == Decimal(repr(value))
    except InvalidOperation:
        return False


def _constant(name: str) -> NoReturn:
    raise Unreadable(f"{name} is not JSON")
