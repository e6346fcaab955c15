"""The store of revisions: what was built, what is active, and the highest revision that was ever seen.

    <store>/revisions/<revision>/bundle.tar.gz, revision.json, guard.json
    <store>/active.json        the revision that `poterne policy serve` gives to OPA
    <store>/history.jsonl      every change of it
    <store>/highest            the highest revision that a gateway has accepted a decision of

Every file is replaced whole (written beside, flushed, renamed), so that a crash leaves the old one or the new one.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gateway_addons.core.revision import Revision, RevisionError


class StoreError(Exception):
    """The store cannot be used, or does not hold what is asked for; the message says what to do."""


class StoreBusy(StoreError):
    """Another command builds or activates."""


@dataclass(frozen=True, slots=True)
class Built:
    """What is known of a revision: who built it, when (RFC 3339), from what (`files`, or the revision whose content it has)."""

    revision: str
    author: str
    at: str
    source: str
    contracts: int


@dataclass(frozen=True, slots=True)
class Active:
    """The revision that is offered to OPA, since when, by whom and why; `previous` is the one before."""

    revision: str
    since: str
    author: str
    reason: str
    previous: str | None = None


class RevisionStore:
    """The folder of revisions of one OPA."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Hold the store for building or activating; the kernel lets go of it when the process ends.

        Raises:
            StoreBusy: another command holds it.
            StoreError: the folder cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = (self.folder / "lock").open("w")
        except OSError as e:
            raise StoreError(f"{self.folder}: {e.strerror}; policy.store_folder must be a folder that can be written") from e
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as e:
                raise StoreBusy(f"{self.folder}: another command builds or activates; wait for it") from e
            yield

    def bundle(self, revision: Revision) -> Path:
        """The bundle's file."""
        return self.folder / "revisions" / str(revision) / "bundle.tar.gz"

    def guard_report(self, revision: Revision) -> Path:
        """What the guard said of it when it was built."""
        return self.bundle(revision).with_name("guard.json")

    def add(self, revision: Revision, built: Built) -> None:
        """Note what is known of a revision whose bundle was written."""
        write_whole(self.bundle(revision).with_name("revision.json"), asdict(built))

    def built(self) -> list[Built]:
        """All revisions, oldest first. Raises `StoreError` for a note that cannot be read."""
        found = []
        for folder in sorted((self.folder / "revisions").glob("r-*")):
            if (folder / "revision.json").exists():
                found.append(_read(folder / "revision.json", Built))
        return found

    def find(self, name: str) -> Revision:
        """The revision of this name (or of the number alone). Raises `StoreError` when the store has none."""
        names = [b.revision for b in self.built()]
        matching = [n for n in names if n == name or (name.isdigit() and Revision.parse(n).sequence == int(name))]
        if not matching:
            raise StoreError(f"no revision {name!r} in {self.folder}; `poterne policy history` lists them")
        return Revision.parse(matching[0])

    def next_sequence(self) -> int:
        """One more than every revision that was ever built, active or seen here."""
        known = [Revision.parse(f.name) for f in (self.folder / "revisions").glob("r-*")]
        active = self.active()
        if active:
            known.append(Revision.parse(active.revision))
        if seen := self.highest():
            known.append(seen)
        return max((r.sequence for r in known), default=0) + 1

    def active(self) -> Active | None:
        """What is offered to OPA; None in a new store. Raises `StoreError` for a file that cannot be read."""
        file = active_file(self.folder)
        return read_active(file) if file.exists() else None

    def offer(self, active: Active) -> None:
        """Make this the revision that is offered, and add it to the history."""
        write_whole(active_file(self.folder), asdict(active))
        self._remember({"what": "offered", **asdict(active)})

    def remember_refusal(self, revision: str, at: str, why: str) -> None:
        """Add to the history that a revision did not become active."""
        self._remember({"what": "refused", "revision": revision, "since": at, "reason": why})

    def history(self) -> list[dict[str, Any]]:
        """Every change, oldest first."""
        file = self.folder / "history.jsonl"
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []

    def _remember(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        with (self.folder / "history.jsonl").open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def highest(self) -> Revision | None:
        """The highest revision seen by a gateway; None when none ever was. Raises `StoreError` for anything unreadable."""
        return read_highest(self.folder / "highest")


def active_file(store: Path) -> Path:
    """Where the store says what is offered to OPA; it is replaced before OPA can be given anything else."""
    return store / "active.json"


def read_active(file: Path) -> Active:
    """What is offered to OPA. Raises `StoreError` for a file that cannot be read."""
    return _read(file, Active)


def read_highest(file: Path) -> Revision | None:
    """The revision in the file of the highest one. Raises `StoreError`: a file that is damaged is not the same as none."""
    try:
        return Revision.parse(file.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, RevisionError) as e:
        raise StoreError(f"{file}: cannot be used ({e}); it holds the highest revision ever seen. Write the active revision's "
                         "name into it, after making sure that it is the newest") from e


def write_whole(file: Path, document: Any) -> None:
    """Replace a file by this JSON, whole and durable."""
    write_bytes_whole(file, json.dumps(document, ensure_ascii=False, indent=1).encode())


def write_bytes_whole(file: Path, data: bytes) -> None:
    """Replace a file, whole and durable: written beside, flushed, renamed, and the folder flushed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    with partial.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read[K: (Built, Active)](file: Path, kind: type[K]) -> K:
    try:
        found = kind(**json.loads(file.read_text(encoding="utf-8")))
        Revision.parse(found.revision)
    except (OSError, ValueError, TypeError) as e:
        raise StoreError(f"{file}: damaged ({e})") from e
    return found
