"""JSON that two readers could read differently is refused; what is read is what every reader reads."""

import json
import tracemalloc
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway_addons.core import strict_json
from gateway_addons.core.strict_json import MAX_DEPTH, MAX_MEMBERS, Unreadable, read_object, read_value
from tests.corpora.json_texts import READ, REFUSED_BY_RULE, REFUSED_BY_THE_GRAMMAR

UNREADABLE: dict[str, bytes] = {
    "empty": b"", "two texts": b"{}{}", "trailing bytes": b"{} x", "trailing NUL": b"{}\0", "list": b"[]", "number": b"1",
    "duplicate key": b'{"a":1,"a":1}', "duplicate key in depth": b'{"x":[{"a":1,"b":2,"a":3}]}',
    "duplicate by escape": b'{"a":1,"\\u0061":2}', "NaN": b'{"a":NaN}', "Infinity": b'{"a":Infinity}',
    "minus infinity": b'{"a":-Infinity}', "overflow": b'{"a":1e999}', "long integer": b'{"a":' + b"9" * 33 + b"}",
    "long fraction": b'{"a":0.' + b"1" * 40 + b"}", "leading zero": b'{"a":01}', "plus": b'{"a":+1}', "hex": b'{"a":0x10}',
    "byte-order mark": b"\xef\xbb\xbf{}", "UTF-16": '{"a":1}'.encode("utf-16"), "Latin-1": b'{"a":"\xe9"}',
    "overlong UTF-8": b'{"a":"\xc0\xaf"}', "surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}', "lone surrogate": b'{"a":"\\ud800"}',
    "lone surrogate in a key": b'{"\\udfff":1}', "comment": b'{"a":1/**/}', "single quotes": b"{'a':1}",
    "trailing comma": b'{"a":1,}', "raw control character": b'{"a":"\x01"}', "raw newline": b'{"a":"\n"}',
    "too deep": b'{"a":' * 40 + b"1" + b"}" * 40, "absurdly deep": b'{"a":' + b"[" * 200_000,
}


@pytest.mark.parametrize("body", [pytest.param(b, id=name) for name, b in UNREADABLE.items()])
def test_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read_object(body)


READABLE: dict[str, bytes] = {
    "empty object": b"{}", "white space around": b' \r\n\t{"a": 1} ', "brackets in a string": b'{"a":"' + b"[{" * 100 + b'"}',
    "escaped quotes": b'{"a":"\\"[[[[\\\\"}', "surrogate pair": b'{"a":"\\ud83d\\ude00"}', "as deep as admitted": b'{"a":' * 32 + b"1" + b"}" * 32,
    "same key in two objects": b'[{"a":1},{"a":2}]'.join([b'{"x":', b"}"]),
}


@pytest.mark.parametrize("body", [pytest.param(b, id=name) for name, b in READABLE.items()])
def test_readable(body: bytes) -> None:
    assert read_object(body) == json.loads(body)


TEXT = st.characters(codec="utf-8", exclude_characters="\0")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10**15, 10**15) | st.text(TEXT, max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(TEXT, max_size=8), inner, max_size=4), max_leaves=20)


@given(st.dictionaries(st.text(TEXT, max_size=8), JSON, max_size=5), st.booleans())
def test_what_was_written_is_what_is_read(document: dict[str, object], escaped: bool) -> None:
    assert read_object(json.dumps(document, ensure_ascii=escaped).encode()) == document


@given(st.integers(1, 60))
def test_the_depth_is_bounded_exactly(depth: int) -> None:
    body = b'{"a":' * depth + b"1" + b"}" * depth
    if depth <= MAX_DEPTH:
        read_object(body)
    else:
        with pytest.raises(Unreadable):
            read_object(body)


def read_or_none(body: bytes, *, as_a_long_text: bool) -> str | None:
    """What is read, written so that 1, 1.0 and True differ; None where the text is refused."""
    with mock.patch.multiple(strict_json, MAX_BYTES_OF_A_TREE=-1 if as_a_long_text else 1 << 30, MAX_SIGNS_OF_A_TREE=1 << 30):
        try:
            return repr(read_value(body))
        except Unreadable:
            return None


def both_ways_agree(body: bytes) -> str | None:
    """A text read at once, and read as a long one is, object by object, is the same or refused both times."""
    at_once = read_or_none(body, as_a_long_text=False)
    assert at_once == read_or_none(body, as_a_long_text=True)
    return at_once


