"""What operators did by hand, one JSON line for each act, beside the journal (clause 8-h1: every admin action is journaled).

The journal's own files belong to the running gateway, which holds their lock and knows what it wrote last; another process
that wrote into them would break that. So acts have a file of their own, `<journal>.acts.jsonl`, with a lock that is held
for one line only. An act is written before it is done, and again with its outcome.
"""

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from gateway_addons.core.errors import JournalUnavailable


def acts_file_of(journal: Path) -> Path:
    """`journal.acts.jsonl` for `journal.jsonl`."""
    return journal.with_suffix(".acts" + journal.suffix)


def append_act(file: Path, act: dict[str, Any]) -> None:
    """Add one whole line and make it durable (fsync); several processes may do so at once.

    Raises:
        JournalUnavailable: it is not on the disk; the act must not be done.
    """
    line = json.dumps(act, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(file, os.O_CREAT | os.O_APPEND | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            _write(fd, _ended(fd) + line)
            os.fsync(fd)
        finally:
            os.close(fd)
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as e:
        raise JournalUnavailable(f"{file}: {e.strerror}") from e


def _ended(fd: int) -> bytes:
    """A line end for a line that a crash tore; the torn line stays as it is, for whoever looks into it."""
    size = os.fstat(fd).st_size
    return b"" if size == 0 or os.pread(fd, 1, size - 1) == b"\n" else b"\n"


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]
