"""The journal of one worker: nothing leaves for the backend before its announcement is on the disk.

Every line is handed to the kernel at once, in the order of the chain, so that a killed process loses none. Only
announcements wait for the disk: calls that come together share one `fdatasync` (group commit), which runs in a thread.
"""

import asyncio
import errno
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from gateway_addons.adapters.journal.chain import Chain
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.facts import rfc3339
from gateway_addons.settings.journal import JournalSettings

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""The disk is full: the chain is whole, and writing goes on by itself when there is room again."""

LOOK_AT_ROOM_S = 1.0


@dataclass(frozen=True, slots=True)
class _Announced:
    seq: int
    record: Mapping[str, Any]


class JournalWriter:
    """The chain of one worker; implements `core.ports.Journal`."""

    def __init__(self, settings: JournalSettings, writer: str) -> None:
        self._settings = settings
        self._chain = Chain(settings.folder / writer, segment_bytes=settings.segment_max_bytes)
        self._log = structlog.get_logger("poterne.journal")
        self._announced: dict[str, _Announced] = {}
        self._owed: list[dict[str, Any]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._syncing: asyncio.Task[None] | None = None
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._chain.retire = self._close_later
        self._broken: str | None = None
        self._full_since: datetime | None = None
        self._refused = 0
        self._room_known_until = 0.0

    @property
    def folder(self) -> Path:
        """Where this worker's segments are."""
        return self._chain.folder

    def open(self) -> int:
        """Open the chain and conclude what a crash left open; returns how many calls that were.

        Raises:
            JournalUnavailable: the chain is broken or in use, or a file cannot be opened or written.
        """
        left = self._chain.open().open_calls
        try:
            for request_id, seq in left.items():
                self._chain.append({"type": "conclusion", "horodatage": rfc3339(datetime.now(UTC)), "requestId": request_id,
                                    "annonce": seq, "interrompu": True, "statut": None})
            self._chain.open_calls.clear()
            self._chain.sync()
        except OSError as e:
            self._chain.close()
            raise JournalUnavailable(f"{self.folder}: {e.strerror}") from e
        return len(left)

    async def announce(self, record: dict[str, Any]) -> None:
        """Make durable that this call is about to reach the backend; several calls share one flush.

        Raises:
            JournalUnavailable: it is not on the disk.
        """
        self._check_room()
        request_id = str(record["requestId"])
        seq = self._append({"type": "annonce"} | record)
        self._announced[request_id] = _Announced(seq, record)
        self._chain.open_calls[request_id] = seq
        await self._on_disk()

    async def conclude(self, record: dict[str, Any]) -> None:
        """Complete the record of a call; one that was announced gets what has changed since.

        Raises:
            JournalUnavailable: it could not be written. If the call was announced, that is made up for as soon as there is room.
        """
        request_id = str(record["requestId"])
        announced = self._announced.pop(request_id, None)
        if announced is None:
            self._check_room()
            self._append({"type": "appel"} | record)
            return
        outcome = {"type": "conclusion", "horodatage": rfc3339(datetime.now(UTC)), "requestId": request_id,
                   "annonce": announced.seq, "interrompu": False} | _changed(announced.record, record)
        try:
            self._append(outcome)
        except JournalUnavailable:
            self._owed.append(outcome)
            raise
        self._chain.open_calls.pop(request_id, None)

    def note(self, kind: str, about: Mapping[str, str]) -> None:
        """Write what happened to the gateway itself (`evenement`); it becomes durable with the next announcement.

        Raises:
            JournalUnavailable: it could not be written.
        """
        self._append({"type": "evenement", "horodatage": rfc3339(datetime.now(UTC)), "evenement": kind, "sujet": dict(about)})

    async def healthy(self) -> None:
        """Can records be written? Raises `JournalUnavailable`."""
        self._check_room()

    def close(self) -> None:
        """Make everything durable and close."""
        self._disk.shutdown()
        if self._chain.fd >= 0 and not self._broken:
            self._chain.sync()
        self._chain.close()

    def _append(self, fields: dict[str, Any]) -> int:
        if self._broken:
            self._refused += 1
            raise JournalUnavailable(self._broken)
        try:
            return self._chain.append(fields)
        except OSError as e:
            self._failed(e)
            raise JournalUnavailable(f"{self.folder}: {e.strerror}") from e
        except JournalUnavailable as e:
            self._break(str(e))
            raise

    def _make_up(self) -> None:
        """First lines after the disk was full: the conclusions that it cost, and how long it was."""
        while self._owed:
            self._append(self._owed[0])
            self._chain.open_calls.pop(self._owed.pop(0)["requestId"], None)
        if self._full_since is not None:
            self.note("journal.plein", {"depuis": rfc3339(self._full_since), "refus": str(self._refused)})
            self._log.warning("journal_writes_again", refused=self._refused)
            self._full_since, self._refused = None, 0

    def _close_later(self, fd: int) -> None:
        """A full segment is closed behind the flush that may still be on its way to it."""
        self._disk.submit(os.close, fd)

    async def _on_disk(self) -> None:
        """Wait for a flush that began after now."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        if self._syncing is None or self._syncing.done():
            self._syncing = asyncio.create_task(self._sync_groups())
        await future

    async def _sync_groups(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            group, self._waiting = self._waiting, []
            failure: JournalUnavailable | None = None
            try:
                await loop.run_in_executor(self._disk, os.fdatasync, self._chain.fd)
            except (OSError, RuntimeError) as e:
                self._break(f"{self.folder}: the disk did not take what was written: {e}")
                failure = JournalUnavailable(self._broken)
            for future in group:
                if not future.done():
                    if failure is None:
                        future.set_result(None)
                    else:
                        future.set_exception(failure)

    def _check_room(self) -> None:
        """Calls are stopped while some room is left, so that those already under way can still be concluded."""
        if self._broken:
            self._refused += 1
            raise JournalUnavailable(self._broken)
        if time.monotonic() < self._room_known_until:
            return
        try:
            disk = os.statvfs(self.folder)
        except OSError as e:
            raise JournalUnavailable(f"{self.folder}: {e.strerror}") from e
        if disk.f_bavail * disk.f_frsize < self._settings.reserve_bytes:
            self._failed(OSError(errno.ENOSPC, "less room is left than journal.reserve_bytes"))
            raise JournalUnavailable(f"{self.folder}: less room is left than journal.reserve_bytes")
        if self._full_since is not None or self._owed:
            self._make_up()
        self._room_known_until = time.monotonic() + LOOK_AT_ROOM_S

    def _failed(self, error: OSError) -> None:
        if error.errno not in FULL:
            self._break(f"{self.folder}: {error.strerror}")
            return
        self._refused += 1
        self._room_known_until = 0.0
        if self._full_since is None:
            self._full_since = datetime.now(UTC)
            self._log.error("journal_full", why=error.strerror, folder=str(self.folder))

    def _break(self, why: str) -> None:
        if self._broken is None:
            self._broken = why
            self._log.error("journal_broken", why=why)


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in after.items() if key not in before or before[key] != value}
