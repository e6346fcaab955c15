"""The answers that the gateway gives itself: the DGFiP's error body, or problem+json when the caller asks for it."""

import json
import math
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from mitmproxy import http

from gateway_addons.addons.messages import PlainHeaders, bare_response
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.core.negotiation import prefers_english, prefers_problem_json
from gateway_addons.core.ports import QuotaCharge, WindowUse
from gateway_addons.core.quota import is_warning
from gateway_addons.core.reasons import INTERNAL_FAULT, REASONS, Reason

PARIS = ZoneInfo("Europe/Paris")
CHALLENGES = {
    "900902": "Bearer",
    "900901": 'Bearer error="invalid_token"',
    "INF-IDC-01": 'Bearer error="invalid_token"',
    "INF-IDC-02": 'Bearer error="invalid_token"',
    "900910": 'Bearer error="insufficient_scope"',
}
"""What a refusal asks for in WWW-Authenticate (RFC 6750 section 3)."""

PROBLEM_TYPE = "urn:poterne:erreur:"


def refusal_body(reason: Reason, now: datetime, *, english: bool) -> dict[str, object]:
    """`{"erreur": {code, message, horodatage}}`, as the consumers of the DGFiP's APIs know it."""
    message = reason.en if english else reason.fr
    moment = now.astimezone(PARIS).isoformat(timespec="seconds")
    return {"erreur": {"code": reason.code, "message": message, "horodatage": moment}}


def problem_body(reason: Reason, now: datetime, *, english: bool) -> dict[str, object]:
    """RFC 9457 problem details with the same code and sentence."""
    message = reason.en if english else reason.fr
    moment = now.astimezone(PARIS).isoformat(timespec="seconds")
    return {"type": PROBLEM_TYPE + reason.code, "title": message, "status": reason.status, "code": reason.code,
            "horodatage": moment}


def refusal(code: str, request: http.Request | None, now: datetime, headers: Mapping[str, str]) -> http.Response:
    """The answer to a refused call. It tells the code and its sentence, and nothing of the call or of any contract."""
    reason = REASONS.get(code, INTERNAL_FAULT)
    accept = request.headers.get_all("accept") if request else []
    english = prefers_english(", ".join(request.headers.get_all("accept-language")) if request else "")
    problem = prefers_problem_json(", ".join(accept))
    body = (problem_body if problem else refusal_body)(reason, now, english=english)
    kind = "application/problem+json" if problem else "application/json"
    return answer(reason.status, body, {"Content-Language": "en" if english else "fr", **headers}, kind=kind)


def answer(
    status: int, body: Mapping[str, object], headers: Mapping[str, str], *, kind: str = "application/json"
) -> http.Response:
    """A JSON answer of the gateway's own; never stored by a cache."""
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    fields = {"Content-Type": kind, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **headers,
              "Content-Length": str(len(raw))}
    return bare_response(status, PlainHeaders([(k.encode(), v.encode()) for k, v in fields.items()]), raw)


def standing_refusal(code: str) -> http.Response:
    """What stands in a flow while a hook decides: a whole refusal, made once. Whoever leaves it there replaces it by one
    that fits the call.
    """
    return _STANDING[code]


_STANDING = {code: refusal(code, None, datetime.now(PARIS), {}) for code in ("INF-GEN-01", "INF-GEN-02")}


def last_resort(code: str) -> bytes:
    """The bytes of a whole answer, for when nothing else of the gateway could make one."""
    body = json.dumps(refusal_body(REASONS[code], datetime.now(PARIS), english=False), ensure_ascii=False).encode()
    return (
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
        b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    ) + body


def rate_limit_headers(charge: QuotaCharge, warn_at: float = 0.8) -> dict[str, str]:
    """`RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers), and `Retry-After` when refused.

    One item for each window: `r` calls (bytes of bodies, where the policy's `qu` says so) are free now, and all `q` of them
    after `t` seconds without a call; `Retry-After` is when a call like this one fits into all of them. Seconds are rounded
    up, so that a caller who waits that long is not refused. From the share `warn_at` of use on an item carries the parameter
    `poterne-warning`, Poterne's own: a reader of structured fields (RFC 9651) who does not know it can pass over it.
    """
    calls = WindowUse("appels", "calls", charge.limit, charge.window_s, charge.remaining, charge.reset_s)
    windows = (calls, *charge.extra)
    headers = {
        "RateLimit-Policy": ", ".join(_policy(window) for window in windows),
        "RateLimit": ", ".join(_state(window, warn_at) for window in windows),
    }
    if not charge.accepted:
        headers["Retry-After"] = str(max(1, math.ceil(charge.retry_s)))
    return headers


def _policy(window: WindowUse) -> str:
    unit = ';qu="content-bytes"' if window.unit == "bytes" else ""
    return f'"{window.name}";q={window.limit};w={window.window_s}{unit}'


def _state(window: WindowUse, warn_at: float) -> str:
    warning = ";poterne-warning" if is_warning(window, warn_at) else ""
    return f'"{window.name}";r={window.remaining};t={max(1, math.ceil(window.reset_s))}{warning}'
