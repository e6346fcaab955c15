"""What waits for the disk, in a thread of its own."""

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue


class DiskThread:
    """One work after the other, in a thread that begins with its first.

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

    def shutdown(self) -> None:
        """Finish what was put, and end."""
        self._over = True
        if self._thread.ident is not None:
            self._work.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()


class ThreadFlush:
    """Flushes in the disk's thread: the way that is there everywhere. Implements `group_commit.Flush`."""

    def __init__(self, disk: DiskThread) -> None:
        self._disk = disk

    def begin(self, fd: int, loop: asyncio.AbstractEventLoop, over: Callable[[Exception | None], None]) -> None:
        """See `Flush`."""

        def flush() -> None:
            error: Exception | None = None
            try:
                os.fdatasync(fd)
            except Exception as e:  # noqa: BLE001 - whatever it is, the group is not on the disk
                error = e
            with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                loop.call_soon_threadsafe(over, error)

        self._disk.put(flush)

    def close(self) -> None:
        """The thread finishes by itself what was put."""
