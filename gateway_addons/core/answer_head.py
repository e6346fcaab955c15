"""One reading of the head of a backend's answer, within bounds (RFC 9112 sections 4 to 6).

A backend is another party: one that is broken, or taken over, must not decide where its answer ends by a framing that two
readers read differently, nor make the gateway hold a head without end.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway_addons.core.errors import Refusal

MAX_HEAD_BYTES = 16 * 1024
"""Of all the heads of one answer together, interim ones included."""

MAX_LINE_BYTES = 8 * 1024
MAX_FIELDS = 64
MAX_INTERIM_ANSWERS = 4
"""Answers 1xx before the one that counts (RFC 9110 section 15.2); they stay inside."""

_STATUS_LINE = re.compile(rb"(HTTP/1\.[01]) ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_LENGTH = re.compile(rb"[0-9]{1,15}")
_BARE_CR_OR_LF = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)|\0")
_BEGINNING = b"HTTP/1."
_WITHOUT_BODY = frozenset({204, 304})
_SINGLE = frozenset({b"content-length", b"transfer-encoding", b"content-type", b"content-encoding"})


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """A head as sent. The body has `content_length` bytes, or is chunked, or ends with the connection when both say no."""

    version: str
    status: int
    reason: bytes
    headers: tuple[tuple[bytes, bytes], ...]
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
    lines = raw[:-4].split(b"\r\n")
    if any(len(line) > MAX_LINE_BYTES for line in lines):
        raise _defect(f"a line of more than {MAX_LINE_BYTES} bytes in the answer's head")
    version, status, reason = _status_line(lines[0])
    if len(lines) - 1 > MAX_FIELDS:
        raise _defect(f"more than {MAX_FIELDS} header fields in the answer")
    headers = tuple(_field(line) for line in lines[1:])
    length, chunked = _framing(version, status, headers)
    if to_head or status in _WITHOUT_BODY or status < 200:
        length, chunked = 0, False
    return AnswerHead(version, status, reason, headers, length, chunked)


def _status_line(line: bytes) -> tuple[str, int, bytes]:
    found = _STATUS_LINE.fullmatch(line)
    if found is None:
        raise _defect("the answer's first line is no status line")
    status = int(found[2])
    if status == 101:
        raise _defect("the backend wants to switch protocols, which nobody asked for")
    if status > 599:
        raise _defect("the answer's status is none")
    return found[1].decode(), status, found[3] or b""


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not _NAME.fullmatch(name):
        raise _defect("a header name of the answer is not a token, or a line is folded")
    if not _VALUE.fullmatch(value):
        raise _defect("a header value of the answer has a control character")
    return name, value.strip(b" \t")


def _framing(version: str, status: int, headers: Sequence[tuple[bytes, bytes]]) -> tuple[int | None, bool]:
    """Content-Length, and whether the body is chunked (RFC 9112 section 6.3)."""
    names = [name.lower() for name, _ in headers]
    if repeated := next((name for name in sorted(_SINGLE) if names.count(name) > 1), None):
        raise _defect(f"the answer repeats {repeated.decode()}")
    found = {name.lower(): value for name, value in headers}
    coding, length = found.get(b"transfer-encoding"), found.get(b"content-length")
    if coding is not None and length is not None:
        raise _defect("both Transfer-Encoding and Content-Length in the answer")
    if coding is not None and (coding.lower() != b"chunked" or version != "HTTP/1.1"):
        raise _defect("an answer's Transfer-Encoding that is not chunked, or not of HTTP/1.1 (RFC 9112 6.1)")
    if length is not None and not _LENGTH.fullmatch(length):
        raise _defect("the answer's Content-Length is not a number")
    if status < 200 and (coding is not None or length not in (None, b"0")):
        raise _defect("an interim answer with a body")
    return (int(length) if length is not None else None), coding is not None


def _defect(detail: str) -> Refusal:
    return Refusal("INF-DEP-04", detail)
