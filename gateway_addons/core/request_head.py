"""One reading of an HTTP/1.1 request head: whatever a second reader could understand otherwise is refused (RFC 9112).

The engine's own parser splits on any white space, strips values, keeps folded lines and takes any method, version and
target (see docs/engine.md). Here the raw bytes are read once, by a narrow grammar, before the engine sees them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway_addons.core.errors import Refusal

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
"""Methods that are understood, RFC 9110 section 9 and RFC 5789; a route says which of them it admits. TRACE and CONNECT
are not understood."""

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[\t\x20-\x7e]*")
_TARGET = re.compile(rb"(/[A-Za-z0-9._~-]+)+")
_BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
_BARE_CARRIAGE_RETURN = re.compile(rb"\r(?!\n|$)")
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)|\0")
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


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request head as sent: method and target are canonical text, header names keep their case."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]
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
    if _BARE.search(raw, 0, len(raw) - 4):
        raise Refusal("INF-REQ-01", "bare CR, bare LF or NUL in the head")
    lines = raw[:-4].split(b"\r\n")
    method, target = _request_line(lines[0])
    headers = _header_fields(lines[1:], max_headers)
    content_length, chunked = _framing(headers)
    return RequestHead(method, target, headers, content_length, chunked)


def _request_line(line: bytes) -> tuple[str, str]:
    parts = line.split(b" ")
    if len(parts) != 3 or not _TOKEN.fullmatch(parts[0]):
        raise Refusal("INF-REQ-01", "request line is not: method SP target SP version")
    method, target, version = parts
    if version != b"HTTP/1.1":
        raise Refusal("INF-REQ-02", "version is not HTTP/1.1")
    if method.decode("ascii") not in METHODS:
        raise Refusal("INF-REQ-02", "method is not understood")
    if not _TARGET.fullmatch(target) or any(s in (b".", b"..") for s in target.split(b"/")):
        raise Refusal("INF-REQ-03", "target is not a canonical absolute path")
    return method.decode("ascii"), target.decode("ascii")


def _header_fields(lines: Sequence[bytes], max_headers: int) -> tuple[tuple[bytes, bytes], ...]:
    if len(lines) > max_headers:
        raise Refusal("INF-REQ-06", f"more than {max_headers} header fields")
    headers = tuple(_header_field(line) for line in lines)
    _check_names([name.lower() for name, _ in headers])
    for name, value in headers:
        if name.lower() == b"connection":
            _check_connection(value)
    return headers


def _header_field(line: bytes) -> tuple[bytes, bytes]:
    if line[:1] in (b" ", b"\t", b""):
        raise Refusal("INF-REQ-01", "folded or empty header line (RFC 9112 5.2)")
    name, colon, value = line.partition(b":")
    if not colon or not _TOKEN.fullmatch(name):
        raise Refusal("INF-REQ-01", "header name is not a token")
    if not _VALUE.fullmatch(value):
        raise Refusal("INF-REQ-01", "header value has a control character or a raw high byte")
    return name, value.strip(b" \t")


def _check_names(names: Sequence[bytes]) -> None:
    if forbidden := _FORBIDDEN.intersection(names):
        raise Refusal("INF-REQ-05", f"header not accepted: {sorted(forbidden)[0].decode()}")
    if any(b"_" in name and name not in _UNDERSCORED for name in names):
        raise Refusal("INF-REQ-05", "header name with an underscore")
    if b"id-teleservice" in names:
        raise Refusal("INF-REQ-05", "ID-Teleservice is a twin of ID_Teleservice")
    if names.count(b"host") != 1:
        raise Refusal("INF-REQ-04", "Host must be there exactly once")
    if names.count(b"x-correlation-id") > 1:
        raise Refusal("910000", "X-Correlation-ID is repeated")
    if repeated := {n for n in names if names.count(n) > 1} - _REPEATABLE:
        code = "INF-REQ-01" if repeated & {b"content-length", b"transfer-encoding"} else "INF-REQ-05"
        raise Refusal(code, f"header repeated: {sorted(repeated)[0].decode()}")


def _check_connection(value: bytes) -> None:
    options = {option.strip(b" \t").lower() for option in value.split(b",")}
    if not options <= _CONNECTION_OPTIONS:
        raise Refusal("INF-REQ-05", "Connection names a header")


def _framing(headers: Sequence[tuple[bytes, bytes]]) -> tuple[int | None, bool]:
    """Content-Length and whether the body is chunked (RFC 9112 section 6)."""
    found = {name.lower(): value for name, value in headers}
    coding, length = found.get(b"transfer-encoding"), found.get(b"content-length")
    if coding is not None and length is not None:
        raise Refusal("INF-REQ-01", "both Transfer-Encoding and Content-Length")
    if coding is not None and coding.lower() != b"chunked":
        raise Refusal("INF-REQ-01", "Transfer-Encoding is not chunked")
    if length is not None and not _CONTENT_LENGTH.fullmatch(length):
        raise Refusal("INF-REQ-01", "Content-Length is not a number")
    return (int(length) if length is not None else None), coding is not None