@pytest.mark.parametrize("body", [pytest.param(b, id=n) for n, b in (REFUSED_BY_THE_GRAMMAR | REFUSED_BY_RULE | READ).items()])
def test_both_ways_of_reading_agree_on_the_corpus(body: bytes) -> None:
    both_ways_agree(body)


SCALARS = st.sampled_from([
    "null", "true", "1", "0", "-0", "-0.0", "0.1", "10.50", "123456789012345", "9007199254740991", "9007199254740992", "12345678901234.5",
    "123456789012345.6", "1234567890123.45", "0.1234567890123456", "0.30000000000000001", "1e5", "1E400", "-1.0e-7", "01", "1.", "NaN", "[1,2", '"', '"\\u0000"'])
KEYS = st.sampled_from([
    '"a"', '"a"', '"\\u0061"', '"b"', '"c"', '""', '":"', '"a:b"', '"a\\u003ab"', '"a\\u003Ab"', '"\\\\u003a"', '"\\":"', '"\\\\"', '"é"', '"\\ud83d\\ude00"',
    '"😀"', '"{"', '"]}"', '"' + "k" * 256 + '"', '"' + "k" * 257 + '"'])
COLON, COMMA = st.sampled_from([":", " : ", "\n:", ":\t"]), st.sampled_from([",", " , ", ",\r\n"])


@st.composite
def an_object(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    """Members of few names, so that many come twice."""
    return "{" + draw(COMMA).join(draw(KEYS) + draw(COLON) + draw(inner) for _ in range(draw(st.integers(0, 4)))) + "}"


def an_array(items: list[str]) -> str:
    return "[" + ",".join(items) + "]"


TEXTS = st.recursive(SCALARS | KEYS, lambda inner: an_object(inner) | st.lists(inner, max_size=4).map(an_array), max_leaves=30)


@example('{"a":1,"b":2,"a":3}')
@example('{"a":{"b:":1},"a":{"b:":1}}')
@example('{"a\\u003a":":","a:":""}')
@example('{"a":"\\u003a","a":1}')
@example('{"a":["\\u003a\\u003a"],"b":1,"b":2}')
@given(TEXTS)
def test_both_ways_of_reading_agree(text: str) -> None:
    taken = both_ways_agree(text.encode())
    if taken is not None:
        assert taken == repr(json.loads(text, object_pairs_hook=_once))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


@pytest.mark.parametrize("members", [MAX_MEMBERS, MAX_MEMBERS + 1])
@pytest.mark.parametrize(("before", "value", "after"), [("", "1", ""), ('[{"x":[', "1", ']},{"a":1}]'), ("[", '{"c":[{"d":":"}]}', ",[{}]]")])
def test_the_members_of_an_object_are_bounded_exactly(members: int, before: str, value: str, after: str) -> None:
    text = before + "{" + ",".join(f'"{n}":{value}' for n in range(members)) + "}" + after
    assert (both_ways_agree(text.encode()) is not None) == (members <= MAX_MEMBERS)


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1])
def test_the_depth_is_bounded_exactly_both_ways(depth: int) -> None:
    beside = "[{}," * 8 + "0" + "]" * 8
    pairs, odd = divmod(depth - 1, 2)
    text = f"[{beside}," + '{"a":[' * pairs + "[" * odd + "1" + "]" * odd + "]}" * pairs + "]"
    assert (both_ways_agree(text.encode()) is not None) == (depth <= MAX_DEPTH)


@given(st.integers(-10**15, 10**15), st.integers(0, 15))
def test_a_decimal_of_fifteen_digits_is_what_its_double_is_written_as(digits: int, places: int) -> None:
    """Why `_is_exactly` needs no look at short decimals."""
    text = f"{'-' if digits < 0 else ''}{abs(digits) // 10**places}.{abs(digits) % 10**places:0{places}}" if places else f"{digits}.0"
    if len(text) <= strict_json._EXACT_DECIMAL_CHARACTERS:
        assert Decimal(text) == Decimal(repr(float(text)))


def test_a_small_text_of_very_many_values_is_no_whole_tree() -> None:
    """2 MiB of the smallest objects would be a tree of more than 100 MiB."""
    body = b'{"a":[' + b",".join([b'{"b":1}'] * 250_000) + b"]}"
    tracemalloc.start()
    try:
        read_object(body, frozenset({"a"}))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 * len(body)
