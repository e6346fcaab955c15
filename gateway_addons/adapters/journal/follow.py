"""Following the journal as it grows: new records of all writers since the last look, from a position that can be kept."""

from dataclasses import dataclass
from pathlib import Path

from gateway_addons.adapters.journal.reader import Joining, Record, whole_lines
from gateway_addons.adapters.journal.segments import first_seq, segments, writers
from gateway_addons.core.errors import JournalUnavailable


@dataclass(frozen=True, slots=True)
class Position:
    """How far one writer was read: the segment's name, and the offset of the first byte that was not."""

    segment: str
    offset: int


class Follower:
    """Reads what was written since the last look. The order is each writer's own; writers are read one after the other."""

    def __init__(self, folder: Path, positions: dict[str, Position] | None = None) -> None:
        self._folder = folder
        self._positions = dict(positions or {})
        self._joining: dict[str, Joining] = {}

    def positions(self) -> dict[str, Position]:
        """How far everything was read; a follower that is given them goes on from there."""
        return dict(self._positions)

    def read(self, limit: int) -> list[Record]:
        """At most about `limit` new records; fewer than that means that there are no more now.

        Raises:
            JournalUnavailable: a line is not what was written; the position stays before it. The records before it were
                returned by the look before.
        """
        found: list[Record] = []
        for writer in writers(self._folder):
            try:
                self._read_writer(writer, limit, found)
            except JournalUnavailable:
                if not found:
                    raise
                return found  # told first; the next look meets the bad line again and says so
        return found

    def _read_writer(self, writer: str, limit: int, found: list[Record]) -> None:
        chain = self._folder / writer
        joining = self._joining.get(writer) or self._resume(writer, chain)
        at = self._positions.get(writer)
        for file in segments(chain):
            if at is not None and first_seq(file.name) < first_seq(at.segment):
                continue
            offset = at.offset if at is not None and file.name == at.segment else 0
            for begin, line in whole_lines(file, offset):
                if len(found) >= limit:
                    return
                record = joining.take(file.name, line)
                self._positions[writer] = Position(file.name, begin + len(line.raw))
                if record is not None:
                    found.append(record)

    def _resume(self, writer: str, chain: Path) -> Joining:
        """The announcements that were open at the kept position: read again from the segment before, and told to nobody."""
        joining = self._joining[writer] = Joining(writer)
        at = self._positions.get(writer)
        if at is None:
            return joining
        before = [f for f in segments(chain) if first_seq(f.name) <= first_seq(at.segment)][-2:]
        for file in before:
            for begin, line in whole_lines(file):
                if file.name == at.segment and begin >= at.offset:
                    break
                joining.take(file.name, line)
        return joining
