"""An open chain: its one writer appends lines to its last segment, and begins a new segment when that is due."""

import base64
import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from gateway_addons.adapters.journal.segment_state import BrokenChain, SegmentState, read_segment
from gateway_addons.adapters.journal.segments import last_line, segments, sync_folder
from gateway_addons.core.errors import JournalHeld, JournalUnavailable
from gateway_addons.core.facts import rfc3339
from gateway_addons.core.journal.line import FORMAT, GENESIS, NotALine, Sign, make_line, read_line, segment_name

SEGMENT_BYTES = 64 << 20
MAX_TORN_TOLD_BYTES = 4096
"""Of what a crash tore, so much is kept in the record; the whole is kept as its length and hash."""


@dataclass(slots=True)
class Recovered:
    """What the last writer left behind: a torn line, and calls that were announced and not concluded (id to line)."""

    torn: bytes = b""
    open_calls: dict[str, int] = field(default_factory=dict)


class Chain:
    """One writer's chain. Not for several threads; `sync` alone may run in another."""

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES, sign: Sign | None = None,
                 now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.folder = folder
        self.open_calls: dict[str, int] = {}
        """Announced calls that have no conclusion yet; the one who writes keeps it, and a new segment's first line tells it."""
        self.retire: Callable[[int], None] = os.close
        """Closes the descriptor of a segment that is full; its lines are durable by then."""
        self._segment_bytes, self._sign, self._now = segment_bytes, sign, now
        self._lock = self._fd = -1
        self._file = folder
        self.seq, self.hash, self._size, self._day = 0, GENESIS, 0, date.min

    @property
    def fd(self) -> int:
        """The descriptor of the segment that is being written, for `fdatasync`."""
        return self._fd

    def open(self, wait_s: float = 0.0) -> Recovered:
        """Take the chain's lock, check its last segment, cut off what a crash tore, and say so in a line.

        Raises:
            BrokenChain: the last segment is not as it was written, or does not follow the one before it.
            JournalHeld: another process has the lock.
            JournalUnavailable: a file cannot be opened or read.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = take_lock(self.folder / "lock", wait_s)
            return self._open()
        except OSError as e:
            self.close()
            raise JournalUnavailable(f"{self.folder}: {e.strerror or e}") from e
        except JournalUnavailable:
            self.close()
            raise

    def _open(self) -> Recovered:
        recovered = Recovered()
        state: SegmentState | None = None
        while state is None and (files := segments(self.folder)):
            state = read_segment(files[-1])
            if state is None:  # a crash came between the file and its first line
                recovered.torn += files[-1].read_bytes()[:MAX_TORN_TOLD_BYTES]
                files[-1].unlink()
                sync_folder(self.folder)
        if state is None:
            self._begin_segment(precedent=None)
        else:
            self._check_predecessor(files, state)
            recovered.torn += state.torn
            recovered.open_calls = state.open_calls
            self._go_on(files[-1], state)
        if recovered.torn:
            self.append(_torn_fields(recovered.torn, self._now()))
            self.sync()
        return recovered

    def _go_on(self, file: Path, state: SegmentState) -> None:
        self._fd = os.open(file, os.O_APPEND | os.O_RDWR | os.O_CLOEXEC)
        self._file, self._size = file, state.whole_bytes
        self.seq, self.hash, self._day = state.last.seq, state.last.hash, _day(str(state.header.fields()["horodatage"]))
        self.open_calls = dict(state.open_calls)
        if state.torn:
            os.ftruncate(self._fd, self._size)
        os.fdatasync(self._fd)

    def _check_predecessor(self, files: list[Path], state: SegmentState) -> None:
        before = state.header.fields()["precedent"]
        if len(files) < 2 or state.header.fields().get("retablissement") is True:
            return  # the segments before it may have been purged; `poterne journal verify` looks for their tombstone
        try:
            line = read_line(last_line(files[-2]) or b"")
        except NotALine as e:
            raise BrokenChain(f"{self.folder.name}/{files[-2].name}: {e}") from e
        if before != files[-2].name or (line.seq + 1, line.hash) != (state.header.seq, state.header.previous):
            raise BrokenChain(f"{self.folder.name}/{files[-1].name}: it does not follow {files[-2].name}")

    def begin_anew(self, seq: int, previous: str) -> None:
        """Go on behind damage that was declared: a new segment, whose first line is the next after `seq` and names `previous`.

        Raises:
            JournalUnavailable: another process has the chain, or the segment cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = take_lock(self.folder / "lock", 0)
            files = segments(self.folder)
            self.seq, self.hash = seq, previous
            self._begin_segment(files[-1].name if files else None, restored=True)
        except OSError as e:
            raise JournalUnavailable(f"{self.folder}: {e.strerror}") from e
        finally:
            self.close()

    def append(self, fields: Mapping[str, Any]) -> int:
        """Write one whole line and return its number; it is durable after `sync` only.

        Raises:
            OSError: it is not written, and the chain is as it was before.
            BrokenChain: part of it is written and could not be taken back.
        """
        if self._fd < 0:
            raise BrokenChain(f"{self.folder.name}: the chain is closed")
        if self._size >= self._segment_bytes or self._now().date() != self._day:
            self._begin_segment(precedent=self._file.name)
        line, digest = make_line(self.seq + 1, self.hash, fields, self._sign)
        self._write(self._fd, line, self._size)
        self.seq, self.hash, self._size = self.seq + 1, digest, self._size + len(line)
        return self.seq

    def sync(self) -> None:
        """Make every line durable. Raises `OSError`; what is on the disk is unknown then."""
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Close the segment and give the lock back."""
        for fd in (self._fd, self._lock):
            if fd >= 0:
                with suppress(OSError):
                    os.close(fd)
        self._fd = self._lock = -1

    def _begin_segment(self, precedent: str | None, *, restored: bool = False) -> None:
        if self._fd >= 0:
            os.fdatasync(self._fd)
        now = self._now()
        file = self.folder / segment_name(self.seq + 1)
        line, digest = make_line(self.seq + 1, self.hash, {
            "type": "segment", "horodatage": rfc3339(now), "format": FORMAT, "redacteur": self.folder.name,
            "precedent": precedent, "ouverts": self.open_calls} | ({"retablissement": True} if restored else {}), self._sign)
        fd = os.open(file, os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            self._write(fd, line, 0)
            os.fsync(fd)
            sync_folder(self.folder)
        except (OSError, BrokenChain):
            os.close(fd)
            file.unlink()
            raise
        old, self._fd = self._fd, fd
        self._file, self._size, self._day = file, len(line), now.date()
        self.seq, self.hash = self.seq + 1, digest
        if old >= 0:
            self.retire(old)

    def _write(self, fd: int, line: bytes, size: int) -> None:
        """All of the line or nothing of it."""
        view = memoryview(line)
        try:
            while view:
                view = view[os.write(fd, view):]
        except OSError as e:
            if len(view) < len(line):
                try:
                    os.ftruncate(fd, size)
                except OSError as undone:
                    raise BrokenChain(f"{self.folder.name}: half a line could not be taken back: {undone.strerror}") from e
            raise


def _day(moment: str) -> date:
    """The day (UTC) of a segment's first line; what is no moment is no day, and the next line begins a segment."""
    try:
        return date.fromisoformat(moment[:10])
    except ValueError:
        return date.min


def take_lock(file: Path, wait_s: float) -> int:
    """An exclusive lock that the kernel gives back when this process ends.

    Raises:
        JournalHeld: another process has it for longer than `wait_s`.
    """
    fd = os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return fd
        except BlockingIOError as e:
            if time.monotonic() >= deadline:
                os.close(fd)
                raise JournalHeld(f"{file.parent} is in use by another process") from e
            time.sleep(0.01)


def _torn_fields(torn: bytes, now: datetime) -> dict[str, Any]:
    kept = torn[:MAX_TORN_TOLD_BYTES]
    return {"type": "reprise", "horodatage": rfc3339(now), "dechire": {
        "octets": len(torn), "empreinte": f"sha256:{hashlib.sha256(torn).hexdigest()}",
        "debut": base64.b64encode(kept).decode()}}
