"""A worker's life once everything is made: the engine, and beside it what watches; none goes on without the others."""

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Coroutine, Sequence

import structlog

from gateway_addons.addons.listener import GateMaster
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end

SWITCH_S = 0.001
"""The thread that waits for the disk gets its turn this soon under load (Python's own is 5 ms)."""

CYCLES_AFTER = 5_000
"""Objects that must have come and not gone before cyclic garbage is looked for: a pause of some milliseconds at most."""

log = structlog.get_logger("poterne.run")


async def run_with(master: GateMaster, aside: Sequence[Coroutine[None, None, None]]) -> None:
    """Serve until the engine stops; it stops when one of `aside` fails: the supervisor is gone, or the watch on trust."""
    tasks = [asyncio.create_task(one) for one in aside]
    for task in tasks:
        task.add_done_callback(_stop_on_failure(master))
    try:
        await master.run()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _stop_on_failure(master: GateMaster) -> Callable[[asyncio.Task[None]], None]:
    def done(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("a part of the worker failed, stopping", exc_info=task.exception())
            master.shutdown()  # type: ignore[no-untyped-call]

    return done


def keep_to_one_core(slot: int) -> None:
    """Of the cores that this process may use, the worker's own: what it works with stays in that core's caches.

    Threads that are begun later keep to it, too.
    """
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[slot % len(cores)]})


def tame_garbage_collection() -> None:
    """What was made by now lives for ever: it is not looked at again. A call leaves no cycles behind (`http_layer`), a
    connection a few when it ends (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(CYCLES_AFTER, 20, 20)
    sys.setswitchinterval(SWITCH_S)
