"""Cases out of recordings: HAR files of browsers and proxies, and mitmproxy's flow files.

What belonged to the recorded connection is replaced: Host, Authorization, X-Correlation-ID and the length of the body
become placeholders; hop-by-hop headers and HTTP/2's pseudo headers are left out. The rest is sent as it was recorded.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from mitmproxy import http
from mitmproxy.exceptions import FlowReadException
from mitmproxy.io import FlowReader

from gateway_addons.replay.case import Case, CaseError, read_sidecar

_REPLACED = {"host": b"{{HOST}}", "authorization": b"Bearer {{TOKEN}}", "x-correlation-id": b"{{CORRELATION_ID}}",
             "id_teleservice": b"{{ID_TELESERVICE}}"}
_LEFT_OUT = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding", "te", "trailer", "upgrade",
                       "content-length", "http2-settings", "accept-encoding", "content-encoding"})


def read_har(file: Path) -> Iterator[Case]:
    """A case for each entry of a HAR 1.2 file.

    Raises:
        CaseError: the file is no HAR.
    """
    expect = read_sidecar(file.with_suffix(file.suffix + ".yaml")).expect
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))["log"]["entries"]
        for number, entry in enumerate(entries):
            request = entry["request"]
            post = request.get("postData") or {}
            text = post.get("text") or ""
            body = base64.b64decode(text) if post.get("encoding") == "base64" else text.encode()
            headers = [(h["name"], h["value"]) for h in request["headers"]]
            yield Case(f"{file.stem}-{number}", _raw(request["method"], request["url"], headers, body), expect)
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise CaseError(f"{file}: not a HAR file ({type(e).__name__}: {e})") from e


def read_flows(file: Path) -> Iterator[Case]:
    """A case for each HTTP flow of a file that mitmproxy saved.

    Raises:
        CaseError: the file is none of mitmproxy's.
    """
    expect = read_sidecar(file.with_suffix(file.suffix + ".yaml")).expect
    try:
        with file.open("rb") as stream:
            flows = [f for f in FlowReader(stream).stream() if isinstance(f, http.HTTPFlow)]
    except FlowReadException as e:
        raise CaseError(f"{file}: not a flow file of mitmproxy ({e})") from e
    for number, flow in enumerate(flows):
        request = flow.request
        raw = _raw(request.method, request.path, request.headers.items(multi=True), request.content or b"")
        yield Case(f"{file.stem}-{number}", raw, expect)


def _raw(method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1".encode(), b"Host: {{HOST}}"]
    for name, value in headers:
        low = name.lower()
        if low in _LEFT_OUT or low == "host" or name.startswith(":"):
            continue
        lines.append(name.encode() + b": " + _REPLACED.get(low, value.encode("utf-8", "surrogateescape")))
    if body:
        lines.append(b"Content-Length: {{CONTENT_LENGTH}}")
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
