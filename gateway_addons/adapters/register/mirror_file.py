"""The copy of a register on this machine's disk, shared by all its workers and commands.

A write reads what is there, keeps the newer of each two records, and replaces the file whole (fsync, rename), under a lock
that a crash gives back; so several processes may write at once and nobody reads half a file.
"""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway_addons.core.errors import RegisterUnavailable
from gateway_addons.core.register import MAX_RECORD_BYTES, MAX_RECORDS, MalformedRecord, Record, newer, read_record

LOCK_S = 2.0
"""How long a write waits for another process's."""
MAX_FILE_BYTES = 2 * MAX_RECORDS * 2 * MAX_RECORD_BYTES

type Signature = tuple[int, int, int] | None
"""Tells one state of the file from another; None: there is no file."""


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What the file holds. `whole`: somebody who knew the register wrote it; else it is only what was added meanwhile."""

    records: Mapping[str, Record]
    whole: bool


class MirrorDamaged(RegisterUnavailable):
    """There is a file, and it is not what was written."""


class MirrorFile:
    """One file for one register of one machine."""

    def __init__(self, file: Path, name: str) -> None:
        self._file = file
        self._head = f"poterne-register 1 {name}"

    def signature(self) -> Signature:
        """Has the file changed? Raises `RegisterUnavailable`."""
        try:
            status = self._file.stat()
        except FileNotFoundError:
            return None
        except OSError as e:
            raise RegisterUnavailable(f"{self._file}: {e.strerror}") from e
        return status.st_ino, status.st_mtime_ns, status.st_size

    def read(self) -> Mirrored:
        """What is in the file; nothing, and not the whole, where there is none.

        Raises:
            MirrorDamaged: it is not what was written.
            RegisterUnavailable: it cannot be read.
        """
        try:
            with self._file.open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            return Mirrored({}, whole=False)
        except OSError as e:
            raise RegisterUnavailable(f"{self._file}: {e.strerror}") from e
        try:
            return self._parse(data)
        except (ValueError, TypeError) as e:
            raise MirrorDamaged(f"{self._file} is damaged ({e}); move it away to go on without what it held") from e

    def _parse(self, data: bytes) -> Mirrored:
        if len(data) > MAX_FILE_BYTES:
            raise MalformedRecord("too long")
        head, _, body = data.partition(b"\n")
        whole = head == self._first_line(body, whole=True)
        if not whole and head != self._first_line(body, whole=False):
            raise MalformedRecord("head or digest")
        rows = (json.loads(line) for line in body.decode().split("\n")[:-1])
        return Mirrored({str(key): read_record(text) for key, text in rows}, whole)

    def _first_line(self, body: bytes, *, whole: bool) -> bytes:
        return f"{self._head} {'whole' if whole else 'additions'} {hashlib.sha256(body).hexdigest()}".encode()

    def merge(self, records: Mapping[str, Record], over: Mapping[str, Record], *, whole: bool) -> tuple[Mirrored, Signature]:
        """Bring records in, durably, and leave out those that are over; returns what the file holds then, and how to know it.

        `whole`: `records` are all of the register, so that a damaged file may be put aside and written anew from them.

        Raises:
            MirrorDamaged: the file is damaged, and not to be healed.
            RegisterUnavailable: it is not on the disk.
        """
        try:
            with self._locked():
                try:
                    there = self.read()
                except MirrorDamaged:
                    if not whole:
                        raise
                    self._file.rename(self._file.with_name(f"{self._file.name}.damaged-{time.time_ns()}"))
                    there = Mirrored({}, whole=False)
                better = newer(records, there.records)
                kept = {key: r for key, r in (dict(there.records) | better).items() if over.get(key) != r}
                then = Mirrored(kept, whole or there.whole)
                if then != there or self.signature() is None:
                    self._replace(then)
                return then, self.signature()
        except OSError as e:
            raise RegisterUnavailable(f"{self._file}: {e.strerror or e}") from e

    def _replace(self, mirrored: Mirrored) -> None:
        lines = (json.dumps([key, record.text()], ensure_ascii=False) for key, record in sorted(mirrored.records.items()))
        body = "".join(f"{line}\n" for line in lines).encode()
        data = self._first_line(body, whole=mirrored.whole) + b"\n" + body
        new = self._file.with_name(self._file.name + ".new")
        with open(os.open(new, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as file:  # noqa: PTH123
            _give_to_owner_of(self._file.parent, file.fileno())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._file)
        _sync_folder(self._file.parent)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(self._file.with_name(self._file.name + ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            _give_to_owner_of(self._file.parent, fd)
            _lock(fd, time.monotonic() + LOCK_S)
            yield
        finally:
            os.close(fd)


def _give_to_owner_of(folder: Path, fd: int) -> None:
    """What root writes by command must stay readable for the workers, whose folder it is."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(fd, owner.st_uid, owner.st_gid)


def _lock(fd: int, until: float) -> None:
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
