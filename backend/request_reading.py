"""Reading a request: its headers, each at most once, and its body, bounded in size and in time."""

import asyncio
import re

from starlette.requests import ClientDisconnect, Request

from backend.errors import Detail, Refusal
from backend.settings import BODY_TIMEOUT_S, MAX_BODY_BYTES

MEDIA_TYPES = ("application/json", "application/vnd.dgfip.infinoe.v1.0+json")

_CONTENT_TYPE = re.compile(r"([^;\s]+)\s*(?:;\s*charset=\"?utf-8\"?\s*)?", re.IGNORECASE)
_ENTITY_TAG = re.compile(r'"([1-9][0-9]{0,8})"')


def single_header(request: Request, name: str) -> str | None:
    """The value of a header that may come once.

    Raises:
        Refusal: INF-REQ-05, repeated.
    """
    values = request.headers.getlist(name)
    if len(values) > 1:
        raise Refusal("INF-REQ-05")
    return values[0] if values else None


def check_media_type(request: Request) -> None:
    """The body is said to be JSON in UTF-8, without a coding.

    Raises:
        Refusal: INF-REQ-08.
    """
    match = _CONTENT_TYPE.fullmatch((single_header(request, "content-type") or "").strip())
    if match is None or match[1].lower() not in MEDIA_TYPES:
        raise Refusal("INF-REQ-08")
    if single_header(request, "content-encoding") not in (None, "identity"):
        raise Refusal("INF-REQ-08")


def expected_version(request: Request) -> int:
    """The version in If-Match: one strong entity tag (RFC 9110, 13.1.1); `*` would skip the check and is refused.

    Raises:
        Refusal: INF-VER-01 missing (428), 4017 malformed.
    """
    value = single_header(request, "if-match")
    if value is None:
        raise Refusal("INF-VER-01")
    match = _ENTITY_TAG.fullmatch(value.strip())
    if match is None:
        raise Refusal("4017", [Detail("4017", "")])
    return int(match[1])


def announced_length(request: Request) -> int | None:
    """Content-Length, or None when the body comes in chunks.

    Raises:
        Refusal: INF-REQ-05 malformed; INF-REQ-07 above the limit.
    """
    value = single_header(request, "content-length")
    if value is None:
        return None
    if not (value.isascii() and value.isdigit()):
        raise Refusal("INF-REQ-05")
    if len(value) > 12 or int(value) > MAX_BODY_BYTES:
        raise Refusal("INF-REQ-07", headers={"Connection": "close"})
    return int(value)


async def read_body(request: Request) -> bytes:
    """The whole body.

    Raises:
        Refusal: INF-REQ-07 too large; INF-REQ-05 not whole in the time allowed.
    """
    announced_length(request)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                size += len(chunk)
                if size > MAX_BODY_BYTES:
                    raise Refusal("INF-REQ-07", headers={"Connection": "close"})
                chunks.append(chunk)
    except (TimeoutError, ClientDisconnect) as e:
        raise Refusal("INF-REQ-05", headers={"Connection": "close"}) from e
    return b"".join(chunks)
