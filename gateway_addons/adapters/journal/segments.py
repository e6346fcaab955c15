"""The files of the journal: `<folder>/<writer>/<sequence number of the first line>.jsonl`, one chain for each writer."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from gateway_addons.core.journal.line import MAX_LINE_BYTES

OPERATOR = "operator"
"""The writer of acts by command line."""

CHECKPOINTS = "checkpoints"
"""The chain of signed checkpoints."""

_WRITER = re.compile(r"worker-(?:0|[1-9][0-9]{0,3})|operator")
_SEGMENT = re.compile(r"[0-9]{15}\.jsonl")
_BLOCK_BYTES = 1 << 16


def first_seq(name: str) -> int:
    """The sequence number that a segment's name tells."""
    return int(name[:15])


def writers(folder: Path) -> list[str]:
    """Who has written, the checkpoints left out."""
    if not folder.is_dir():
        return []
    return sorted((e.name for e in folder.iterdir() if _WRITER.fullmatch(e.name) and e.is_dir()), key=_natural)


def _natural(writer: str) -> tuple[str, int]:
    word, _, number = writer.partition("-")
    return word, int(number or 0)


def segments(chain: Path) -> list[Path]:
    """The segments of a chain in their order."""
    if not chain.is_dir():
        return []
    return sorted(e for e in chain.iterdir() if _SEGMENT.fullmatch(e.name))


def lines(file: Path, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """Each line of a segment with the offset of its first byte; the last may lack its end. Bounded by `MAX_LINE_BYTES`.

    Raises:
        OSError: the file cannot be read.
        ValueError: something longer than a line.
    """
    with file.open("rb", buffering=1 << 20) as stream:
        stream.seek(offset)
        while raw := stream.readline(MAX_LINE_BYTES + 1):
            if len(raw) > MAX_LINE_BYTES:
                raise ValueError(f"{file.name}: more than {MAX_LINE_BYTES} bytes without an end of line at byte {offset}")
            yield offset, raw
            offset += len(raw)


def last_line(file: Path) -> bytes | None:
    """The last whole line of a file, or None; a torn rest behind it is not looked at."""
    with file.open("rb") as stream:
        end = stream.seek(0, os.SEEK_END)
        start, data = end, b""
        while start > 0 and len(data) <= 2 * MAX_LINE_BYTES:
            start = max(0, start - _BLOCK_BYTES)
            stream.seek(start)
            data = stream.read(min(_BLOCK_BYTES, end - start)) + data
            stop = data.rfind(b"\n")
            begin = data.rfind(b"\n", 0, stop) if stop > 0 else -1
            if begin >= 0 or (start == 0 and stop >= 0):
                return data[begin + 1:stop + 1]
            end = start
    return None


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
