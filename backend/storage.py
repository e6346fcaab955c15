"""The one writer: a thread that runs each piece of work in a savepoint and commits several at once (group commit).

An answer is given only after the COMMIT that holds it returned, so that every 2xx is durable (clause 11-h).
"""

import contextlib
import logging
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.database import lock_database, open_database
from backend.errors import Refusal

MAX_WAITING = 512
MAX_COMMIT_GROUP = 64

log = logging.getLogger("backend.storage")

type Work[T] = Callable[[sqlite3.Connection], T]


@dataclass(slots=True)
class _Job:
    work: Work[Any]
    future: Future[Any]
    result: Any = None
    failure: BaseException | None = None


class Storage:
    """Owns the database file from construction to `close`."""

    def __init__(self, path: Path) -> None:
        """Open, or create.

        Raises:
            DatabaseUnusableError: the file is in use or is not this backend's.
        """
        self._lock = lock_database(path)
        try:
            self._connection = open_database(path)
        except BaseException:
            os.close(self._lock)
            raise
        self._jobs: queue.Queue[_Job | None] = queue.Queue(MAX_WAITING)
        self._writer = threading.Thread(target=self._write, name="backend-writer", daemon=True)
        self._writer.start()

    def submit[T](self, work: Work[T]) -> Future[T]:
        """Have `work` run in the writer; the future is resolved after the commit, or with what `work` raised.

        Raises:
            Refusal: INF-APP-02, too much work is waiting.
        """
        job = _Job(work, Future())
        try:
            self._jobs.put_nowait(job)
        except queue.Full as e:
            raise Refusal("INF-APP-02") from e
        return job.future

    def close(self) -> None:
        """Finish what was submitted, then let the file go."""
        self._jobs.put(None)
        self._writer.join()
        self._connection.close()
        os.close(self._lock)

    def _write(self) -> None:
        while (job := self._jobs.get()) is not None:
            group = [job]
            stop = False
            while len(group) < MAX_COMMIT_GROUP and not stop:
                try:
                    following = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    stop = True
                else:
                    group.append(following)
            self._commit(group)
            if stop:
                return

    def _commit(self, group: list[_Job]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for job in group:
                self._run(job)
            self._connection.execute("COMMIT")
        except Exception as e:
            log.exception("commit of %d pieces of work failed", len(group))
            # Were even this to fail, every later BEGIN would fail too: refused, never half recorded.
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            for job in group:
                job.failure = Refusal("INF-APP-02") if isinstance(e, sqlite3.Error) else e
        for job in group:
            if job.failure is not None:
                job.future.set_exception(job.failure)
            else:
                job.future.set_result(job.result)

    def _run(self, job: _Job) -> None:
        """One piece of work, undone alone when it raises; a lost transaction ends the whole group."""
        self._connection.execute("SAVEPOINT work")
        try:
            job.result = job.work(self._connection)
        except Exception as e:  # noqa: BLE001 - the one who waits for the future gets it
            job.failure = e
            self._connection.execute("ROLLBACK TO work")
        self._connection.execute("RELEASE work")
