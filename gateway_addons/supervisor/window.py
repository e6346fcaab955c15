"""What the operator sees: readiness of all workers, and their metrics as those of one gateway."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any

from gateway_addons.supervisor.counts import FleetCounts
from gateway_addons.supervisor.errors import WorkerSilent
from gateway_addons.supervisor.fleet import Fleet
from gateway_addons.supervisor.worker_process import Worker

HEALTH_LIMIT_S = 5.0
METRICS_LIMIT_S = 3.0


class Window:
    """Asks the workers when the operator asks."""

    def __init__(self, fleet: Fleet, counts: FleetCounts) -> None:
        self._fleet = fleet
        self._counts = counts

    async def ready(self) -> tuple[bool, dict[str, Any]]:
        """Ready when every slot has a worker that serves and finds everything it depends on."""
        current = list(self._fleet.current.values())
        found = await asyncio.gather(*(_health(worker) for worker in current))
        workers = [worker.document() | {"ready": health["ready"]} for worker, health in zip(current, found, strict=True)]
        ready = bool(current) and all(w["ready"] for w in workers)
        return ready, {"dependencies": worst(health["dependencies"] for health in found),
                       "workers": workers, "leaving": [worker.document() for worker in self._fleet.leaving]}

    async def metrics(self) -> bytes:
        """The sum over all workers, those that left included."""
        workers = self._fleet.workers()
        counted = await asyncio.gather(*(worker.count(METRICS_LIMIT_S) for worker in workers))
        return self._counts.text({w.writer: families for w, families in zip(workers, counted, strict=True)},
                                 Counter(worker.state for worker in workers))


async def _health(worker: Worker) -> dict[str, Any]:
    try:
        health: dict[str, Any] = await worker.ask("health", HEALTH_LIMIT_S)
    except WorkerSilent:
        return {"ready": False, "dependencies": {}}
    return health | {"ready": health["ready"] and worker.state == "serving"}


def worst(documents: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """For each dependency what the worker says that is worst off: down before up, then the one that changed last."""
    found: dict[str, Any] = {}
    for dependencies in documents:
        for name, document in dependencies.items():
            known = found.get(name)
            if known is None or (known["up"], document["since"]) > (document["up"], known["since"]):
                found[name] = document
    return found
