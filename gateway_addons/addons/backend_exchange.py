"""What goes on to the backend and what comes back: both are rebuilt from a short list of names, never passed through."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mitmproxy import http

from gateway_addons.addons.messages import PlainHeaders, bare_response, plain
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.core import content_digest
from gateway_addons.core.answer_shape import read_answer
from gateway_addons.core.errors import Refusal

_FORWARDED = (b"content-type", b"accept", b"accept-language", b"if-match", b"x-correlation-id")
"""What of the caller's headers the backend gets; everything else stays here."""

_RETURNED = (b"content-type", b"content-language", b"retry-after", b"allow", b"etag")
"""What of the backend's headers the caller gets: no banner, no hop-by-hop header."""

_STATUSES = frozenset({200, 201, 202, 400, 403, 404, 405, 409, 412, 413, 415, 422, 428, 429})
"""What a backend may answer with a body that goes on: no redirect, no interim or empty answer, no failure of its own."""

_ONE_LINE = re.compile(rb"[\x20-\x7e]{0,512}+")


def address_to_backend(request: http.Request, assertion: str, request_id: str, body_sha256: str, *,
                       backend: tuple[str, int] | None = None, headers: Sequence[str] = ()) -> None:
    """Rebuild the request's head for the backend; method, path and body stay the very ones that were authorised.

    `backend` is the API's own where it has one; `headers`, in lower case, those from which the rights were read, which go
    on with it.
    """
    if backend is not None:
        request.data.host, request.data.port = backend
    body = request.raw_content or b""
    fields = [(b"Host", f"{request.host}:{request.port}".encode())]
    given = plain(request.headers).by_name
    wanted = [*_FORWARDED, *map(str.encode, headers)]
    fields += [(name, value) for name in wanted if name in given for value in given[name]]
    fields += [(b"X-Request-ID", request_id.encode()), (b"X-JWT-Assertion", assertion.encode())]
    if body or request.method != "GET":
        fields.append((b"Content-Length", str(len(body)).encode()))
        fields.append((b"Content-Digest", content_digest.state(body_sha256).encode()))
    request.headers = PlainHeaders(fields)
    request.trailers = None


@dataclass(frozen=True, slots=True)
class BackendAnswer:
    """The backend's answer as it may be passed on; `receipt` and `code` are for the record."""

    response: http.Response
    receipt: str | None
    code: str | None


def read_backend_answer(response: http.Response, names: frozenset[str] | None) -> BackendAnswer:
    """Rebuild the backend's answer; `names` are the members it may have (`core.answer_shape`).

    Raises:
        Refusal: INF-DEP-03 when the backend refused the gateway itself, INF-DEP-04 when it failed or answered something
            that is not this API's (clause 2.1-a: no stored data leaves).
    """
    if response.status_code == 401:
        raise Refusal("INF-DEP-03", "the backend refused the assertion")
    body = response.raw_content or b""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code not in _STATUSES or kind not in {"application/json", "application/problem+json"}:
        raise Refusal("INF-DEP-04", f"the backend answered {response.status_code} {kind}")
    if response.headers.get("content-encoding", "identity").lower() != "identity" or response.trailers:
        raise Refusal("INF-DEP-04", "the backend's answer is coded, or has trailers")
    receipt, code = _told(read_answer(body, names))
    given = plain(response.headers).by_name
    fields = [(name, _one_line(b", ".join(given[name]))) for name in _RETURNED if name in given]
    fields += [(b"Cache-Control", b"no-store"), (b"X-Content-Type-Options", b"nosniff"),
               (b"Content-Length", str(len(body)).encode())]
    rebuilt = bare_response(response.status_code, PlainHeaders(fields), body)
    return BackendAnswer(rebuilt, receipt, code)


def _one_line(value: bytes) -> bytes:
    """A header's value of the backend, of printable ASCII and short, or the answer is none."""
    if not _ONE_LINE.fullmatch(value):
        raise Refusal("INF-DEP-04", "the backend answered a header that is not one line of text")
    return value


def _told(document: dict[str, Any]) -> tuple[str | None, str | None]:
    """Receipt number and error code in the backend's JSON, as far as they are there."""
    accuse, erreur = document.get("accuse"), document.get("erreur")
    receipt = accuse.get("numeroAccuse") if isinstance(accuse, dict) else None
    code = erreur.get("code") if isinstance(erreur, dict) else document.get("code")
    return _short(receipt), _short(code)


def _short(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= 64 else None
