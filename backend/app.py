"""The composition: routes, the assertion gate, the boundary, and what is opened and closed with them."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp

from backend.assertion import AssertionVerifier, Expectations
from backend.assertion_keys import AssertionKeys
from backend.handlers import Api
from backend.kinds import KINDS
from backend.model_nomenclature import NOMENCLATURES
from backend.openapi import openapi_json
from backend.paris_time import Clock, utc_now
from backend.replay_guard import ReplayGuard
from backend.resources import PROTECTED, AssertionGate, Boundary, Resource, UnknownResource
from backend.settings import WORKER_THREADS, Settings
from backend.storage import Storage


def build_app(settings: Settings, storage: Storage, not_before: int, clock: Clock = utc_now) -> ASGIApp:
    """The ASGI application; it closes `storage` when it shuts down.

    `not_before` is the first whole second (Unix) of which this process judges assertions, see `ReplayGuard`.

    Raises:
        KeyFileError: the assertion keys cannot be read.
    """
    keys = AssertionKeys(settings.assertion_jwks)
    expectations = Expectations(settings.environment, settings.assertion_issuer, settings.assertion_audience)
    verifier = AssertionVerifier(expectations, keys, ReplayGuard(not_before))
    workers = ThreadPoolExecutor(WORKER_THREADS, thread_name_prefix="backend-worker")

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        yield
        workers.shutdown()
        storage.close()

    router = Router(_routes(Api(storage, workers, clock)), lifespan=lifespan, redirect_slashes=False)
    return Boundary(AssertionGate(router, verifier, clock), clock)


def _routes(api: Api) -> list[BaseRoute]:
    routes: list[BaseRoute] = [
        Route("/health/live", Resource({"GET": _live})),
        Route("/openapi.json", Resource({"GET": partial(_document, openapi_json())})),
        Route(f"{PROTECTED}/etatSante", Resource({"GET": api.service_state})),
    ]
    for kind in KINDS.values():
        path = f"{PROTECTED}/ecritures/{kind.slug}"
        routes.append(Route(path, Resource({"POST": partial(api.create, kind)})))
        one = Resource({"PUT": partial(api.modify, kind), "DELETE": partial(api.delete, kind)})
        routes.append(Route(path + "/{identifiant}", one))
    for name in NOMENCLATURES:
        routes.append(Route(f"{PROTECTED}/referentiels/{name}", Resource({"PUT": partial(api.put_nomenclature, name)})))
    routes.append(Route("/{path:path}", UnknownResource()))
    return routes


async def _live(_: Request) -> Response:
    return Response(b'{"status":"ok"}', media_type="application/json")


async def _document(document: bytes, _: Request) -> Response:
    return Response(document, media_type="application/json")
