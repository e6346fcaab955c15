"""A call to the authorization server: the same certificate and address controls, then its endpoints (clause 8-b)."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from mitmproxy import http

from gateway_addons.addons import flow_facts
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.core.errors import Refusal
from gateway_addons.core.evidence.address import address_facts
from gateway_addons.core.evidence.certificate import certificate_facts
from gateway_addons.core.ports import Endpoint, RevocationLists, TokenAnswer, TokenEndpoint, TokenRequest

ENDPOINTS: Mapping[str, tuple[Endpoint, str]] = MappingProxyType({
    "/token": ("token", "POST"),
    "/revoke": ("revoke", "POST"),
    "/introspect": ("introspect", "POST"),
    "/jwks": ("jwks", "GET"),
    "/.well-known/jwks.json": ("jwks", "GET"),
    "/.well-known/oauth-authorization-server": ("metadata", "GET"),
})
"""Path, endpoint and its one method."""

MAX_TOKEN_BODY_BYTES = 8192
FORM = ("application/x-www-form-urlencoded",)


def is_token_call(request: http.Request) -> bool:
    """Is this for the authorization server?"""
    return request.path in ENDPOINTS


def check_token_form(request: http.Request) -> None:
    """Refuse, before the body is read, what is no request of that endpoint.

    Raises:
        Refusal: 405 for another method, or a body that is too large, of another type or coded.
    """
    _, method = ENDPOINTS[request.path]
    if request.method != method:
        raise Refusal("INF-REQ-10", f"method {request.method}", (("Allow", method),))
    flow_facts.check_body_headers(request, MAX_TOKEN_BODY_BYTES, FORM if method == "POST" else None)


async def answer_token_call(
    flow: http.HTTPFlow, now: datetime, revocation: RevocationLists, tokens: TokenEndpoint
) -> TokenAnswer:
    """What the endpoint answers. Raises `Refusal` when the controls cannot be performed or the body is too large."""
    body = flow.request.raw_content or b""
    if len(body) > MAX_TOKEN_BODY_BYTES:
        raise Refusal("INF-REQ-07", "token request too large")
    authorization = flow.request.headers.get_all("authorization")
    presented = flow_facts.presented_certificate(flow)
    if presented is not None:
        await revocation.prepare(presented.links, now)
    return await tokens.answer(TokenRequest(
        now=now,
        certificate=certificate_facts(presented, revocation, now),
        address=address_facts(flow_facts.observed_address(flow)),
        authorization=authorization[0] if authorization else None,
        content_type=flow.request.headers.get("content-type", ""),
        body=body,
        endpoint=ENDPOINTS[flow.request.path][0],
        leaf_der=presented.der if presented else None,
    ))
