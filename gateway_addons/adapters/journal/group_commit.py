"""One flush for many: who waits at the same time shares an `fdatasync`."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Protocol

import structlog

from gateway_addons.adapters.journal.disk_thread import DiskThread, ThreadFlush
from gateway_addons.adapters.journal.kernel_flush import KernelFlush


class Flush(Protocol):
    """A way to flush a file without blocking the loop, one flush at a time."""

    def begin(self, fd: int, loop: asyncio.AbstractEventLoop, over: Callable[[Exception | None], None]) -> None:
        """Begin; the loop calls `over` with what went wrong, or None. Raises `RuntimeError` or `OSError`: it is not begun."""

    def close(self) -> None:
        """Finish what was begun; nothing more is begun."""


class GroupCommit:
    """Flushes for one chain, one after the other."""

    def __init__(self, disk: DiskThread, fd: Callable[[], int], failed: Callable[[Exception], Exception]) -> None:
        """`fd` is the descriptor that is written to now; `failed` makes of a failed flush what the waiting ones are told."""
        self.way: Flush = ThreadFlush(disk)
        self._chosen = False
        self._disk, self._fd, self._failed = disk, fd, failed
        self._waiting: list[asyncio.Future[None]] = []
        self._behind: list[Callable[[], None]] = []
        self._flushing = False

    def choose_way(self) -> None:
        """Once, before the first flush: the kernel flushes by itself if it does so with the file of now, else a thread does."""
        if self._chosen:
            return
        self._chosen = True
        log = structlog.get_logger("poterne.journal")
        try:
            self.way = KernelFlush.tried(self._fd())
        except OSError as e:
            log.info("journal_flushes", by="thread", why=e.strerror)
        else:
            log.info("journal_flushes", by="kernel")

    async def on_disk(self) -> None:
        """Wait for a flush that began after now. Raises what `failed` makes of its failure."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append(future)
        if not self._flushing:
            self._begin(loop)
        await future

    def behind[**P](self, work: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> Future[None]:
        """Do this in the disk's thread, once the flush that may be on its way is over."""
        done: Future[None] = Future()
        self._behind.append(partial(_do, done, partial(work, *args, **kwargs)))
        if not self._flushing:
            self._put_behind()
        return done

    def close(self) -> None:
        """Finish the flush that may be on its way, and what is behind it."""
        self.way.close()
        self._put_behind()
        self._disk.shutdown()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        group, self._waiting = self._waiting, []
        self._flushing = True
        try:
            self.way.begin(self._fd(), loop, partial(self._over, loop, group))
        except (RuntimeError, OSError) as e:
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
        self._put_behind()

    def _put_behind(self) -> None:
        while self._behind:
            self._disk.put(self._behind.pop(0))


def _do(done: Future[None], work: Callable[[], None]) -> None:
    try:
        work()
    except Exception as e:  # noqa: BLE001 - it is the future's
        done.set_exception(e)
    else:
        done.set_result(None)
