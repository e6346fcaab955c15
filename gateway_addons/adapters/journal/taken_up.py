"""Writes into the journal what this gateway takes up, refuses and gives up: once, however many workers it has.

What the journal was told last is kept in a file that all workers share and that outlives them, so that a change made while
the gateway was down has its record at the next start. A crash between record and file writes a record twice, never not.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import structlog

from gateway_addons.adapters.journal.key_files import write_durably
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.journal.in_use import Change, InUse, Refusal, changes, mended, refused

log = structlog.get_logger("poterne.journal")

MAX_KEPT_BYTES = 4 << 20


class Chronicle(Protocol):
    """Writes an event, and waits until it is on the disk (`JournalWriter`). Raises `JournalUnavailable`."""

    async def note_durably(self, kind: str, about: Mapping[str, str]) -> None:
        """See `JournalWriter.note_durably`."""


class TakenUp:
    """One worker's part of it; `look` is called again and again with everything that the worker has in use."""

    def __init__(self, folder: Path, journal: Chronicle) -> None:
        """`folder` is below the gateway's state folder."""
        self._file, self._journal = folder / "in-use.json", journal
        self._seen: dict[str, str] | None = None
        self._refusals: dict[str, str] | None = None
        self._failure: str | None = None

    async def look(self, in_use: Sequence[InUse], refusals: Sequence[Refusal]) -> None:
        """Write down what changed; while the journal or the file cannot be written, the next look tries again."""
        mine = {one.key: one for one in in_use}
        if (self._seen, self._refusals) == ({k: i.digest for k, i in mine.items()}, {r.key: r.why for r in refusals}):
            return
        try:
            with self._alone() as held:
                if held:
                    await self._compare(mine, {r.key: r for r in refusals})
        except (JournalUnavailable, OSError) as e:
            if str(e) != self._failure:
                log.error("change_without_record", why=str(e))
            self._failure = str(e)
        else:
            self._failure = None

    async def _compare(self, mine: dict[str, InUse], refusals: dict[str, Refusal]) -> None:
        known = self._read()
        try:
            for change in list(changes(mine, self._seen, known["inUse"])):
                await self._write(change)
                if change.key in mine:
                    known["inUse"][change.key] = mine[change.key].kept()
                else:
                    known["inUse"].pop(change.key)
            before = known["refused"] if self._refusals is None else self._refusals
            for change in _refusals(refusals, before, dict(known["refused"])):
                await self._write(change)
                if change.key in refusals:
                    known["refused"][change.key] = refusals[change.key].why
                else:
                    known["refused"].pop(change.key)
        finally:
            self._keep(known)
        self._seen = {key: one.digest for key, one in mine.items()}
        self._refusals = {key: one.why for key, one in refusals.items()}

    async def _write(self, change: Change) -> None:
        await self._journal.note_durably(change.event, change.about)
        log.info("in_use_changed", what=change.event, **change.about)

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """One worker at a time; False when another one is at it, and the next look comes."""
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(self._file.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            yield _locked(fd)
        finally:
            os.close(fd)

    def _read(self) -> dict[str, dict[str, Any]]:
        """What the journal was told last. A file that cannot be understood is as none: everything is told anew."""
        empty: dict[str, dict[str, Any]] = {"inUse": {}, "refused": {}}
        try:
            with self._file.open("rb") as stream:
                told = json.loads(stream.read(MAX_KEPT_BYTES))
            return {"inUse": {str(k): {"digest": str(v["digest"]), "about": dict(v["about"]), "parts": dict(v["parts"])}
                              for k, v in told["inUse"].items()},
                    "refused": {str(k): str(v) for k, v in told["refused"].items()}}
        except FileNotFoundError:
            return empty
        except (ValueError, TypeError, KeyError, AttributeError) as e:
            log.error("in_use_unreadable", file=str(self._file), why=str(e))
            return empty

    def _keep(self, known: Mapping[str, Any]) -> None:
        fresh = self._file.with_suffix(".new")
        write_durably(fresh, json.dumps(known, ensure_ascii=False, indent=1).encode())
        fresh.replace(self._file)


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _refusals(now: Mapping[str, Refusal], seen: Mapping[str, str], known: Mapping[str, str]) -> list[Change]:
    """As `changes`: `seen` by this worker, `known` to the journal."""
    news = [refused(one) for key, one in now.items() if seen.get(key) != one.why and known.get(key) != one.why]
    return news + [mended(key) for key in seen if key not in now and key in known]
