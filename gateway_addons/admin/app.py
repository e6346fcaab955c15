"""The operator's window: health and metrics, on loopback, never on the public port."""

import asyncio
from ipaddress import ip_address

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway_addons.admin.health import Readiness
from gateway_addons.settings.values import Listen, SettingsError


def admin_app(readiness: Readiness, registry: CollectorRegistry) -> Starlette:
    """`/health/live`, `/health/ready`, `/metrics`."""

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(_: Request) -> Response:
        is_ready, dependencies = await readiness.look()
        document = {"status": "ready" if is_ready else "not ready", "dependencies": dependencies}
        return JSONResponse(document, status_code=200 if is_ready else 503)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/health/live", live), Route("/health/ready", ready), Route("/metrics", metrics)])


class AdminServer(uvicorn.Server):
    """uvicorn inside the gateway's loop; signals stay with the gateway."""

    def install_signal_handlers(self) -> None:
        """Leave them to the gateway."""


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


async def serve(server: AdminServer) -> None:
    """Serve until `server.should_exit`; a failed bind is an error of the start."""
    try:
        await server._serve()  # the public `serve` takes the process's signals, which are the gateway's
    except asyncio.CancelledError:
        server.should_exit = True
        raise
