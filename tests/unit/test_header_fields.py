"""Header fields as the engine's own class has them, found without a walk; and one reading of a block of them."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import http

from gateway_addons.addons.messages import PlainHeaders, put_headers
from gateway_addons.core.header_fields import by_name, split_fields

NAMES = st.sampled_from([b"Host", b"host", b"HOST", b"X-A", b"x-a", b"Content-Length", b"!"])
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7e) | st.just("\t"), max_size=12).map(str.encode)
FIELDS = st.lists(st.tuples(NAMES, VALUES.map(lambda v: v.strip(b" \t"))), max_size=6)
ASKED = ("host", "Host", b"HOST", "x-a", "content-length", "X-B", b"!")


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_a_block_is_split_as_its_lines_are(written: list[tuple[bytes, bytes]]) -> None:
    block = b"".join(b"\r\n%b:%b" % field for field in written)
    assert split_fields(block) == tuple((name, value.strip(b" \t")) for name, value in written)


def test_blanks_without_end_take_no_long_time() -> None:
    block = b"\r\nX-A:" + (b" " * 8_000 + b"\t") * 100 + b"b" + b" \t" * 200_000
    assert split_fields(block) == ((b"X-A", block[6:].strip(b" \t")),)


@given(FIELDS, FIELDS)
def test_they_are_the_engines_headers(fields: list[tuple[bytes, bytes]], later: list[tuple[bytes, bytes]]) -> None:
    ours, theirs = PlainHeaders(fields, by_name(fields)), http.Headers(fields)
    _same(ours, theirs)
    for name, value in later:
        ours[name], theirs[name] = value, value
        _same(ours, theirs)
    for name, _ in later[:1]:
        ours.add(name, b"more")
        theirs.add(name, b"more")
        _same(ours, theirs)
        del ours[name]
        del theirs[name]
        _same(ours, theirs)
    ours.fields = theirs.fields = tuple(fields)
    _same(ours, theirs)


def _same(ours: Any, theirs: Any) -> None:
    assert ours == theirs
    assert bytes(ours) == bytes(theirs)
    for name in ASKED:
        assert (ours.get_all(name), ours.get(name), ours.get(name, "-"), name in ours) == (
            theirs.get_all(name), theirs.get(name), theirs.get(name, "-"), name in theirs)


def test_a_value_in_latin_1_is_told_as_the_engine_tells_it() -> None:
    fields = [(b"X-A", b"\xe9"), (b"x-a", b"b")]
    _same(PlainHeaders(fields), http.Headers(fields))


def test_headers_that_are_put_take_the_place_of_what_was_there() -> None:
    response = http.Response.make(200, b"", http.Headers([(b"X-A", b"1"), (b"X-B", b"2"), (b"x-a", b"3")]))
    response.headers = PlainHeaders([(b"X-A", b"1"), (b"X-B", b"2"), (b"x-a", b"3")])
    put_headers(response, {"x-A": "é", "X-C": "4"})
    assert response.headers.fields == ((b"X-B", b"2"), (b"x-A", "é".encode()), (b"X-C", b"4"))
