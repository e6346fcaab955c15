"""A segment read from its first byte to its last, by the one who is about to go on writing it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway_addons.adapters.journal.segments import first_seq, lines
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.journal.line import Line, NotALine, read_line


class BrokenChain(JournalUnavailable):
    """What is in the files is not what was written; nothing is appended until an operator has decided."""


@dataclass(slots=True)
class SegmentState:
    """Where a segment ends: its last line, its whole lines' bytes, what a crash tore, and the calls that are still open."""

    header: Line
    last: Line
    whole_bytes: int
    torn: bytes = b""
    open_calls: dict[str, int] = field(default_factory=dict)


def read_segment(file: Path) -> SegmentState | None:
    """Check every line against the one before it; None when the segment has no whole line.

    Raises:
        BrokenChain: a line was altered, or is not where it was written.
        OSError: the file cannot be read.
    """
    state: SegmentState | None = None
    for offset, raw in _whole(file):
        if isinstance(raw, _Torn):
            if state is not None:
                state.torn = raw.bytes
            return state
        try:
            line = read_line(raw)
        except NotALine as e:
            raise BrokenChain(f"{file.parent.name}/{file.name}, byte {offset}: {e}") from e
        if state is None:
            state = SegmentState(line, line, 0)
            _check_header(file, line)
            state.open_calls = {str(k): int(v) for k, v in line.fields()["ouverts"].items()}
        elif line.seq != state.last.seq + 1 or line.previous != state.last.hash:
            raise BrokenChain(f"{file.parent.name}/{file.name}, line {line.seq}: it does not follow line {state.last.seq}")
        state.last, state.whole_bytes = line, offset + len(raw)
        _follow_calls(state.open_calls, line)
    return state


@dataclass(frozen=True, slots=True)
class _Torn:
    bytes: bytes


def _whole(file: Path) -> Iterator[tuple[int, bytes | _Torn]]:
    """Lines; a rest without an end, and zeros that a file system left after a power cut, are torn and not broken."""
    try:
        for offset, raw in lines(file):
            yield offset, raw if raw.endswith(b"\n") else _Torn(raw)
    except ValueError as e:
        raise BrokenChain(str(e)) from e


def _check_header(file: Path, line: Line) -> None:
    if line.kind != "segment" or line.seq != first_seq(file.name):
        raise BrokenChain(f"{file.parent.name}/{file.name}: it does not begin with the line that opens it")


def _follow_calls(open_calls: dict[str, int], line: Line) -> None:
    if line.kind == "annonce":
        open_calls[str(line.fields()["requestId"])] = line.seq
    elif line.kind == "conclusion":
        open_calls.pop(str(line.fields()["requestId"]), None)
