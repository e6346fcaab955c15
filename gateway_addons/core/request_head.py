"""One reading of an HTTP/1.1 request head: whatever a second reader could understand otherwise is refused (RFC 9112).

The engine's own parser splits on any white space, strips values, keeps folded lines and takes any method, version and
target (see docs/engine.md). Here the raw bytes are read once, by a narrow grammar, before the engine sees them.
"""

import re
from typing import NamedTuple

from gateway_addons.core.errors import Refusal
from gateway_addons.core.header_fields import NAME, Field, FieldsByName, by_name, split_fields

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
"""Methods that are understood, RFC 9110 section 9 and RFC 5789; a route says which of them it admits. TRACE and CONNECT
are not understood."""

_VALUE = rb"[\t\x20-\x7e]*+"
_TARGET = rb"(?:/[A-Za-z0-9._~-]++)++"
_HEAD = re.compile(rb"(%b) (%b) HTTP/1\.1((?:\r\n%b:%b)*+)" % (NAME, _TARGET, NAME, _VALUE))
"""All of a head but the empty line at its end. What is wrong with one that has not this form, `_defect_of_form` finds."""

_BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
_BARE_CARRIAGE_RETURN = re.compile(rb"\r(?!\n|$)")
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)|\0")
_DOT_SEGMENTS = frozenset({b".", b".."})
_CONTENT_LENGTH = re.compile(rb"[0-9]{1,15}")

_FORBIDDEN = frozenset({b"upgrade", b"te", b"trailer", b"proxy-connection", b"proxy-authorization", b"http2-settings",
                        b"x-jwt-assertion", b"x-http-method-override", b"x-original-url", b"x-rewrite-url"})
"""Hop-by-hop names (RFC 9110 section 7.6.1), the gateway's own assertion, and names by which some backends let a header
overrule the request line."""

_CONNECTION_OPTIONS = frozenset({b"keep-alive", b"close"})
_REPEATABLE = frozenset({b"accept", b"accept-encoding", b"accept-language", b"cache-control", b"forwarded", b"via", b"cookie",
                         b"x-forwarded-for", b"id_teleservice"})
"""Names that may come more than once: lists, what is never forwarded, and ID_Teleservice, whose repetition control C3 judges."""

_UNDERSCORED = frozenset({b"id_teleservice"})


class RequestHead(NamedTuple):
    """A request head as sent: method and target are canonical text, header names keep their case."""

    method: str
    target: str
    headers: tuple[Field, ...]
    by_name: FieldsByName
    content_length: int | None
    chunked: bool


def incomplete_head_defect(received: bytes, max_bytes: int) -> Refusal | None:
    """What can already be refused in a head that has not arrived whole, or None."""
    if _BARE_LINE_FEED.search(received):
        return Refusal("INF-REQ-01", "bare line feed in the head")
    if _BARE_CARRIAGE_RETURN.search(received) or b"\0" in received:
        return Refusal("INF-REQ-01", "control character in the head")
    if len(received) > max_bytes:
        return Refusal("INF-REQ-06", f"more than {max_bytes} bytes of head")
    return None


def read_head(raw: bytes, *, max_bytes: int, max_headers: int) -> RequestHead:
    """Read a whole head; `raw` ends with CRLF CRLF.

    Raises:
        Refusal: with an INF-REQ code; the detail names the defect.
    """
    if len(raw) > max_bytes:
        raise Refusal("INF-REQ-06", f"more than {max_bytes} bytes of head")
    head = _HEAD.fullmatch(raw, 0, len(raw) - 4)
    if head is None:
        raise _defect_of_form(raw[:-4], max_headers)
    method, target = _understood(head[1]), _canonical(head[2])
    headers = split_fields(head[3])
    if len(headers) > max_headers:
        raise Refusal("INF-REQ-06", f"more than {max_headers} header fields")
    named = by_name(headers)
    _check_names(named, len(headers))
    content_length, chunked = _framing(named)
    return RequestHead(method, target, headers, named, content_length, chunked)


def _understood(method: bytes) -> str:
    name = method.decode("ascii")
    if name not in METHODS:
        raise Refusal("INF-REQ-02", "method is not understood")
    return name


