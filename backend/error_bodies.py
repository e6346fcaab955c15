"""The body of a refusal: the DGFiP's by default, RFC 9457 when `Accept` asks for it; French unless English is preferred."""

import json
from datetime import datetime
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response

from backend.codes import CODES
from backend.errors import Refusal
from backend.paris_time import timestamp

PROBLEM = "application/problem+json"
MAX_HEADER_CHARACTERS = 1_000


def refusal_response(refusal: Refusal, headers: Headers, now: datetime) -> Response:
    """The answer to a refused call; `headers` are the request's (untrusted)."""
    english = _prefers(headers.getlist("accept-language"), "en", "fr", default=False)
    problem = _prefers(headers.getlist("accept"), PROBLEM, "application/json", default=False)
    code = CODES[refusal.code]
    details = [
        {"index": found.index, "chemin": found.path, "code": found.code, "message": _message(found.code, english)}
        for found in refusal.details
    ]
    message, moment = _message(refusal.code, english), timestamp(now)
    body: dict[str, Any]
    if problem:
        body = {
            "type": f"urn:infinoe:erreur:{code.code}",
            "title": message,
            "status": code.status,
            "code": code.code,
            "horodatage": moment,
        }
    else:
        body = {"erreur": {"code": code.code, "message": message, "horodatage": moment}}
    if details:
        body["details"] = details
    return Response(
        json.dumps(body, ensure_ascii=False).encode(),
        status_code=code.status,
        media_type=PROBLEM if problem else "application/json",
        headers={**refusal.headers, **_standard_headers(code.status), "Content-Language": "en" if english else "fr"},
    )


def _standard_headers(status: int) -> dict[str, str]:
    headers = {"Cache-Control": "no-store", "Vary": "Accept, Accept-Language"}
    if status == 401:
        headers["WWW-Authenticate"] = 'X-JWT-Assertion realm="infinoe"'  # RFC 9110, 11.6.1: a 401 names a scheme
    if status == 503:
        headers["Retry-After"] = "5"
    return headers


def _message(code: str, english: bool) -> str:
    return CODES[code].en if english else CODES[code].fr


def _prefers(values: list[str], wanted: str, other: str, *, default: bool) -> bool:
    """Whether a preference header (RFC 9110, 12.4.2) names `wanted` with at least the weight of `other`.

    For languages the first of equal weight wins, as browsers and libraries write them; a malformed header means `default`.
    """
    weights: dict[str, tuple[float, int]] = {}
    for position, item in enumerate(",".join(values)[:MAX_HEADER_CHARACTERS].split(",")):
        name, _, parameters = item.strip().lower().partition(";")
        name = name.strip()
        if "/" not in name:
            name = name.partition("-")[0]
        weight = 1.0
        parameter = parameters.strip()
        if parameter.startswith("q="):
            try:
                weight = float(parameter[2:])
            except ValueError:
                return default
        weights.setdefault(name, (weight, -position))
    if wanted not in weights or weights[wanted][0] <= 0:
        return default
    if wanted == PROBLEM:
        return weights[wanted][0] >= weights.get(other, (0.0, 0))[0]
    return weights[wanted] > weights.get(other, (0.0, 0))
