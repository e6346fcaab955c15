"""One reading of the head of a backend's answer, within bounds (RFC 9112 sections 4 to 6).

A backend is another party: one that is broken, or taken over, must not decide where its answer ends by a framing that two
readers read differently, nor make the gateway hold a head without end.
"""

import re
from typing import NamedTuple

from gateway_addons.core.errors import Refusal
from gateway_addons.core.header_fields import NAME, Field, FieldsByName, by_name, split_fields

MAX_HEAD_BYTES = 16 * 1024
"""Of all the heads of one answer together, interim ones included."""

MAX_LINE_BYTES = 8 * 1024
MAX_FIELDS = 64
MAX_INTERIM_ANSWERS = 4
"""Answers 1xx before the one that counts (RFC 9110 section 15.2); they stay inside."""

_STATUS_LINE = rb"(HTTP/1\.[01]) ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*+))?+"
_VALUE = rb"[\t\x20-\x7e\x80-\xff]*+"
_HEAD = re.compile(rb"%b((?:\r\n%b:%b)*+)" % (_STATUS_LINE, NAME, _VALUE))
"""All of a head but the empty line at its end. What is wrong with one that has not this form, `_defect_of_form` finds."""

_LENGTH = re.compile(rb"[0-9]{1,15}")
_BARE_CR_OR_LF = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)|\0")
_BEGINNING = b"HTTP/1."
_WITHOUT_BODY = frozenset({204, 304})
_SINGLE = (b"content-encoding", b"content-length", b"content-type", b"transfer-encoding")


class AnswerHead(NamedTuple):
    """A head as sent. The body has `content_length` bytes, or is chunked, or ends with the connection when both say no."""

    version: str
    status: int
    reason: bytes
    headers: tuple[Field, ...]
    by_name: FieldsByName
    content_length: int | None
    chunked: bool

    @property
    def interim(self) -> bool:
        """Is this an answer before the answer?"""
        return self.status < 200


def incomplete_answer_defect(received: bytes) -> Refusal | None:
    """What can already be refused in a head that has not arrived whole, or None."""
    if received[:7] != _BEGINNING[: len(received)]:
        return _defect("the backend does not speak HTTP/1")
    if _BARE_CR_OR_LF.search(received):
        return _defect("bare CR, bare LF or NUL in the answer's head")
    if len(received) > MAX_HEAD_BYTES:
        return _defect(f"more than {MAX_HEAD_BYTES} bytes of answer head")
    if len(received) - (received.rfind(b"\n") + 1) > MAX_LINE_BYTES:
        return _defect(f"a line of more than {MAX_LINE_BYTES} bytes in the answer's head")
    return None


def read_answer_head(raw: bytes, *, to_head: bool = False) -> AnswerHead:
    """Read a whole head; `raw` ends with CRLF CRLF. `to_head`: the request was a HEAD, so there is no body.

    Raises:
        Refusal: INF-DEP-04; the detail names the defect.
    """
    if len(raw) > MAX_HEAD_BYTES:
        raise _defect(f"more than {MAX_HEAD_BYTES} bytes of answer head")
    if len(raw) > MAX_LINE_BYTES and any(len(line) > MAX_LINE_BYTES for line in raw.split(b"\r\n")):
        raise _defect(f"a line of more than {MAX_LINE_BYTES} bytes in the answer's head")
    head = _HEAD.fullmatch(raw, 0, len(raw) - 4)
    if head is None:
        raise _defect_of_form(raw[:-4])
    version, status = head[1].decode(), _status(int(head[2]))
    headers = split_fields(head[4])
    if len(headers) > MAX_FIELDS:
        raise _defect(f"more than {MAX_FIELDS} header fields in the answer")
    named = by_name(headers)
    if len(named) != len(headers):
        _check_repeated(named)
    length, chunked = _framing(version, status, named)
    if to_head or status in _WITHOUT_BODY or status < 200:
        length, chunked = 0, False
    return AnswerHead(version, status, head[3] or b"", headers, named, length, chunked)


def _status(status: int) -> int:
    if status == 101:
        raise _defect("the backend wants to switch protocols, which nobody asked for")
    if status > 599:
        raise _defect("the answer's status is none")
    return status


def _defect_of_form(head: bytes) -> Refusal:
    """The first thing that is wrong with a head that has not the form of one; where that has a check of its own, it raises."""
    status_line, *lines = head.split(b"\r\n")
    found = re.fullmatch(_STATUS_LINE, status_line)
    if found is None:
        return _defect("the answer's first line is no status line")
    _status(int(found[2]))
    if len(lines) > MAX_FIELDS:
        return _defect(f"more than {MAX_FIELDS} header fields in the answer")
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not re.fullmatch(NAME, name):
            return _defect("a header name of the answer is not a token, or a line is folded")
        if not re.fullmatch(_VALUE, value):
            return _defect("a header value of the answer has a control character")
    return _defect("the answer's head has not the form of one")


def _check_repeated(named: FieldsByName) -> None:
    for name in _SINGLE:
        if len(named.get(name, ())) > 1:
            raise _defect(f"the answer repeats {name.decode()}")


def _framing(version: str, status: int, named: FieldsByName) -> tuple[int | None, bool]:
    """Content-Length, and whether the body is chunked (RFC 9112 section 6.3)."""
    coding, length = _one(named, b"transfer-encoding"), _one(named, b"content-length")
    if coding is not None and length is not None:
        raise _defect("both Transfer-Encoding and Content-Length in the answer")
    if coding is not None and (coding.lower() != b"chunked" or version != "HTTP/1.1"):
        raise _defect("an answer's Transfer-Encoding that is not chunked, or not of HTTP/1.1 (RFC 9112 6.1)")
    if length is not None and not _LENGTH.fullmatch(length):
        raise _defect("the answer's Content-Length is not a number")
    if status < 200 and (coding is not None or length not in (None, b"0")):
        raise _defect("an interim answer with a body")
    return (int(length) if length is not None else None), coding is not None


def _one(named: FieldsByName, name: bytes) -> bytes | None:
    values = named.get(name)
    return values[0] if values else None


def _defect(detail: str) -> Refusal:
    return Refusal("INF-DEP-04", detail)
