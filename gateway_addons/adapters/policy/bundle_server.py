"""What `poterne policy serve` answers: the bundle of the active revision, to the OPA of this machine.

OPA polls with `If-None-Match`, and asks to wait (`Prefer: wait=20`) while nothing has changed, so that a new revision
reaches it at once. Which revision is active is read from the store at every question: the server holds no state.
"""

import asyncio
import hmac
import re
from collections.abc import Callable
from pathlib import Path

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway_addons.adapters.policy.opa_config import BUNDLE_PATH
from gateway_addons.adapters.policy.revision_store import RevisionStore, StoreError
from gateway_addons.core.revision import Revision
from gateway_addons.settings.policy import BundleService

LOOK_S = 0.05
"""How often the store is looked at while OPA waits for a change."""

MAX_WAIT_S = 300
MEDIA_TYPE = "application/vnd.openpolicyagent.bundles"
"""It tells OPA that this server knows how to wait."""

log = structlog.get_logger("poterne.bundles")


def bundle_app(store: RevisionStore, token_file: Path) -> Starlette:
    """`GET /bundles/poterne.tar.gz` for whoever has the token, and `/health/live`."""

    async def bundle(request: Request) -> Response:
        if not _admitted(request, token_file):
            return JSONResponse({"error": "a bearer token is needed"}, status_code=401, headers={"WWW-Authenticate": "Bearer"})
        try:
            revision = await _changed(store, _known(request), _wait_s(request))
            if revision is None:
                return Response(status_code=404)
            headers = {"ETag": f'"{revision}"', "Cache-Control": "no-store", "Content-Type": MEDIA_TYPE}
            if str(revision) == _known(request):
                return Response(status_code=304, headers=headers)
            data = await asyncio.to_thread(store.bundle(revision).read_bytes)
        except (StoreError, OSError) as e:
            log.error("the active revision cannot be served", why=str(e))
            return JSONResponse({"error": "the active revision cannot be read"}, status_code=503)
        log.info("bundle served", revision=str(revision), bytes=len(data))
        return Response(data, headers=headers)

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "live"})

    return Starlette(routes=[Route(BUNDLE_PATH, bundle), Route("/health/live", live)])


def serve_bundles(store: RevisionStore, service: BundleService) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        OSError: the token cannot be read.
        ValueError: the token is empty.
    """
    if len(_token(service.token_file)) < 16:
        raise ValueError(f"{service.token_file}: the token has fewer than 16 bytes; `poterne policy keys` makes one")
    config = uvicorn.Config(bundle_app(store, service.token_file), host=service.listen.host, port=service.listen.port,
                            log_config=None, access_log=False, lifespan="off", server_header=False, timeout_graceful_shutdown=1)
    uvicorn.Server(config).run()


def _token(file: Path) -> bytes:
    return file.read_bytes().strip()


def _admitted(request: Request, token_file: Path) -> bool:
    try:
        wanted = b"Bearer " + _token(token_file)
    except OSError as e:
        log.error("the token cannot be read", why=str(e))
        return False
    return hmac.compare_digest(request.headers.get("authorization", "").encode(), wanted)


def _known(request: Request) -> str | None:
    """The revision that OPA has; it may name older ones after it, which it has no more."""
    first = request.headers.get("if-none-match", "").split(",")[0].strip()
    return first.removeprefix("W/").strip('"') or None


def _wait_s(request: Request) -> float:
    match = re.search(r"\bwait=([0-9]{1,4})\b", request.headers.get("prefer", ""))
    return min(float(match[1]), MAX_WAIT_S) if match else 0.0


async def _changed(store: RevisionStore, known: str | None, wait_s: float,
                   now: Callable[[], float] | None = None) -> Revision | None:
    """The active revision, as soon as it is another than the known one, or when the wait is over."""
    clock = now or asyncio.get_running_loop().time
    end = clock() + wait_s
    while True:
        active = store.active()
        revision = Revision.parse(active.revision) if active else None
        if (revision is not None and str(revision) != known) or clock() >= end:
            return revision
        await asyncio.sleep(LOOK_S)
