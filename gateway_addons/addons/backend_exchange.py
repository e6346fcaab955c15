"""What goes on to the backend and what comes back: both are rebuilt from a short list of names, never passed through."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from mitmproxy import http

from gateway_addons.addons.messages import bare_response
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.core.errors import Refusal

_FORWARDED = ("content-type", "accept", "accept-language", "if-match", "x-correlation-id")
"""What of the caller's headers the backend gets; everything else stays here."""

_RETURNED = ("content-type", "content-language", "retry-after", "allow", "etag")
"""What of the backend's headers the caller gets: no banner, no hop-by-hop header."""


def address_to_backend(request: http.Request, assertion: str, request_id: str, *, backend: tuple[str, int] | None = None,
                       headers: Sequence[str] = ()) -> None:
    """Rebuild the request's head for the backend; method, path and body stay the very ones that were authorised.

    `backend` is the API's own where it has one; `headers` those from which the rights were read, which go on with it.
    """
    if backend is not None:
        request.data.host, request.data.port = backend
    body = request.raw_content or b""
    fields = [(b"Host", f"{request.host}:{request.port}".encode())]
    fields += [(name.encode(), value.encode()) for name in (*_FORWARDED, *headers) for value in request.headers.get_all(name)]
    fields += [(b"X-Request-ID", request_id.encode()), (b"X-JWT-Assertion", assertion.encode())]
    if body or request.method != "GET":
        fields.append((b"Content-Length", str(len(body)).encode()))
    request.headers = http.Headers(fields)
    request.trailers = None


@dataclass(frozen=True, slots=True)
class BackendAnswer:
    """The backend's answer as it may be passed on; `receipt` and `code` are for the record."""

    response: http.Response
    receipt: str | None
    code: str | None


def read_backend_answer(response: http.Response) -> BackendAnswer:
    """Rebuild the backend's answer.

    Raises:
        Refusal: INF-DEP-03 when the backend refused the gateway itself, INF-DEP-04 when it failed or answered something
            that is not this API's (clause 2.1-a: no stored data leaves).
    """
    if response.status_code == 401:
        raise Refusal("INF-DEP-03", "the backend refused the assertion")
    body = response.raw_content or b""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code >= 500 or response.status_code < 200 or kind not in {"application/json", "application/problem+json"}:
        raise Refusal("INF-DEP-04", f"the backend answered {response.status_code} {kind}")
    receipt, code = _told(body)
    fields = [(name.encode(), response.headers[name].encode()) for name in _RETURNED if name in response.headers]
    fields += [(b"Cache-Control", b"no-store"), (b"Content-Length", str(len(body)).encode())]
    rebuilt = bare_response(response.status_code, http.Headers(fields), body)
    return BackendAnswer(rebuilt, receipt, code)


def _told(body: bytes) -> tuple[str | None, str | None]:
    """Receipt number and error code in the backend's JSON, as far as they are there."""
    try:
        document = orjson.loads(body)
    except ValueError as e:
        raise Refusal("INF-DEP-04", "the backend's answer is not JSON") from e
    if not isinstance(document, dict):
        raise Refusal("INF-DEP-04", "the backend's answer is not an object")
    receipt = document.get("accuse", {}).get("numeroAccuse") if isinstance(document.get("accuse"), dict) else None
    error = document.get("erreur") if isinstance(document.get("erreur"), dict) else document
    code = error.get("code") if isinstance(error, dict) else None
    return _short(receipt), _short(code)


def _short(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= 64 else None
