"""One class for all resources: the methods it has, 405 with `Allow` for the others, and what every answer has in common."""

import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.assertion import AssertionVerifier, Claims
from backend.error_bodies import refusal_response
from backend.errors import Refusal
from backend.paris_time import Clock

PROTECTED = "/infinoe/v1"

log = logging.getLogger("backend.http")

type Handler = Callable[[Request], Awaitable[Response]]


class Resource:
    """One path and its methods; HEAD is not implied by GET, for the API is write-only (clause 2.1-a)."""

    def __init__(self, methods: Mapping[str, Handler]) -> None:
        """`methods` by upper-case name."""
        self._methods = dict(methods)
        self._allow = ", ".join(sorted(self._methods))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse with 405."""
        request = Request(scope, receive)
        handler = self._methods.get(request.method)
        if handler is None:
            raise Refusal("INF-REQ-10", headers={"Allow": self._allow})
        response = await handler(request)
        await response(scope, receive, send)


class UnknownResource:
    """Any path without a resource, whatever the method."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 404."""
        raise Refusal("INF-REQ-09")


class AssertionGate:
    """Nothing under /infinoe/v1, known or not, answers anything but 401 to a call without a valid assertion."""

    def __init__(self, app: ASGIApp, verifier: AssertionVerifier, clock: Clock) -> None:
        """`app` is what is behind the gate."""
        self._app = app
        self._verifier = verifier
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Verify, refuse what the assertion does not cover (a query), and leave the claims in the scope's state."""
        if scope["type"] == "http" and scope["path"].startswith(PROTECTED):
            raw_path = scope["raw_path"].decode("latin-1")
            values = Headers(scope=scope).getlist("x-jwt-assertion")
            claims = self._verifier.verify(values, scope["method"], raw_path, self._clock().timestamp())
            scope.setdefault("state", {})["claims"] = claims
            if scope["query_string"] or raw_path != scope["path"]:
                raise Refusal("INF-REQ-03")
        await self._app(scope, receive, send)


def claims_of(request: Request) -> Claims:
    """The verified claims that `AssertionGate` left."""
    claims = request.scope["state"]["claims"]
    if not isinstance(claims, Claims):
        raise TypeError("the call did not pass the assertion gate")
    return claims


class Boundary:
    """The outermost layer: every refusal and every fault becomes an answer here; a fault's trace goes to the log only."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        """`app` is everything else."""
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the call; lifespan messages pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_with_correlation(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                claims = scope.get("state", {}).get("claims")
                if claims is not None:
                    headers = MutableHeaders(scope=message)
                    headers["X-Correlation-ID"] = claims.correlation_id
                    headers["X-Request-ID"] = claims.jti
            await send(message)

        try:
            await self._app(scope, receive, send_with_correlation)
        except Exception as e:
            if started:
                raise
            response = refusal_response(_as_refusal(e, scope), Headers(scope=scope), self._clock())
            await response(scope, receive, send_with_correlation)


def _as_refusal(error: Exception, scope: Scope) -> Refusal:
    if isinstance(error, Refusal):
        return error
    claims = scope.get("state", {}).get("claims")
    log.error("request %s failed", getattr(claims, "jti", "without assertion"), exc_info=error)
    return Refusal("INF-APP-02" if isinstance(error, sqlite3.OperationalError) else "INF-APP-01")
