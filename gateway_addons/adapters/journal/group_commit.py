"""One flush for many: who waits at the same time shares an `fdatasync`, which runs in a thread."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue

from gateway_addons.core.errors import JournalUnavailable


class DiskThread:
    """What waits for the disk, one after the other, in a thread of its own that begins with its first work.

    An executor does the same at twice the cost, for every call (docs/performance.md).
    """

    def __init__(self, name: str) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._over = False

    def put(self, work: Callable[[], None]) -> None:
        """Do this after what was put before; it does not raise. Raises `RuntimeError` after the end."""
        if self._over:
            raise RuntimeError("the disk's thread has ended")
        if self._thread.ident is None:
            self._thread.start()
        self._work.put(work)

    def submit[**P, R](self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """The same for work that may raise, with a future."""
        future: Future[R] = Future()

        def run() -> None:
            try:
                future.set_result(work(*args, **kwargs))
            except Exception as e:  # noqa: BLE001 - it is the future's
                future.set_exception(e)

        self.put(run)
        return future

    def shutdown(self) -> None:
        """Finish what was put, and end."""
        self._over = True
        if self._thread.ident is not None:
            self._work.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()


class GroupCommit:
    """Flushes for one chain, one after the other."""

    def __init__(self, disk: DiskThread, fd: Callable[[], int], failed: Callable[[Exception], Exception]) -> None:
        """`fd` is the descriptor that is written to now; it raises `JournalUnavailable` when there is none to be flushed.
        `failed` makes of a failed flush what the waiting ones are told.
        """
        self._disk, self._fd, self._failed = disk, fd, failed
        self._waiting: list[asyncio.Future[None]] = []
        self._flushing = False

    async def on_disk(self) -> None:
        """Wait for a flush that began after now. Raises what `failed` makes of its failure."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append(future)
        if not self._flushing:
            self._begin(loop)
        await future

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        group, self._waiting = self._waiting, []
        self._flushing = True
        try:
            fd = self._fd()
        except JournalUnavailable as e:
            self._over(loop, group, e)
            return

        def flush() -> None:
            error: Exception | None = None
            try:
                os.fdatasync(fd)
            except Exception as e:  # noqa: BLE001 - whatever it is, the group is not on the disk
                error = e
            with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                loop.call_soon_threadsafe(self._over, loop, group, error)

        try:
            self._disk.put(flush)
        except RuntimeError as e:
            self._over(loop, group, e)

    def _over(self, loop: asyncio.AbstractEventLoop, group: list[asyncio.Future[None]], error: Exception | None) -> None:
        self._flushing = False
        failure = None if error is None else self._failed(error)
        for future in group:
            if future.done():  # its call was given up
                continue
            if failure is None:
                future.set_result(None)
            else:
                future.set_exception(failure)
        if self._waiting:
            self._begin(loop)
