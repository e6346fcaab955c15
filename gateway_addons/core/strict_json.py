"""JSON that every reader reads alike: what two parsers could understand differently is refused (RFC 8259, RFC 7493).

`read_value` takes any JSON text, `read_object` one whose root is an object. Refused beside what RFC 8259 refuses:

- a byte-order mark, UTF-16 and UTF-32, overlong forms, surrogates (RFC 8259 section 8.1, RFC 3629 section 3);
- a key that comes twice in an object, also when it is written once plainly and once with escapes (RFC 7493 section 2.3);
- NUL and lone surrogates in a key or a string, however they are written (RFC 7493 section 2.1; readers in C end at NUL);
- numbers that readers hold differently: integers beyond 2**53 - 1, decimals that are not what the nearest double is
  written as, what overflows or vanishes, and minus zero (RFC 7493 section 2.2);
- what goes over a limit below. The limits bound memory and time before and while the text is read.

Most texts are read without a call of Python for each object, and judged by one number: the colons. A text that is JSON, in
which none is written as an escape, has one for each member and those that stand in its strings. Written anew from the tree
that was read it has the same, unless a member was lost, and only a key that came twice loses one.
"""

import json
import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import accumulate
from typing import Any, NoReturn

import orjson

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

MAX_BYTES_OF_A_TREE = 2 * 1024 * 1024
MAX_SIGNS_OF_A_TREE = 200_000
"""Brackets, colons and commas. What is within both bounds is read at once, as a whole tree of 50 MiB at the very most; of
anything larger only what is kept becomes a tree."""

_GREATEST_EXACT = 2**53 - 1
_EXACT_DECIMAL_CHARACTERS = 16
"""Fifteen digits and a point: a double tells each such decimal from all others (DBL_DIG of C)."""

_STRING = re.compile(rb'"[^"]*"?')
_ESCAPES_TO_LOOK_AT = re.compile(rb'\\(?:"|u0000|u003[aA]|u[dD][89a-fA-F])')
_NOT_A_CHARACTER = re.compile("[\0\ud800-\udfff]")
_NO_PART_OF_AN_OUTLINE = bytes(set(range(256)) - set(b'{}[]:"'))
_BRACES = bytes.maketrans(b"[]", b"{}")
_INNERMOST = re.compile(rb"\{:{0,%d}+\}" % MAX_MEMBERS)
_STEP = {ord("{"): 1, ord("}"): -1, ord(":"): 0}
_NOTHING: dict[str, Any] = {}


class Unreadable(ValueError):
    """The bytes are not one unambiguous JSON text. The message is for the operator."""


def read_object(body: bytes, keep: frozenset[str] | None = None) -> dict[str, Any]:
    """The one JSON object that `body` is.

    With `keep`, members of other names may be left out: of a long text they are forgotten as soon as they are judged, at
    every level, so that a lot of 50,000 entries costs its text, not a tree.

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
    outline = _outline(body)
    look_at_strings = _strings_need_a_look(body)
    at_once = not look_at_strings and _may_be_a_tree(body, outline)
    if not at_once:
        _check_depth(outline)
    try:
        value = (_AT_ONCE if at_once else _decoder(keep, look_at_strings)).decode(text)
    except json.JSONDecodeError as e:
        raise Unreadable(f"not JSON: {e.msg} at character {e.pos}") from e
    except RecursionError as e:
        raise Unreadable("nested too deep") from e
    if at_once and orjson.dumps(value).count(b":") != body.count(b":"):
        raise Unreadable("a key is repeated in an object")
    if look_at_strings:
        _check_strings((value,))
    return value


def _outline(body: bytes) -> bytes:
    """The brackets, as braces, and the colons outside of strings; empty where there are too few to go over a limit.

    Millions of values are refused before the parser builds anything.
    """
    if body.count(b",") > MAX_COMMAS:
        raise Unreadable("too many values")
    if body.count(b"\\") > MAX_ESCAPES:
        raise Unreadable("too many escapes")
    if body.count(b"{") + body.count(b"[") <= MAX_DEPTH and body.count(b":") <= MAX_MEMBERS:
        return b""
    unescaped = body.replace(b"\\\\", b"").replace(b'\\"', b"") if b'\\"' in body else body
    skeleton = unescaped.translate(_BRACES, _NO_PART_OF_AN_OUTLINE).replace(b'""', b"")  # strings without any of them
    outline = _STRING.sub(b"", skeleton)
    if outline.count(b"{") > MAX_CONTAINERS:
        raise Unreadable("too many objects and arrays")
    return outline


def _may_be_a_tree(body: bytes, outline: bytes) -> bool:
    """Is it small, every object of it too, and nothing nested too deep? Takes away what is innermost, as often as may be."""
    if len(body) > MAX_BYTES_OF_A_TREE or len(outline) + body.count(b",") > MAX_SIGNS_OF_A_TREE:
        return False
    for _ in range(MAX_DEPTH):
        if not outline:
            return True
        outline = _INNERMOST.sub(b"", outline)
    return not outline


def _check_depth(outline: bytes) -> None:
    if max(accumulate(map(_STEP.__getitem__, outline)), default=0) > MAX_DEPTH:
        raise Unreadable("nested too deep")


def _strings_need_a_look(body: bytes) -> bool:
    """Could there be a string or key that is too long, that holds what is no character, or a colon written as an escape?
    Cheap, and errs to yes.
    """
    if _ESCAPES_TO_LOOK_AT.search(body):
        return True
    start, enough = 0, len(body.rstrip()) - MAX_KEY_CHARACTERS
    while start < enough:
        start = body.rfind(b'"', start, start + MAX_KEY_CHARACTERS + 1) + 1
        if not start:
            return True
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
    if math.isinf(value):
        raise Unreadable("a number is too large")
    if not _is_exactly(text, value):
        raise Unreadable("a decimal that not every reader holds exactly")
    if value == 0 and text.startswith("-"):
        raise Unreadable("minus zero")
    return value


def _is_exactly(text: str, value: float) -> bool:
    """Is the decimal what its nearest double is written as? An exponent that no reader holds is not."""
    if len(text) <= _EXACT_DECIMAL_CHARACTERS and "e" not in text and "E" not in text:
        return True
    try:
        return Decimal(text) == Decimal(repr(value))
    except InvalidOperation:
        return False


def _constant(name: str) -> NoReturn:
    raise Unreadable(f"{name} is not JSON")


_AT_ONCE = json.JSONDecoder(parse_int=_integer, parse_float=_decimal, parse_constant=_constant)
