"""One flush for many: who waits at the same time shares an `fdatasync`, which runs in a thread."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Executor


class GroupCommit:
    """Flushes for one chain, one after the other."""

    def __init__(self, disk: Executor, fd: Callable[[], int], failed: Callable[[Exception], Exception]) -> None:
        """`fd` is the descriptor that is written to now; `failed` makes of a failed flush what the waiting ones are told."""
        self._disk, self._fd, self._failed = disk, fd, failed
        self._waiting: list[asyncio.Future[None]] = []
        self._syncing: asyncio.Task[None] | None = None

    async def on_disk(self) -> None:
        """Wait for a flush that began after now. Raises what `failed` makes of its failure."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        if self._syncing is None or self._syncing.done():
            self._syncing = asyncio.create_task(self._sync_groups())
        await future

    async def _sync_groups(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            group, self._waiting = self._waiting, []
            failure: Exception | None = None
            try:
                await loop.run_in_executor(self._disk, os.fdatasync, self._fd())
            except (OSError, RuntimeError) as e:
                failure = self._failed(e)
            for future in group:
                if not future.done():
                    if failure is None:
                        future.set_result(None)
                    else:
                        future.set_exception(failure)
