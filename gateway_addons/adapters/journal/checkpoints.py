"""Signed checkpoints: a line that names the last line of every writer, in a chain of its own, all of it on the disk.

One process makes them, the supervisor. They cover what other processes wrote, so it asks the disk first: a checkpoint
never names a line that a power cut could take away.
"""

import asyncio
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from gateway_addons.adapters.journal.chain import Chain
from gateway_addons.adapters.journal.key_files import load_key, new_key_pem, write_durably
from gateway_addons.adapters.journal.segments import CHECKPOINTS, last_line, segments, sync_folder, writers
from gateway_addons.adapters.journal.stop_marker import stop
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.facts import rfc3339
from gateway_addons.core.journal.keys import SealingKey, public_text
from gateway_addons.core.journal.line import NotALine, read_line
from gateway_addons.settings.journal import JournalSettings

WAIT_FOR_LOCK_S = 5.0
AT_LEAST_EVERY_S = 3600.0
"""While nothing is written, a checkpoint still says each hour that nothing was."""

type Heads = dict[str, dict[str, Any]]
"""Of each writer: segment, number and hash of its last line."""


class CheckpointMaker:
    """Seals what the writers wrote, as often as `interval_s` says."""

    def __init__(self, settings: JournalSettings, *, tell: bool = True) -> None:
        """`tell`: each seal to the log. Raises `JournalUnavailable` when there is no key to seal with."""
        self._tell = tell
        self._folder, self._key_file, self._interval_s = settings.folder, settings.signing_key_file, settings.checkpoint_s
        self._sealed: Heads = {}
        self._at = 0.0
        self._log = structlog.get_logger("poterne.journal")
        load_key(self._key_file)

    async def run(self) -> None:
        """Seal until cancelled. A seal that cannot be made is said in the log and tried again; calls go on meanwhile."""
        while True:
            await asyncio.sleep(self._interval_s)
            await asyncio.to_thread(self.last)

    def last(self) -> None:
        """Seal what was written until the end; a failure is said in the log."""
        try:
            self.make()
        except JournalUnavailable as e:
            self._log.error("journal_not_sealed", why=str(e))

    def make(self) -> bool:
        """Seal now; False when nothing was written since the last time.

        Raises:
            JournalUnavailable: it could not be made.
        """
        heads = self._heads()
        if heads == self._sealed and time.monotonic() - self._at < AT_LEAST_EVERY_S:
            return False
        seq, digest = append_sealed(self._folder, self._key_file, {
            "type": "scellement", "horodatage": rfc3339(datetime.now(UTC)), "redacteurs": heads})
        self._sealed, self._at = heads, time.monotonic()
        if self._tell:
            self._log.info("journal_sealed", checkpoint=seq, hash=digest)
        return True

    def _heads(self) -> Heads:
        heads: Heads = {}
        for writer in writers(self._folder):
            head = head_on_disk(self._folder / writer)
            before = self._sealed.get(writer)
            if head is not None and before is not None and head["seq"] < before["seq"]:
                stop(self._folder, f"{writer}: line {before['seq']} was sealed and is gone")
                raise JournalUnavailable(f"{writer}: line {before['seq']} was sealed and is gone")
            if head is not None:
                heads[writer] = head
        return heads


def head_on_disk(chain: Path) -> dict[str, Any] | None:
    """The last whole line of a chain, once it is on the disk; None when there is none.

    Raises:
        JournalUnavailable: the disk did not take it, or it is not what was written.
    """
    for file in reversed(segments(chain)):
        try:
            fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
            try:
                raw = last_line(file)
                os.fdatasync(fd)
            finally:
                os.close(fd)
            if raw is not None:
                line = read_line(raw)
                return {"segment": file.name, "seq": line.seq, "hash": line.hash}
        except FileNotFoundError:
            continue  # purged, or a segment that could not be begun
        except (OSError, NotALine) as e:
            raise JournalUnavailable(f"{chain.name}/{file.name}: {e}") from e
    return None


@contextmanager
def checkpoint_chain(folder: Path, key_file: Path) -> Iterator[Chain]:
    """The chain of checkpoints, locked; the key is read under the lock, so that no line is signed by one that is replaced.

    Raises:
        JournalUnavailable: it cannot be opened, or what was done within did not reach the disk.
    """
    chain = Chain(folder / CHECKPOINTS, sign=lambda data: load_key(key_file).sign(data))
    try:
        chain.open(WAIT_FOR_LOCK_S)
        yield chain
        chain.sync()
    except (OSError, ValueError) as e:
        raise JournalUnavailable(f"{chain.folder}: {e}") from e
    finally:
        chain.close()


def append_sealed(folder: Path, key_file: Path, fields: Mapping[str, Any]) -> tuple[int, str]:
    """Add a signed line to the chain of checkpoints; it is on the disk when this returns. Its number and hash.

    Raises:
        JournalUnavailable: it is not on the disk.
    """
    with checkpoint_chain(folder, key_file) as chain:
        seq = chain.append({**fields, "cle": load_key(key_file).id})
        digest = chain.hash
    return seq, digest


def change_key(folder: Path, key_file: Path) -> tuple[SealingKey, SealingKey]:
    """Put a new key in the place of the old one, whose last line tells the new one's public half. Old, new.

    Whoever has the old public key can so go on verifying. A crash between the line and the replacement leaves the new key
    in `<key file>.new`, to be renamed by hand: until then verification names the lines that the old key signed.

    Raises:
        JournalUnavailable: nothing was changed.
    """
    pem, new = new_key_pem()
    waiting = key_file.with_name(key_file.name + ".new")
    with checkpoint_chain(folder, key_file) as chain:
        old = load_key(key_file)
        write_durably(waiting, pem)
        chain.append({"type": "cle", "horodatage": rfc3339(datetime.now(UTC)), "suivante": new.id,
                      "clePublique": public_text(new.public), "cle": old.id})
        chain.sync()
        waiting.replace(key_file)
        sync_folder(key_file.parent)
        chain.append({"type": "cle_prise", "horodatage": rfc3339(datetime.now(UTC)), "cle": new.id})  # the new one's first word
    return old, new
