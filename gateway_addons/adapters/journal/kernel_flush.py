"""Flushes that the kernel does by itself: no thread is woken for one, and none wakes the loop."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from gateway_addons.adapters.journal.kernel_aio import KernelAio

Over = Callable[[Exception | None], None]


class KernelFlush:
    """Implements `group_commit.Flush`."""

    def __init__(self, aio: KernelAio) -> None:
        self._aio = aio
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: Over | None = None
        self._closed = False

    @classmethod
    def tried(cls, fd: int) -> "KernelFlush":
        """Made, and tried with a flush of `fd`, which blocks as fdatasync(2) does. Raises `OSError`: it cannot be had here."""
        aio = KernelAio()
        try:
            aio.submit(fd)
            aio.wait()
            aio.result()
        except OSError:
            aio.close()
            raise
        return cls(aio)

    def begin(self, fd: int, loop: asyncio.AbstractEventLoop, over: Over) -> None:
        """See `Flush`."""
        if self._closed:
            raise RuntimeError("the journal is closed")
        if loop is not self._loop:
            loop.add_reader(self._aio.ready, self._take)
            self._loop = loop
        self._aio.submit(fd)
        self._over = over

    def close(self) -> None:
        """Wait for the flush that may be on its way, tell how it ended, and give the kernel's part back."""
        if self._closed:
            return
        self._closed = True
        if self._over is not None:
            self._aio.wait()
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                self._loop.remove_reader(self._aio.ready)
                if self._over is not None:
                    self._loop.call_soon(self._over, self._result())
        self._aio.close()

    def _take(self) -> None:
        over, self._over = self._over, None
        error = self._result()
        if over is not None:
            over(error)

    def _result(self) -> Exception | None:
        try:
            self._aio.result()
        except Exception as e:  # noqa: BLE001 - whatever it is, the group is not on the disk
            return e
        return None
