"""Bodies are delimited by one narrow grammar, however the bytes come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_addons.core.body_framing import MAX_CHUNKS, ChunkedBody, FixedBody
from gateway_addons.core.errors import Refusal


def read(sent: bytes, step: int) -> tuple[bytes, bool, bytes]:
    """The data, whether the body is whole, and what is left, when `step` bytes come at a time."""
    body, buffer, data = ChunkedBody(), bytearray(), b""
    for start in range(0, len(sent), step):
        buffer += sent[start : start + step]
        if not body.done:
            data += body.read(buffer)
    return data, body.done, bytes(buffer)


WRONG: dict[str, bytes] = {
    "bare LF after the size": b"2\n{}\r\n0\r\n\r\n", "bare LF after the data": b"2\r\n{}\n0\r\n\r\n", "bare CR": b"2\r{}\r\n0\r\n\r\n",
    "extension": b"2;a=b\r\n{}\r\n0\r\n\r\n", "extension with a line feed": b"2;\n{}\r\n0\r\n\r\n", "extension of the last chunk": b"2\r\n{}\r\n0;x\r\n\r\n",
    "white space after the size": b"2 \r\n{}\r\n0\r\n\r\n", "white space before": b" 2\r\n{}\r\n0\r\n\r\n", "tab": b"2\t\r\n{}\r\n0\r\n\r\n",
    "sign": b"+2\r\n{}\r\n0\r\n\r\n", "minus": b"-2\r\n{}\r\n0\r\n\r\n", "0x": b"0x2\r\n{}\r\n0\r\n\r\n", "underscore": b"0_2\r\n{}\r\n0\r\n\r\n",
    "no size": b"\r\n{}\r\n0\r\n\r\n", "not hexadecimal": b"zz\r\n{}\r\n0\r\n\r\n", "sixteen digits": b"0000000000000002\r\n{}\r\n0\r\n\r\n",
    "wraps 64 bits": b"10000000000000002\r\n{}\r\n0\r\n\r\n", "data longer than the size": b"1\r\n{}\r\n0\r\n\r\n", "data shorter": b"3\r\n{}\r\n0\r\n\r\n",
    "trailer": b"2\r\n{}\r\n0\r\nX-A: b\r\n\r\n", "trailer that is a Content-Length": b"0\r\nContent-Length: 5\r\n\r\n", "endless size": b"0" * 100,
    "NUL": b"2\0\r\n{}\r\n0\r\n\r\n", "full-width digit": "２\r\n{}\r\n0\r\n\r\n".encode(), "last line ends in LF": b"2\r\n{}\r\n0\r\n\n",
}


@pytest.mark.parametrize("step", [1, 2, 3, 1000])
@pytest.mark.parametrize("sent", [pytest.param(s, id=n) for n, s in WRONG.items()])
def test_wrong_framing_is_refused_at_once(sent: bytes, step: int) -> None:
    with pytest.raises(Refusal) as refused:
        read(sent, step)
    assert refused.value.code == "INF-REQ-01"


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.integers(1, 50), st.binary(max_size=10), st.booleans())
def test_what_was_framed_is_what_is_read(chunks: list[bytes], step: int, behind: bytes, upper: bool) -> None:
    sent = b"".join((b"%X" if upper else b"%03x") % len(c) + b"\r\n" + c + b"\r\n" for c in chunks) + b"0\r\n\r\n"
    assert read(sent + behind, step) == (b"".join(chunks), True, behind)


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5), st.data())
def test_an_unfinished_body_is_not_done(chunks: list[bytes], data: st.DataObject) -> None:
    sent = b"".join(b"%x\r\n" % len(c) + c + b"\r\n" for c in chunks) + b"0\r\n\r\n"
    assert read(sent[: data.draw(st.integers(0, len(sent) - 1))], 7)[1] is False


def test_the_number_of_chunks_is_bounded() -> None:
    body, buffer = ChunkedBody(), bytearray(b"1\r\nx\r\n" * MAX_CHUNKS)
    assert len(body.read(buffer)) == MAX_CHUNKS
    with pytest.raises(Refusal):
        body.read(bytearray(b"1\r\nx\r\n"))


def test_a_body_of_known_length_leaves_what_follows() -> None:
    body, buffer = FixedBody(5), bytearray(b"abc")
    assert (body.read(buffer), body.done) == (b"abc", False)
    buffer += b"deGET /"
    assert (body.read(buffer), body.done, bytes(buffer)) == (b"de", True, b"GET /")
    assert FixedBody(0).done
