"""Workers that hang: each is asked for a sign of life, and killed when it gives none; its fleet then replaces it."""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from gateway_addons.supervisor.errors import WorkerSilent
from gateway_addons.supervisor.worker_process import Worker

LOOK_S = 2.0
SILENT_S = 20.0
"""Every worker is asked every `LOOK_S`; one that does not answer for `SILENT_S` hangs."""

log = structlog.get_logger("poterne.supervisor")


async def watch(workers: Callable[[], Iterable[Worker]]) -> None:
    """Ask those that serve, for ever."""
    while True:
        await asyncio.sleep(LOOK_S)
        await asyncio.gather(*(_look(worker) for worker in workers() if worker.state == "serving"))


async def _look(worker: Worker) -> None:
    try:
        await worker.ask("life", SILENT_S)
    except WorkerSilent as e:
        if worker.state == "serving":
            log.error("worker_hangs", **worker.document(), why=str(e))
            worker.kill()
