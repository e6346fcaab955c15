"""The journal of one worker: nothing leaves for the backend before its announcement is on the disk.

Every line is handed to the kernel at once, in the order of the chain, so that a killed process loses none. Only
announcements wait for the disk: calls that come together share one `fdatasync` (group commit), which runs in a thread.

Three states: it writes; the disk is full, and it goes on by itself when there is room; the gateway is stopped, by this
worker's finding or another's, until an operator takes the stop away (`stop_marker`).
"""

import errno
import os
import time
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from gateway_addons.adapters.journal.chain import Chain
from gateway_addons.adapters.journal.group_commit import DiskThread, GroupCommit
from gateway_addons.adapters.journal.segment_state import BrokenChain
from gateway_addons.adapters.journal.stop_marker import stop, stopped
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.facts import rfc3339
from gateway_addons.core.journal.record import OUTCOME
from gateway_addons.settings.journal import JournalSettings

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""The disk is full: the chain is whole, and writing goes on by itself when there is room again."""

LOOK_S = 1.0
"""How often a worker looks whether there is room, and whether the gateway was stopped or goes on."""


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
        self._disk = DiskThread("journal")
        self._flushes = GroupCommit(self._disk, self._flushed_now, self._not_taken)
        self._chain.retire = self._close_later
        self._broken: str | None = None
        self._full_since: datetime | None = None
        self._refused = 0
        self._marked = False
        self._closing: Future[None] | None = None
        self._clear_until = 0.0

    @property
    def folder(self) -> Path:
        """Where this worker's segments are."""
        return self._chain.folder

    def open(self) -> int:
        """Open the chain and conclude what a crash left open; returns how many calls that were.

        A chain that is not what was written stops the gateway: it starts all the same, and refuses every call.

        Raises:
            JournalHeld: another process has the chain.
            JournalUnavailable: a file cannot be opened or written.
        """
        try:
            return self._open()
        except BrokenChain as e:
            self._break(str(e))
            return 0
        except OSError as e:
            self._chain.close()
            raise JournalUnavailable(f"{self.folder}: {e.strerror}") from e

    def _open(self) -> int:
        ours = {*self._announced, *(owed["requestId"] for owed in self._owed)}
        left = {i: seq for i, seq in self._chain.open().open_calls.items() if i not in ours}
        for request_id, seq in left.items():
            self._chain.append({"type": "conclusion", "horodatage": rfc3339(datetime.now(UTC)), "requestId": request_id,
                                "annonce": seq, "interrompu": True, "statut": None})
            self._chain.open_calls.pop(request_id, None)
        self._chain.sync()
        return len(left)

    async def announce(self, record: dict[str, Any]) -> None:
        """Make durable that this call is about to reach the backend; several calls share one flush.

        Raises:
            JournalUnavailable: it is not on the disk.
        """
        self._check()
        request_id = str(record["requestId"])
        seq = self._append({"type": "annonce"} | record)
        self._announced[request_id] = _Announced(seq, record)
        self._chain.open_calls[request_id] = seq
        await self._flushes.on_disk()

    async def conclude(self, record: dict[str, Any]) -> None:
        """Complete the record of a call; one that was announced gets what has changed since.

        Raises:
            JournalUnavailable: it could not be written. If the call was announced, that is made up for as soon as there is room.
        """
        request_id = str(record["requestId"])
        announced = self._announced.pop(request_id, None)
        if announced is None:
            self._check()
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

    async def note_durably(self, kind: str, about: Mapping[str, str]) -> None:
        """The same, and it is on the disk when this returns. Raises `JournalUnavailable` also while every exchange is stopped."""
        self._check()
        self.note(kind, about)
        await self._flushes.on_disk()

    async def healthy(self) -> None:
        """Can records be written? Raises `JournalUnavailable`."""
        self._check()

    def close(self) -> None:
        """Make everything durable and close."""
        self._disk.shutdown()
        if self._chain.fd >= 0:
            self._chain.sync()
        self._chain.close()

    def _flushed_now(self) -> int:
        """The descriptor to flush. A broken chain is being closed, and its number may soon be another file's."""
        if self._broken:
            raise JournalUnavailable(self._broken)
        return self._chain.fd

    def _append(self, fields: dict[str, Any]) -> int:
        if self._broken:
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

    def _check(self) -> None:
        """May a new call go on? Raises `JournalUnavailable` when not."""
        if time.monotonic() < self._clear_until and not self._broken:
            return
        self._clear_until = 0.0
        try:
            if why := stopped(self._settings.folder):
                raise JournalUnavailable(f"stopped: {why}")
            if self._broken:
                self._go_on_after_stop(self._broken)
            self._check_room()
            if self._full_since is not None or self._owed:
                self._make_up()
        except JournalUnavailable:
            self._refused += 1
            raise
        self._clear_until = time.monotonic() + LOOK_S

    def _go_on_after_stop(self, why: str) -> None:
        """An operator took the stop away: the chain is opened anew, whatever it is by now."""
        if not self._marked or not (self._closing is None or self._closing.done()):
            raise JournalUnavailable(why)  # the disk did not take the stop, so nobody can have taken it away
        self._broken = None
        self.open()
        if self._broken:
            raise JournalUnavailable(self._broken)
        self._log.warning("journal_goes_on", after=why)

    def _check_room(self) -> None:
        """Calls are stopped while some room is left, so that those already under way can still be concluded."""
        try:
            disk = os.statvfs(self._settings.folder)
        except OSError as e:
            raise JournalUnavailable(f"{self._settings.folder}: {e.strerror}") from e
        if disk.f_bavail * disk.f_frsize < self._settings.reserve_bytes:
            self._failed(OSError(errno.ENOSPC, "less room is left than journal.reserve_bytes"))
            raise JournalUnavailable(f"{self.folder}: less room is left than journal.reserve_bytes")

    def _not_taken(self, error: Exception) -> JournalUnavailable:
        """A flush failed: nobody knows what is on the disk."""
        self._break(f"{self.folder}: the disk did not take what was written: {error}")
        return JournalUnavailable(self._broken)

    def _failed(self, error: OSError) -> None:
        if error.errno not in FULL:
            self._break(f"{self.folder.name}: {error.strerror}")
            return
        self._clear_until = 0.0
        if self._full_since is None:
            self._full_since = datetime.now(UTC)
            self._log.error("journal_full", why=error.strerror, folder=str(self.folder))

    def _break(self, why: str) -> None:
        """Stop the whole gateway; the chain is left as it is, and its lock given back for `poterne journal restore`."""
        if self._broken is None:
            self._broken = why
            self._clear_until = 0.0
            self._marked = stop(self._settings.folder, why)
            self._log.error("journal_broken", why=why, told_to_all=self._marked)
            with suppress(RuntimeError):  # the journal is being closed, and closes the chain itself
                self._closing = self._disk.submit(self._chain.close)


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What a call's end says that its announcement did not."""
    return {name: after[name] for name in OUTCOME if name in after and (name not in before or before[name] != after[name])}
