"""The journal as a JSON-lines file: one record for each call, and nothing leaves for the backend before it is announced.

Two files. `journal.jsonl` holds one complete record for each call. `journal.open.jsonl` holds the announcements of calls
that are about to reach the backend; an announcement is on the disk (fdatasync) before the call leaves, so that a crash
cannot lose the trace of an exchange: at the next start, what was announced and not concluded gets its record, marked
`interrompu`.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gateway_addons.core.errors import JournalHeld, JournalUnavailable

COMPACT_ABOVE_BYTES = 8 << 20
"""The announcements are thrown away when none is open and the file is larger than this."""


def writer_file(file: Path, writer: str) -> Path:
    """Where one writer keeps its records: a folder of its own beside the file that the settings name."""
    return file.parent / writer / file.name


class JournalFile:
    """The `Journal` in two files of one folder; implements `core.ports.Journal`. One process writes them (lock)."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._open_file = file.with_suffix(".open" + file.suffix)
        self._records = -1
        self._announcements = -1
        self._unconcluded: set[str] = set()
        self._concluded: list[bytes] = []
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._broken: str | None = None

    def open(self) -> int:
        """Open both files and conclude what a crash left open; returns how many calls that were.

        Raises:
            JournalUnavailable: a file cannot be opened or read.
            JournalHeld: another process writes it.
        """
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            flags = os.O_CREAT | os.O_APPEND | os.O_RDWR | os.O_CLOEXEC
            self._records = os.open(self._file, flags, 0o600)
            self._announcements = os.open(self._open_file, flags, 0o600)
            fcntl.flock(self._announcements, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _end_torn_line(self._records)
            return self._recover()
        except BlockingIOError as e:
            raise JournalHeld(f"{self._file} is in use by another gateway") from e
        except (OSError, ValueError) as e:
            raise JournalUnavailable(f"{self._file}: {e}") from e

    def _recover(self) -> int:
        left: dict[str, dict[str, Any]] = {}
        for line in _whole_lines(self._announcements):
            if "conclu" in line:
                left.pop(line["conclu"], None)
            else:
                left[line["requestId"]] = line
        if left:
            written = _ids_of(self._records)
            lost = [r | {"statut": None, "interrompu": True} for i, r in left.items() if i not in written]
            _write(self._records, b"".join(_line(r) for r in lost))
            os.fdatasync(self._records)
            left = {r["requestId"]: r for r in lost}
        os.ftruncate(self._announcements, 0)
        os.fdatasync(self._announcements)
        return len(left)

    async def announce(self, record: dict[str, Any]) -> None:
        """Make durable that this call is about to reach the backend; several calls share one flush.

        Raises:
            JournalUnavailable: it is not on the disk.
        """
        self._check()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unconcluded.add(record["requestId"])
        self._waiting.append((_line(record), future))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        await future

    async def _flush(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            marks, self._concluded = self._concluded, []
            data = b"".join(line for line, _ in group)
            failure: Exception | None = None
            try:
                await asyncio.get_running_loop().run_in_executor(self._writer, self._write_durably, marks, data)
            except OSError as e:
                self._broken = f"{self._open_file}: {e.strerror}"
                failure = JournalUnavailable(self._broken)
            for _, future in group:
                if future.done():
                    continue
                if failure is None:
                    future.set_result(None)
                else:
                    future.set_exception(failure)

    def _write_durably(self, marks: list[bytes], data: bytes) -> None:
        """A call is marked concluded only once its record is on the disk, so that a power cut cannot lose both."""
        if marks:
            os.fdatasync(self._records)
        _write(self._announcements, b"".join(marks) + data)
        os.fdatasync(self._announcements)

    async def conclude(self, record: dict[str, Any]) -> None:
        """Write the call's one record.

        Raises:
            JournalUnavailable: it could not be written.
        """
        self._check()
        try:
            _write(self._records, _line(record))
            if record["requestId"] in self._unconcluded:
                self._concluded.append(_line({"conclu": record["requestId"]}))
                self._unconcluded.discard(record["requestId"])
                self._compact()
        except OSError as e:
            self._broken = f"{self._file}: {e.strerror}"
            raise JournalUnavailable(self._broken) from e

    def _compact(self) -> None:
        if not self._unconcluded and not self._waiting and os.fstat(self._announcements).st_size > COMPACT_ABOVE_BYTES:
            os.fdatasync(self._records)
            os.ftruncate(self._announcements, 0)
            self._concluded.clear()

    def _check(self) -> None:
        if self._broken:
            raise JournalUnavailable(self._broken)

    async def healthy(self) -> None:
        """Can records be written? Raises `JournalUnavailable`; after a failed write only a restart mends it."""
        self._check()

    def close(self) -> None:
        """Make everything durable and close."""
        self._writer.shutdown()
        for fd in (self._records, self._announcements):
            if fd >= 0:
                os.fsync(fd)
                os.close(fd)


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _write(fd: int, data: bytes) -> None:
    """Write all of it; a short write (disk full) is completed or raises."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]


def _whole_lines(fd: int) -> Iterator[dict[str, Any]]:
    """The records of a file; a last line that a crash tore is left out, any other that is not JSON is an error."""
    with os.fdopen(os.dup(fd), "rb") as file:
        file.seek(0)
        for line in file:
            if not line.endswith(b"\n"):
                return
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError("a line of the journal is not a record")
            yield record


def _ids_of(fd: int) -> set[str]:
    return {str(r.get("requestId")) for r in _whole_lines(fd)}


def _end_torn_line(fd: int) -> None:
    """A line torn by a crash is cut off: its call is still announced, and gets its record again."""
    size = os.fstat(fd).st_size
    if size == 0 or os.pread(fd, 1, size - 1) == b"\n":
        return
    end = size
    while end and os.pread(fd, 1, end - 1) != b"\n":
        end -= 1
    os.ftruncate(fd, end)
