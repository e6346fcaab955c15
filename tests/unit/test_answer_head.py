"""The head of a backend's answer: one reading, within bounds."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_addons.core.answer_head import (
    MAX_FIELDS,
    MAX_HEAD_BYTES,
    MAX_LINE_BYTES,
    AnswerHead,
    incomplete_answer_defect,
    read_answer_head,
)
from gateway_addons.core.errors import Refusal

OK = b"HTTP/1.1 200 OK"

READ = {
    "a length": (OK, [b"Content-Length: 12"], 12, False),
    "chunks": (OK, [b"Transfer-Encoding: Chunked"], None, True),
    "until the connection ends": (b"HTTP/1.0 200 OK", [b"Content-Type: application/json"], None, False),
    "no reason phrase": (b"HTTP/1.1 200", [b"Content-Length: 0"], 0, False),
    "an empty reason phrase": (b"HTTP/1.1 200 ", [b"Content-Length: 0"], 0, False),
    "a reason phrase in Latin-1": (b"HTTP/1.1 400 Requ\xeate", [b"Content-Length: 0"], 0, False),
    "a value in Latin-1": (OK, [b"X-A: \xe9", b"Content-Length: 1"], 1, False),
    "the same name twice": (OK, [b"Set-Cookie: a", b"Set-Cookie: b", b"Content-Length: 1"], 1, False),
    "204 with a length": (b"HTTP/1.1 204 No Content", [b"Content-Length: 5"], 0, False),
    "304 with a length": (b"HTTP/1.1 304 Not Modified", [b"Content-Length: 5"], 0, False),
    "103": (b"HTTP/1.1 103 Early Hints", [b"Link: </a>"], 0, False),
    "as many fields as admitted": (OK, [b"X-%d: a" % n for n in range(MAX_FIELDS - 1)] + [b"Content-Length: 1"], 1, False),
}

REFUSED = {
    "two lengths": (OK, [b"Content-Length: 1", b"Content-Length: 2"]),
    "one length twice": (OK, [b"Content-Length: 1", b"Content-Length: 1"]),
    "a list of lengths": (OK, [b"Content-Length: 1, 1"]),
    "a length with a sign": (OK, [b"Content-Length: +1"]),
    "a negative length": (OK, [b"Content-Length: -1"]),
    "an empty length": (OK, [b"Content-Length:"]),
    "a length in hexadecimal": (OK, [b"Content-Length: 0x1"]),
    "a length of 16 digits": (OK, [b"Content-Length: 1000000000000000"]),
    "both framings": (OK, [b"Content-Length: 1", b"Transfer-Encoding: chunked"]),
    "both framings, the other way round": (OK, [b"Transfer-Encoding: chunked", b"content-length: 1"]),
    "codings twice": (OK, [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"]),
    "gzip, chunked": (OK, [b"Transfer-Encoding: gzip, chunked"]),
    "identity": (OK, [b"Transfer-Encoding: identity"]),
    "chunked with a parameter": (OK, [b"Transfer-Encoding: chunked;a=b"]),
    "chunks in HTTP/1.0": (b"HTTP/1.0 200 OK", [b"Transfer-Encoding: chunked"]),
    "two content types": (OK, [b"Content-Type: application/json", b"Content-Type: text/html"]),
    "folded": (OK, [b"X-A: a", b" b"]),
    "folded into the length": (OK, [b"Content-Length: 1", b" 2"]),
    "a space before the colon": (OK, [b"Content-Length : 1"]),
    "no colon": (OK, [b"X-A"]),
    "an empty name": (OK, [b": a"]),
    "an empty line of spaces": (OK, [b"  "]),
    "NUL in a value": (OK, [b"X-A: a\0b"]),
    "CR in a value": (OK, [b"X-A: a\rContent-Length: 1"]),
    "LF in a value": (OK, [b"X-A: a\nContent-Length: 1"]),
    "DEL in a value": (OK, [b"X-A: \x7f"]),
    "switching protocols": (b"HTTP/1.1 101 Switching Protocols", [b"Upgrade: x"]),
    "an interim answer with a length": (b"HTTP/1.1 103 X", [b"Content-Length: 1"]),
    "an interim answer in chunks": (b"HTTP/1.1 100 X", [b"Transfer-Encoding: chunked"]),
    "HTTP/2": (b"HTTP/2 200 OK", []), "HTTP/0.9": (b"HTTP/0.9 200 OK", []), "HTTP/1.2": (b"HTTP/1.2 200 OK", []),
    "lower case": (b"http/1.1 200 OK", []), "ICY": (b"ICY 200 OK", []), "no status": (b"HTTP/1.1 OK", []),
    "two spaces": (b"HTTP/1.1  200 OK", []), "a status of two digits": (b"HTTP/1.1 20 OK", []),
    "a status of four digits": (b"HTTP/1.1 2000 OK", []), "status 000": (b"HTTP/1.1 000 OK", []), "status 600": (b"HTTP/1.1 600 X", []),
    "an empty line first": (b"", [OK]), "a request": (b"GET / HTTP/1.1", []),
    "a line that is too long": (OK, [b"X-A: " + b"a" * MAX_LINE_BYTES]),
    "a status line that is too long": (OK + b"a" * MAX_LINE_BYTES, []),
    "too many fields": (OK, [b"X: a"] * (MAX_FIELDS + 1)),
    "too many bytes": (OK, [b"X: " + b"a" * 4000] * 5),
}


def raw(line: bytes, fields: list[bytes]) -> bytes:
    return b"\r\n".join([line, *fields]) + b"\r\n\r\n"


@pytest.mark.parametrize(("line", "fields", "length", "chunked"), [pytest.param(*row, id=name) for name, row in READ.items()])
def test_read(line: bytes, fields: list[bytes], length: int | None, chunked: bool) -> None:
    head = read_answer_head(raw(line, fields))
    assert (head.content_length, head.chunked) == (length, chunked)
    assert len(head.headers) == len(fields)
    assert head.interim is (head.status < 200)
    assert incomplete_answer_defect(raw(line, fields)[:-1]) is None


@pytest.mark.parametrize(("line", "fields"), [pytest.param(*row, id=name) for name, row in REFUSED.items()])
def test_refused(line: bytes, fields: list[bytes]) -> None:
    with pytest.raises(Refusal) as refused:
        read_answer_head(raw(line, fields))
    assert refused.value.code == "INF-DEP-04"


def test_an_answer_to_head_has_no_body() -> None:
    assert read_answer_head(raw(OK, [b"Content-Length: 5"]), to_head=True).content_length == 0


@pytest.mark.parametrize("received", [
    b"\0", b"x", b"HTTP/2", b"PRI * HTTP/2.0", b"\0\0\x12\x04\0", b"HTTP/1.1 200 OK\n", b"HTTP/1.1 200 OK\rX", b"HTTP/1.1 200 OK\r\nX: \0",
    b"HTTP/1.1 200 " + b"a" * MAX_LINE_BYTES, b"HTTP/1.1 200 OK\r\n" + b"a" * MAX_LINE_BYTES + b"a", OK + b"\r\n" + b"X: a\r\n" * 4000])
def test_what_can_only_become_wrong_is_refused_before_it_is_whole(received: bytes) -> None:
    defect = incomplete_answer_defect(received)
    assert defect is not None
    assert defect.code == "INF-DEP-04"


@pytest.mark.parametrize("received", [b"H", b"HTTP/1.", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r", b"HTTP/1.1 200 OK\r\nX", b"HTTP/1.1 200 OK\r\nX: a\r\n\r"])
def test_what_may_still_become_right_is_waited_for(received: bytes) -> None:
    assert incomplete_answer_defect(received) is None
    assert len(received) < MAX_HEAD_BYTES


LINES = st.sampled_from([OK, b"HTTP/1.1 201 Created", b"HTTP/1.0 200 OK", b"HTTP/1.1 103 X", b"HTTP/1.1 204 X", b"HTTP/1.1 200 \xe9", b"HTTP/1.1 99 X"])
FIELDS = st.one_of(st.sampled_from([b"Content-Length: 5", b"Content-Length: 05", b"content-length:5 ", b"Transfer-Encoding: chunked", b"X-A: b", b"Connection: close",
                                    b"Transfer-Encoding: gzip", b" folded"]), st.binary(max_size=12))


@given(LINES, st.lists(FIELDS, max_size=5))
def test_what_is_taken_h11_frames_alike(line: bytes, fields: list[bytes]) -> None:
    data = raw(line, fields)
    try:
        head = read_answer_head(data)
    except Refusal:
        return
    other = h11.Connection(h11.CLIENT)
    other.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    other.send(h11.EndOfMessage())
    other.receive_data(data + _body(head))
    event = other.next_event()
    assert isinstance(event, h11.InformationalResponse if head.interim else h11.Response)
    assert event.status_code == head.status
    assert [(n.lower(), v) for n, v in head.headers if n.lower() not in {b"content-length", b"transfer-encoding"}] == [
        (n, v) for n, v in event.headers if n not in {b"content-length", b"transfer-encoding"}]
    if head.interim:
        return
    got = b""
    while isinstance(event := other.next_event(), h11.Data):
        got += event.data
    assert got == (b"" if head.content_length == 0 else b"x" * 5)
    assert isinstance(event, h11.EndOfMessage if head.content_length is not None or head.chunked else type(h11.NEED_DATA))


def _body(head: AnswerHead) -> bytes:
    if head.chunked:
        return b"5\r\nxxxxx\r\n0\r\n\r\n"
    return b"x" * min(5, 5 if head.content_length is None else head.content_length)