def _canonical(target: bytes) -> str:
    if not _DOT_SEGMENTS.isdisjoint(target.split(b"/")):
        raise Refusal("INF-REQ-03", "target is not a canonical absolute path")
    return target.decode("ascii")


def _defect_of_form(head: bytes, max_headers: int) -> Refusal:
    """The first thing that is wrong with a head that has not the form of one; where that has a check of its own, it raises."""
    if _BARE.search(head):
        return Refusal("INF-REQ-01", "bare CR, bare LF or NUL in the head")
    request_line, *lines = head.split(b"\r\n")
    parts = request_line.split(b" ")
    if len(parts) != 3 or not re.fullmatch(NAME, parts[0]):
        return Refusal("INF-REQ-01", "request line is not: method SP target SP version")
    if parts[2] != b"HTTP/1.1":
        return Refusal("INF-REQ-02", "version is not HTTP/1.1")
    _understood(parts[0])
    if not re.fullmatch(_TARGET, parts[1]):
        return Refusal("INF-REQ-03", "target is not a canonical absolute path")
    _canonical(parts[1])
    if len(lines) > max_headers:
        return Refusal("INF-REQ-06", f"more than {max_headers} header fields")
    return next(filter(None, map(_defect_of_line, lines)), Refusal("INF-REQ-01", "the head has not the form of one"))


def _defect_of_line(line: bytes) -> Refusal | None:
    if line[:1] in (b" ", b"\t", b""):
        return Refusal("INF-REQ-01", "folded or empty header line (RFC 9112 5.2)")
    name, colon, value = line.partition(b":")
    if not colon or not re.fullmatch(NAME, name):
        return Refusal("INF-REQ-01", "header name is not a token")
    if not re.fullmatch(_VALUE, value):
        return Refusal("INF-REQ-01", "header value has a control character or a raw high byte")
    return None


def _check_names(named: FieldsByName, count: int) -> None:
    if not _FORBIDDEN.isdisjoint(named):
        raise Refusal("INF-REQ-05", f"header not accepted: {min(_FORBIDDEN.intersection(named)).decode()}")
    if b"_" in b" ".join(named.keys() - _UNDERSCORED):
        raise Refusal("INF-REQ-05", "header name with an underscore")
    if b"id-teleservice" in named:
        raise Refusal("INF-REQ-05", "ID-Teleservice is a twin of ID_Teleservice")
    if len(named.get(b"host", ())) != 1:
        raise Refusal("INF-REQ-04", "Host must be there exactly once")
    if len(named.get(b"x-correlation-id", ())) > 1:
        raise Refusal("910000", "X-Correlation-ID is repeated")
    if len(named) != count:
        _check_repeated({name for name, values in named.items() if len(values) > 1} - _REPEATABLE)
    if b"connection" in named:
        _check_connection(named[b"connection"][0])


def _check_repeated(repeated: set[bytes]) -> None:
    if repeated:
        code = "INF-REQ-01" if repeated & {b"content-length", b"transfer-encoding"} else "INF-REQ-05"
        raise Refusal(code, f"header repeated: {min(repeated).decode()}")


def _check_connection(value: bytes) -> None:
    options = {option.strip(b" \t").lower() for option in value.split(b",")}
    if not options <= _CONNECTION_OPTIONS:
        raise Refusal("INF-REQ-05", "Connection names a header")


def _framing(named: FieldsByName) -> tuple[int | None, bool]:
    """Content-Length and whether the body is chunked (RFC 9112 section 6); neither is there twice."""
    coding, length = named.get(b"transfer-encoding"), named.get(b"content-length")
    if coding is not None and length is not None:
        raise Refusal("INF-REQ-01", "both Transfer-Encoding and Content-Length")
    if coding is not None and coding[0].lower() != b"chunked":
        raise Refusal("INF-REQ-01", "Transfer-Encoding is not chunked")
    if length is not None and not _CONTENT_LENGTH.fullmatch(length[0]):
        raise Refusal("INF-REQ-01", "Content-Length is not a number")
    return (int(length[0]) if length is not None else None), coding is not None
