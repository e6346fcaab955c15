"""Reading the journal: one record for each call and each act, over all writers, in the order of time.

A call that was announced is two lines: they come as one record, when its conclusion is met. A line whose bytes are not
those that were hashed ends the reading: what the chain as a whole proves is `poterne journal verify`'s question.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway_addons.adapters.journal.segments import first_seq, lines, segments, writers
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.journal.line import Line, NotALine, read_line

CALL = "appel"
_OWN = ("seq", "hashPrecedent", "type", "hash", "signature")
_SLACK = timedelta(hours=1)
"""A segment that ended this long before `since` holds nothing of it, also when clocks differ a little."""


@dataclass(frozen=True, slots=True)
class Record:
    """One call (`kind` "appel"), one act ("acte"), or an event of the gateway ("evenement", "reprise", ...).

    `fields` is without what belongs to the chain; of a call that was announced it has both lines' members, and `at` is
    when the call came in. `seq` is the line that completed the record; `interrupted` calls have no outcome;
    `open` ones have none yet.
    """

    writer: str
    segment: str
    seq: int
    hash: str
    kind: str
    at: datetime
    fields: dict[str, Any]
    interrupted: bool = False
    open: bool = False


def records(folder: Path, since: datetime | None = None, until: datetime | None = None, *,
            with_open: bool = False) -> Iterator[Record]:
    """Records whose time is in [`since`, `until`), merged over all writers.

    Each writer's records come in the order in which they were completed. `with_open` also gives, last of each writer,
    the calls that have no conclusion yet.

    Raises:
        JournalUnavailable: a file cannot be read, or a line is not what was written.
    """
    streams = [_keyed(_of_writer(folder / writer, since, until, with_open)) for writer in writers(folder)]
    for _, _, _, record in heapq.merge(*streams):
        if (since is None or record.at >= since) and (until is None or record.at < until):
            yield record


def _keyed(stream: Iterator[Record]) -> Iterator[tuple[datetime, str, int, Record]]:
    """Keys that never fall within one writer, whatever its clock did: the merge needs it."""
    latest = datetime.min.replace(tzinfo=UTC)
    for number, record in enumerate(stream):
        latest = max(latest, record.at)
        yield latest, record.writer, number, record


def _of_writer(chain: Path, since: datetime | None, until: datetime | None, with_open: bool) -> Iterator[Record]:
    joined = Joining(chain.name)
    for file in _in_period(chain, since, until):
        for _, line in whole_lines(file):
            record = joined.take(file.name, line)
            if record is not None:
                yield record
    if with_open:
        yield from joined.still_open()


def _in_period(chain: Path, since: datetime | None, until: datetime | None) -> list[Path]:
    """The segments that can hold a record of the period, and the one before, which may hold its announcements."""
    files = segments(chain)
    begun = [_begun(file) for file in files]
    chosen = [i for i in range(len(files))
              if (until is None or begun[i] < until + _SLACK)
              and (since is None or i + 1 == len(files) or begun[i + 1] >= since - _SLACK)]
    return files[max(0, chosen[0] - 1):chosen[-1] + 1] if chosen else []


def _begun(file: Path) -> datetime:
    line = next(whole_lines(file), None)
    return datetime.max.replace(tzinfo=UTC) - _SLACK if line is None else moment(line[1].fields()["horodatage"])


def whole_lines(file: Path, offset: int = 0) -> Iterator[tuple[int, Line]]:
    """The whole lines of a segment with their offsets, each with its own hash checked.

    Raises:
        JournalUnavailable: the file cannot be read, or a line is not what was written.
    """
    try:
        for at, raw in lines(file, offset):
            if not raw.endswith(b"\n"):
                return  # it is being written, or a crash tore it
            try:
                line = read_line(raw)
            except NotALine:
                if not _declared(file):
                    raise
                continue
            yield at, line
    except (OSError, ValueError) as e:
        raise JournalUnavailable(f"{file.parent.name}/{file.name}: {e}; ask `poterne journal verify`") from e


def _declared(file: Path) -> bool:
    """Has an operator restored the chain behind this segment? Then its damage is known, and the readable lines are shown."""
    return any(first_seq(later.name) > first_seq(file.name) and b'"retablissement":true' in next(lines(later), (0, b""))[1]
               for later in segments(file.parent))


class Joining:
    """Makes one record of a call's two lines."""

    def __init__(self, writer: str) -> None:
        self._writer = writer
        self._open: dict[str, tuple[str, Line, dict[str, Any]]] = {}

    def take(self, segment: str, line: Line) -> Record | None:
        """The record that this line completes, if it does."""
        fields = line.fields()
        if line.kind == "annonce":
            self._open[fields["requestId"]] = (segment, line, fields)
            return None
        if line.kind != "conclusion":
            return None if line.kind == "segment" else self._record(segment, line, line.kind, fields)
        announced = self._open.pop(fields["requestId"], None)
        before = announced[2] if announced else {}
        both = before | fields | {"horodatage": before.get("horodatage", fields["horodatage"]), "concluLe": fields["horodatage"]}
        return self._record(segment, line, CALL, both, interrupted=bool(fields.get("interrompu")))

    def still_open(self) -> Iterator[Record]:
        """The calls that have no conclusion yet."""
        for segment, line, fields in self._open.values():
            yield self._record(segment, line, CALL, fields, is_open=True)

    def _record(self, segment: str, line: Line, kind: str, fields: dict[str, Any], *, interrupted: bool = False,
                is_open: bool = False) -> Record:
        told = {key: value for key, value in fields.items() if key not in _OWN}
        return Record(self._writer, segment, line.seq, line.hash, kind, moment(fields["horodatage"]), told, interrupted, is_open)


def moment(text: str) -> datetime:
    """A time as the journal writes it (RFC 3339, UTC)."""
    return datetime.fromisoformat(text)
