"""The operator's window: health and metrics, on loopback, never on the public port."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway_addons.settings.values import Listen, SettingsError

type Ready = Callable[[], Awaitable[tuple[bool, dict[str, Any]]]]
"""Is the gateway ready, and the document that says why."""

type Metrics = Callable[[], Awaitable[bytes]]
"""All metrics, in Prometheus's text format."""


def admin_app(ready: Ready, metrics: Metrics) -> Starlette:
    """`/health/live`, `/health/ready`, `/metrics`."""

    async def show_live(_: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def show_ready(_: Request) -> Response:
        is_ready, document = await ready()
        status = {"status": "ready" if is_ready else "not ready"}
        return JSONResponse(status | document, status_code=200 if is_ready else 503)

    async def show_metrics(_: Request) -> Response:
        return Response(await metrics(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/health/live", show_live), Route("/health/ready", show_ready),
                             Route("/metrics", show_metrics)])


class AdminServer(uvicorn.Server):
    """uvicorn inside the supervisor's loop; signals stay with the supervisor."""

    def install_signal_handlers(self) -> None:
        """Leave them to the supervisor."""


def admin_server(app: Starlette, listen: Listen) -> AdminServer:
    """The server of the operator's window.

    Raises:
        SettingsError: the address is not loopback.
    """
    if not ip_address(listen.host).is_loopback:
        raise SettingsError(f"admin.host {listen.host} is not loopback: the operator's window is never public")
    config = uvicorn.Config(app, host=listen.host, port=listen.port, log_config=None, access_log=False, lifespan="off",
                            server_header=False, timeout_graceful_shutdown=1)
    return AdminServer(config)


async def serve(server: AdminServer, door: socket.socket) -> None:
    """Serve on a listening socket until `server.should_exit`."""
    try:
        await server._serve([door])  # the public `serve` takes the process's signals, which are the supervisor's
    except asyncio.CancelledError:
        server.should_exit = True
        raise
