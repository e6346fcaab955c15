"""From a flow to what the pipeline is given; anything ambiguous is refused here, with a code (architecture, step 2)."""

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from mitmproxy import http

from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.session import DEFECT, SESSION, Session
from gateway_addons.core.bounds import source_of
from gateway_addons.core.brake import Caller
from gateway_addons.core.errors import Refusal
from gateway_addons.core.evidence.address import ObservedAddress, observed_peer
from gateway_addons.core.evidence.certificate import PresentedCertificate
from gateway_addons.core.evidence.rights import rights_facts
from gateway_addons.core.facts import CallFacts
from gateway_addons.core.pipeline import CallInput
from gateway_addons.core.routes import RouteMatch, RouteTable

CORRELATION_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:(?P<port>[0-9]{1,5}))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ListenerFacts:
    """What a listener knows of itself: the names it answers to, and its own routes."""

    hosts: frozenset[str]
    routes: RouteTable
    max_body_bytes: int


def correlation_id(request: http.Request) -> str | None:
    """The caller's X-Correlation-ID when it is one UUID, for the echo; None otherwise."""
    values = request.headers.get_all("x-correlation-id")
    return values[0] if len(values) == 1 and CORRELATION_ID.fullmatch(values[0]) else None


def check_form(flow: http.HTTPFlow, listener: ListenerFacts) -> None:
    """Refuse what the HTTP layer found defective, and a Host that is not this listener's (RFC 9112 section 3.2).

    Raises:
        Refusal: an INF-REQ code.
    """
    defect = flow.metadata.get(DEFECT)
    if defect is not None:
        raise defect if isinstance(defect, Refusal) else Refusal("INF-REQ-01", "unknown defect")
    name, sni = _host_name(flow.request.headers.get("host", "")), session_of(flow).sni
    if name is None:
        raise Refusal("INF-REQ-04", "Host is malformed")
    if name not in listener.hosts or (sni is not None and sni != name):
        raise Refusal("INF-REQ-04", "Host is not this listener's, or differs from SNI")


@lru_cache(maxsize=256)
def _host_name(value: str) -> str | None:
    """The name in a Host, in lower case; None for what is none (RFC 9110 section 7.2)."""
    host = _HOST.fullmatch(value)
    if host is None or int(host["port"] or 443) > 65535:
        return None
    return host["name"].lower().strip("[]")


def find_route(flow: http.HTTPFlow, listener: ListenerFacts) -> RouteMatch:
    """The route of this request, with what can be refused before the body is read.

    Raises:
        Refusal: 404, 405, 910000, or a body that is too large, of another type or coded.
    """
    request = flow.request
    match = listener.routes.find(request.method, request.path)
    if correlation_id(request) is None:
        raise Refusal("910000", "X-Correlation-ID is absent or malformed")
    check_body_headers(request, match.api.max_body_bytes, match.api.content_types if match.takes_body else None)
    return match


def check_body_headers(request: http.Request, max_body_bytes: int, content_types: tuple[str, ...] | None) -> None:
    """Refuse a body by its headers; `content_types` is None where no body is admitted.

    Raises:
        Refusal: INF-REQ-05, INF-REQ-07 or INF-REQ-08.
    """
    headers = request.headers
    length = headers.get("content-length", "0")
    if int(length) > max_body_bytes:
        raise Refusal("INF-REQ-07", f"{length} bytes announced")
    if headers.get("expect", "100-continue").lower() != "100-continue":
        raise Refusal("INF-REQ-05", "Expect is not 100-continue")
    has_body = length.strip("0") != "" or "transfer-encoding" in headers
    if content_types is None:
        if has_body:
            raise Refusal("INF-REQ-05", "a body where none is admitted")
        return
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal("INF-REQ-08", "content coding")
    if has_body and not _is_admitted(headers.get("content-type", ""), content_types):
        raise Refusal("INF-REQ-08", "content type")


def _is_admitted(value: str, content_types: tuple[str, ...]) -> bool:
    kind, _, parameter = value.partition(";")
    plain = parameter.strip().lower().replace('"', "")
    return kind.strip().lower() in content_types and plain in {"", "charset=utf-8"}


def session_of(flow: http.HTTPFlow) -> Session:
    """The TLS session this flow came by.

    Raises:
        Refusal: INF-GEN-01 for a flow that came any other way (a stock engine, a replay).
    """
    session = flow.metadata.get(SESSION)
    if not isinstance(session, Session):
        raise Refusal("INF-GEN-01", "the flow did not come through Poterne's listener")
    return session


def presented_certificate(flow: http.HTTPFlow) -> PresentedCertificate | None:
    """What the TLS layer verified of the client certificate."""
    session = session_of(flow)
    return PresentedCertificate(session.leaf_der, session.failure, session.links) if session.leaf_der else None


def peer_of(flow: http.HTTPFlow) -> str | None:
    """The TCP peer's address, never a header."""
    peer = flow.client_conn.peername
    return str(peer[0]) if peer else None


def caller(flow: http.HTTPFlow) -> Caller:
    """Who this call is counted for: its source, and its certificate when the handshake verified it."""
    session = session_of(flow)
    verified = session.leaf_der is not None and session.failure is None
    certificate = _fingerprint(session.leaf_der or b"") if verified else None
    source = session.address.source if session.address else peer_of(flow)  # a trusted balancer passes its client on
    return Caller(source_of(source or ""), certificate)


@lru_cache(maxsize=4096)
def _fingerprint(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()


def observed_address(flow: http.HTTPFlow) -> ObservedAddress:
    """Where the call comes from: the peer, a balancer's word, and the one header that trusted proxies may write."""
    observed = session_of(flow).address
    if observed is None:
        return observed_peer(peer_of(flow))
    if observed.proxies is None:
        return observed
    return replace(observed, forwarded=tuple(flow.request.headers.get_all(observed.proxies.header)))


def call_facts(flow: http.HTTPFlow, match: RouteMatch, request_id: str) -> CallFacts:
    """The call's name and what its route says it does."""
    route = match.route
    return CallFacts(
        request_id=request_id, correlation_id=correlation_id(flow.request) or "", api=match.api.api,
        method=flow.request.method, path=flow.request.path, route=route.id, flux=route.flux, operation=route.operation,
        scope=route.scope,
    )


def call_input(flow: http.HTTPFlow, match: RouteMatch, call: CallFacts, now: datetime, digest: str) -> CallInput:
    """Everything the pipeline is given; `digest` is the SHA-256 of the body's bytes. Reads a large body: run it aside.

    Raises:
        Refusal: INF-REQ-07 for a body that is longer than its API admits.
    """
    authorization = flow.request.headers.get_all("authorization")
    body = flow.request.raw_content or b""
    if len(body) > match.api.max_body_bytes:  # announced bodies are refused before; this one came in chunks
        raise Refusal("INF-REQ-07", f"{len(body)} bytes came")
    return CallInput(
        now=now,
        call=call,
        address=observed_address(flow),
        certificate=presented_certificate(flow),
        identifiers=tuple(flow.request.headers.get_all("id_teleservice")),
        authorization=authorization[0] if authorization else None,
        rights=rights_facts(match, body, flow.request.headers.get_all),
        body_sha256=digest,
        body_bytes=len(body),
    )
