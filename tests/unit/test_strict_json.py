"""JSON that two readers could read differently is refused; what is read is what every reader reads."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_addons.core.strict_json import MAX_DEPTH, Unreadable, read_object

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
