"""What each method of each resource does: check, prepare in a worker thread, have the one writer record, answer the receipt."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime
from sqlite3 import Connection
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from backend.assertion import Claims, caller_of, check_body, check_operation
from backend.entry_store import create_lot, delete_entry, modify_entry
from backend.kinds import Kind
from backend.nomenclature_store import put_nomenclature
from backend.paris_time import Clock
from backend.preparation import prepare_deletion, prepare_lot, prepare_modification, prepare_nomenclature
from backend.prepared import Caller
from backend.receipts import Answer
from backend.request_reading import announced_length, check_media_type, expected_version, read_body
from backend.resources import claims_of
from backend.settings import LARGE_BODY_BYTES, MAX_LARGE_BODIES
from backend.storage import Storage

type Record[P] = Callable[[Connection, P, Caller, datetime], Answer]


class Api:
    """The handlers; they share the store, the worker threads and the bound on large bodies held at once."""

    def __init__(self, storage: Storage, workers: Executor, clock: Clock) -> None:
        """The caller owns and closes the store and the workers."""
        self._storage = storage
        self._workers = workers
        self._clock = clock
        self._large_bodies = asyncio.Semaphore(MAX_LARGE_BODIES)

    async def service_state(self, request: Request) -> Response:
        """GET /infinoe/v1/etatSante: that the service answers, and no data (clause 2.1-a)."""
        claims = claims_of(request)
        check_operation(claims, None, "consulter_etat")
        check_body(claims, await read_body(request))
        return _json('{"message": "API INFINOE disponible"}', 200)

    async def create(self, kind: Kind, request: Request) -> Response:
        """POST /infinoe/v1/ecritures/{kind}."""
        claims = _authorised(request, kind.flux, "creer")
        return await self._record(request, claims, lambda body, caller: prepare_lot(body, kind, caller), create_lot)

    async def modify(self, kind: Kind, request: Request) -> Response:
        """PUT /infinoe/v1/ecritures/{kind}/{identifiant}."""
        claims = _authorised(request, kind.flux, "modifier")
        version, identifiant = expected_version(request), request.path_params["identifiant"]
        return await self._record(
            request,
            claims,
            lambda body, caller: prepare_modification(body, kind, identifiant, version, caller),
            modify_entry,
        )

    async def delete(self, kind: Kind, request: Request) -> Response:
        """DELETE /infinoe/v1/ecritures/{kind}/{identifiant}."""
        claims = _authorised(request, kind.flux, "supprimer")
        version, identifiant = expected_version(request), request.path_params["identifiant"]
        return await self._record(
            request,
            claims,
            lambda body, caller: prepare_deletion(body, kind, identifiant, version, caller),
            delete_entry,
        )

    async def put_nomenclature(self, name: str, request: Request) -> Response:
        """PUT /infinoe/v1/referentiels/{nomenclature}."""
        claims = _authorised(request, "referentiel", "modifier")
        return await self._record(
            request, claims, lambda body, caller: prepare_nomenclature(body, name, caller), put_nomenclature
        )

    async def _record[P](
        self, request: Request, claims: Claims, prepare: Callable[[bytes, Caller], P], record: Record[P]
    ) -> Response:
        """Read and judge the body, then write; the answer is given when the commit has returned."""
        length = announced_length(request)
        if length is None or length > LARGE_BODY_BYTES:
            async with self._large_bodies:
                return await self._read_and_record(request, claims, prepare, record)
        return await self._read_and_record(request, claims, prepare, record)

    async def _read_and_record[P](
        self, request: Request, claims: Claims, prepare: Callable[[bytes, Caller], P], record: Record[P]
    ) -> Response:
        caller = caller_of(claims)

        def judge(body: bytes) -> P:
            check_body(claims, body)
            return prepare(body, caller)

        def write(connection: Connection) -> Answer:
            return record(connection, prepared, caller, self._clock())

        loop = asyncio.get_running_loop()
        prepared = await loop.run_in_executor(self._workers, judge, await read_body(request))
        # Once handed over, the work is done whether or not the caller still waits.
        answer = await asyncio.shield(asyncio.wrap_future(self._storage.submit(write)))
        return _json(answer.body, answer.status)


def _authorised(request: Request, flux: str, operation: str) -> Claims:
    claims = claims_of(request)
    check_operation(claims, flux, operation)
    check_media_type(request)
    return claims


def _json(text: str, status: int) -> Response:
    headers: dict[str, Any] = {"Cache-Control": "no-store"}
    return Response(text.encode(), status_code=status, media_type="application/json", headers=headers)
