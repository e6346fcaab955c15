"""The workers as a whole: all started, one by one replaced, restarted when they crash, ended together."""

import asyncio
from pathlib import Path
from typing import Any

import structlog

from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.supervisor.counts import FleetCounts
from gateway_addons.supervisor.errors import ReloadRefused, StartFailed
from gateway_addons.supervisor.generation import Generation
from gateway_addons.supervisor.listening import ListeningSockets
from gateway_addons.supervisor.worker_process import Worker
from gateway_addons.supervisor.writers import Writers

START_LIMIT_S = 60.0
"""How long a worker may take until it serves."""

KILL_MARGIN_S = 5.0
"""A worker that leaves is killed this long after its own bounds."""

STEADY_S = 60.0
"""A worker that served this long before it crashed is restarted at once; others after a growing wait."""

MAX_WAIT_S = 30.0

log = structlog.get_logger("poterne.supervisor")


class Fleet:
    """All workers. One change at a time: a start, a roll, a restart."""

    def __init__(self, config: Path, sockets: ListeningSockets, writers: Writers, counts: FleetCounts) -> None:
        self._config = config
        self._sockets = sockets
        self._writers = writers
        self._counts = counts
        self._generation: Generation | None = None
        self._changing = asyncio.Lock()
        self._stopping = False
        self._aside: set[asyncio.Task[None]] = set()
        self.current: dict[int, Worker] = {}
        self.leaving: set[Worker] = set()
        self._starting: set[Worker] = set()
        self.restarts: dict[int, int] = {}

    def workers(self) -> list[Worker]:
        """Every worker that lives, the leaving ones last."""
        return [*self.current.values(), *self.leaving]

    # --- start and stop ---

    async def start(self, generation: Generation) -> None:
        """Start all workers at once.

        Raises:
            StartFailed: one does not start; the others are ended.
        """
        self._sockets.provide(generation.settings, generation.slots)
        async with self._changing:
            self._generation = generation
            started: list[Worker] = []
            try:
                for slot in range(generation.slots):
                    started.append(await self._spawn(slot, generation))
                served = await asyncio.gather(*(self._settled(worker) for worker in started))
                if not all(served):
                    raise StartFailed(next(_why(w) for w, serves in zip(started, served, strict=True) if not serves))
            except StartFailed:
                for worker in started:
                    worker.kill()
                await asyncio.gather(*(worker.over.wait() for worker in started))
                raise
            for worker in started:
                self._put(worker)

    async def stop(self) -> None:
        """End all: calls in flight are finished within the bounds of the settings."""
        self._stopping = True
        async with self._changing:
            drain = self._generation.settings.drain if self._generation else None
            if drain is None:
                return
            limit_s = max(drain.stop_calls_s, drain.stop_idle_s) + KILL_MARGIN_S
            await asyncio.gather(*(self._end(w, drain.stop_calls_s, drain.stop_idle_s, limit_s) for w in self.workers()))
            self.current.clear()
        for task in self._aside:
            task.cancel()

    # --- replace ---

    async def roll(self, generation: Generation) -> None:
        """Replace the workers one by one; each new one serves before its predecessor leaves.

        Raises:
            ReloadRefused: a new worker does not start, or a socket cannot be opened; every slot has its old settings again.
        """
        async with self._changing:
            before = self._generation
            if before is None or self._stopping:
                raise ReloadRefused("the gateway is starting or stopping")
            try:
                self._sockets.provide(generation.settings, generation.slots)
            except Exception as e:
                raise ReloadRefused(str(e)) from e
            await self._roll(before, generation)
            self._generation = generation
            for slot in [s for s in self.current if s >= generation.slots]:
                self._let_go(self.current.pop(slot), generation)
            self._sockets.keep_only(generation.settings)

    async def _roll(self, before: Generation, generation: Generation) -> None:
        replaced: list[int] = []
        for slot in range(generation.slots):
            try:
                await self._replace(slot, generation)
            except StartFailed as e:
                for done in replaced:
                    await self._back(done, before)
                raise ReloadRefused(str(e)) from e
            replaced.append(slot)

    async def _back(self, slot: int, before: Generation) -> None:
        if slot >= before.slots:
            self._let_go(self.current.pop(slot), before)
            return
        try:
            await self._replace(slot, before)
        except StartFailed as e:
            log.error("rollback_failed", slot=slot, why=str(e))

    async def _replace(self, slot: int, generation: Generation) -> None:
        worker = await self._spawn(slot, generation)
        if not await self._settled(worker):
            raise StartFailed(_why(worker))
        predecessor = self.current.get(slot)
        self._put(worker)
        if predecessor is not None:
            self._let_go(predecessor, generation)

    async def _spawn(self, slot: int, generation: Generation, preferred: str | None = None) -> Worker:
        """Start a worker. Raises `StartFailed`."""
        try:
            writer = self._writers.allot({w.writer for w in (*self.workers(), *self._starting)}, preferred)
            worker = Worker(slot, writer)
            await worker.start(self._config, generation.text, self._sockets.of_slot(generation.settings, slot, generation.slots))
        except (JournalUnavailable, OSError) as e:
            raise StartFailed(f"a worker cannot be started: {e}") from e
        self._starting.add(worker)
        return worker

    async def _settled(self, worker: Worker) -> bool:
        """Does it serve? One that does not is gone when this returns."""
        try:
            if await worker.settle(START_LIMIT_S):
                return True
            worker.kill()
            await worker.over.wait()
            return False
        finally:
            self._starting.discard(worker)

    def _put(self, worker: Worker) -> None:
        self.current[worker.slot] = worker
        self._do_aside(self._restart_when_it_ends(worker))

    def _let_go(self, worker: Worker, generation: Generation) -> None:
        """Let it drain at leisure; those that were leaving already hurry, so that there are never many."""
        drain = generation.settings.drain
        for older in self.leaving:
            self._do_aside(older.leave(drain.stop_calls_s, drain.stop_idle_s))
        self.leaving.add(worker)
        worker.leaves()
        limit_s = max(drain.roll_calls_s, drain.roll_idle_s) + KILL_MARGIN_S
        self._do_aside(self._end(worker, drain.roll_calls_s, drain.roll_idle_s, limit_s))

    async def _end(self, worker: Worker, calls_s: float, idle_s: float, limit_s: float) -> None:
        await worker.leave(calls_s, idle_s)
        await worker.end(limit_s)
        self.leaving.discard(worker)
        self._counts.departed(worker.metrics)

    # --- watch ---

    async def _restart_when_it_ends(self, worker: Worker) -> None:
        served_since = asyncio.get_running_loop().time()
        await worker.over.wait()
        if self._stopping or self.current.get(worker.slot) is not worker:
            return
        self._counts.departed(worker.metrics)
        self._leave_to_the_others(worker)
        steady = asyncio.get_running_loop().time() - served_since >= STEADY_S
        tries = 0 if steady else self.restarts.get(worker.slot, 0)
        log.error("worker_crashed", **worker.document(), status=worker.exit_status, restart_in_s=_wait_s(tries))
        while not self._stopping and self.current.get(worker.slot) is worker:
            await asyncio.sleep(_wait_s(tries))
            tries += 1
            self.restarts[worker.slot] = tries
            self._counts.restarted(worker.slot)
            await self._restart(worker)

    def _leave_to_the_others(self, crashed: Worker) -> None:
        """New connections do not wait for the restart while somebody else serves."""
        generation = self._generation
        if generation is not None and any(w.state == "serving" for w in self.current.values() if w is not crashed):
            self._sockets.pause(generation.settings, crashed.slot, generation.slots)

    async def _restart(self, crashed: Worker) -> None:
        async with self._changing:
            if self._stopping or self._generation is None or self.current.get(crashed.slot) is not crashed:
                return
            try:
                worker = await self._spawn(crashed.slot, self._generation, crashed.writer)
            except StartFailed as e:
                log.error("worker_does_not_start", slot=crashed.slot, why=str(e))
                return
            if await self._settled(worker):
                self._put(worker)
                log.warning("worker_restarted", **worker.document())
                return
            log.error("worker_does_not_start", slot=crashed.slot, why=_why(worker))

    def _do_aside(self, what: Any) -> None:
        task = asyncio.create_task(what)
        self._aside.add(task)
        task.add_done_callback(self._is_over)

    def _is_over(self, task: asyncio.Task[None]) -> None:
        self._aside.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("supervision_failed", exc_info=task.exception())


def _wait_s(tries: int) -> float:
    return 0.0 if tries == 0 else float(min(MAX_WAIT_S, 2 ** (tries - 1)))


def _why(worker: Worker) -> str:
    return worker.failure or f"a worker ended with status {worker.exit_status} instead of starting; the log says why"
