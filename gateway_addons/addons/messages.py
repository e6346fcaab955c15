"""What the HTTP layers tell each other: requests as they were read, and what is wrong with those that were not."""

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from mitmproxy import http
from mitmproxy.net.http import status_codes
from mitmproxy.proxy.layers.http._base import HttpEvent
from mitmproxy.proxy.layers.http._events import ResponseProtocolError

from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.core.answer_head import AnswerHead
from gateway_addons.core.errors import Refusal
from gateway_addons.core.header_fields import Field, FieldsByName, by_name
from gateway_addons.core.request_head import RequestHead

_REASON_PHRASES = {status: phrase.encode() for status, phrase in status_codes.RESPONSES.items()}
_UNPRINTABLE = re.compile(rb"[^\x21-\x7e]")
_KEPT_OF_A_DEFECTIVE_HEAD = re.compile(rb"(?mi)^(x-correlation-id|accept|accept-language): *([\x20-\x7e]{1,200}?) *\r$")


class PlainHeaders(http.Headers):
    """The engine's headers, of fields whose types are known: found by name without a walk over all of them for each, and
    written without a step of Python for each.
    """

    def __init__(self, fields: Iterable[Field], named: FieldsByName | None = None) -> None:
        """`named`: the same fields by name, where whoever read them has that."""
        self._fields = tuple(fields)
        if named is not None:
            self.by_name = named

    @property
    def fields(self) -> tuple[Field, ...]:
        """All fields, in order; whoever sets them, as the engine does for every change, gives them all anew."""
        return self._fields

    @fields.setter
    def fields(self, fields: tuple[Field, ...]) -> None:
        self._fields = fields
        self.__dict__.pop("by_name", None)

    @cached_property
    def by_name(self) -> FieldsByName:
        """The fields by name, as they are now."""
        return by_name(self._fields)

    def get_all(self, name: str | bytes) -> list[str]:
        """All values of a name."""
        return [value.decode("utf-8", "surrogateescape") for value in self.by_name.get(_key(name), ())]

    def get(self, name: str | bytes, default: Any = None) -> Any:
        """The values of a name as one text (RFC 9110 section 5.3), or the default."""
        values = self.by_name.get(_key(name))
        return b", ".join(values).decode("utf-8", "surrogateescape") if values else default

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str | bytes) and _key(name) in self.by_name

    def __bytes__(self) -> bytes:
        return b"\r\n".join([*map(b": ".join, self._fields), b""])


def plain(headers: http.Headers) -> PlainHeaders:
    """The headers of a message that may be the engine's own making."""
    return headers if isinstance(headers, PlainHeaders) else PlainHeaders(headers.fields)


@lru_cache(maxsize=256)
def _key(name: str | bytes) -> bytes:
    """A name as headers are found by it; which names are asked for is the code's word, or an API's file's."""
    return (name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")).lower()


def put_headers(response: http.Response, headers: Mapping[str, str]) -> None:
    """Set several headers of an answer, each in place of what was there."""
    fresh = {_key(name): (name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in headers.items()}
    fields = [field for field in response.headers.fields if field[0].lower() not in fresh]
    fields += fresh.values()
    response.headers = PlainHeaders(fields)


class DefectiveRequest(http.Request):
    """A request whose form is refused; `refusal` says why. Its method and path are placeholders."""

    refusal: Refusal


@dataclass
class BodyDefect(HttpEvent):
    """The body cannot be taken; `refusal` says why. Not a protocol error of the engine's, which means a client that is gone."""

    refusal: Refusal


class BackendSilent(ResponseProtocolError):
    """The backend did not answer in time."""


def bare_response(status: int, headers: http.Headers, body: bytes) -> http.Response:
    """A response of the engine's, made of values whose types are known; the engine's own way checks each of them at a cost."""
    response = http.Response.__new__(http.Response)
    response.data = http.ResponseData.__new__(http.ResponseData)
    now = time.time()
    response.data.__dict__.update(
        http_version=b"HTTP/1.1", status_code=status, reason=_REASON_PHRASES.get(status, b""), headers=headers, content=body,
        trailers=None, timestamp_start=now, timestamp_end=now)
    return response


def response_of(head: AnswerHead) -> http.Response:
    """The engine's response object for a backend's head that was read by the strict grammar; its body follows."""
    response = bare_response(head.status, PlainHeaders(head.headers, head.by_name), b"")
    response.data.http_version, response.data.content = head.version.encode(), None
    return response


def request_of(head: RequestHead) -> http.Request:
    """The engine's request object for a head that was read by the strict grammar."""
    request = http.Request.__new__(http.Request)
    request.data = http.RequestData.__new__(http.RequestData)
    request.data.__dict__.update(
        host="", port=0, method=head.method.encode(), scheme=b"", authority=b"", path=head.target.encode(),
        http_version=b"HTTP/1.1", headers=PlainHeaders(head.headers, head.by_name), content=None, trailers=None,
        timestamp_start=time.time(), timestamp_end=None)
    return request


def defective_request(refusal: Refusal, raw: bytes) -> DefectiveRequest:
    """Stands for a request whose head is refused: for the record what its request line seems to say, for the answer the
    caller's correlation id if there is one. Neither is ever acted upon.
    """
    words = [_UNPRINTABLE.sub(b"?", word) for word in raw[:1024].split(b"\r\n", 1)[0].split(b" ", 2)]
    method, path = [*words, b"-", b"-"][:2]
    request = DefectiveRequest(
        host="", port=0, method=method[:16] or b"-", scheme=b"", authority=b"", path=path[:256] or b"-",
        http_version=b"HTTP/1.1", headers=PlainHeaders(_KEPT_OF_A_DEFECTIVE_HEAD.findall(raw)), content=None, trailers=None,
        timestamp_start=time.time(), timestamp_end=None,
    )
    request.refusal = refusal
    return request
