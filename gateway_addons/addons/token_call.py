"""A call to /token: the same certificate and address controls, then the token endpoint (clause 8-b)."""

from datetime import datetime

from mitmproxy import http

from gateway_addons.addons import flow_facts
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.core.errors import Refusal
from gateway_addons.core.evidence.address import address_facts
from gateway_addons.core.evidence.certificate import certificate_facts
from gateway_addons.core.ports import RevocationLists, TokenAnswer, TokenEndpoint, TokenRequest

TOKEN_PATH = "/token"  # noqa: S105 - a path, not a password
MAX_TOKEN_BODY_BYTES = 8192
FORM = ("application/x-www-form-urlencoded",)


def check_token_form(request: http.Request) -> None:
    """Refuse, before the body is read, what is no token request.

    Raises:
        Refusal: 405 for another method, or a body that is too large, of another type or coded.
    """
    if request.method != "POST":
        raise Refusal("INF-REQ-10", f"method {request.method}", (("Allow", "POST"),))
    flow_facts.check_body_headers(request, MAX_TOKEN_BODY_BYTES, FORM)


async def answer_token_call(
    flow: http.HTTPFlow, now: datetime, revocation: RevocationLists, tokens: TokenEndpoint
) -> TokenAnswer:
    """What the token endpoint answers. Raises `Refusal` when the controls cannot be performed or the body is too large."""
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
        address=address_facts(flow_facts.peer_of(flow)),
        authorization=authorization[0] if authorization else None,
        content_type=flow.request.headers.get("content-type", ""),
        body=body,
    ))
