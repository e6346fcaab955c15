"""The proof of a period, out of the journal: each writer's chain up to the first line that a checkpoint after it has sealed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gateway_addons.adapters.journal.reader import Joining, Record, moment, whole_lines
from gateway_addons.adapters.journal.segments import CHECKPOINTS, segments
from gateway_addons.core.journal.line import Line

LATE = timedelta(minutes=10)
"""A call that came within the period may be concluded as much later."""

SEARCH = timedelta(hours=1)
"""How long after the period a checkpoint is looked for."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What one checkpoint says of one writer; `raw` is the whole signed line."""

    seq: int
    hash: str
    raw: bytes


@dataclass(slots=True)
class Sealing:
    """The seals of a period by writer, in their order."""

    of: dict[str, list[Seal]] = field(default_factory=dict)

    def first_from(self, writer: str, seq: int) -> Seal | None:
        """The first seal that covers this line of the writer."""
        return next((seal for seal in self.of.get(writer, ()) if seal.seq >= seq), None)


def read_sealing(folder: Path, since: datetime, until: datetime) -> Sealing:
    """The checkpoints from `since` to an hour after `until`. Raises `JournalUnavailable`."""
    sealing = Sealing()
    for line in _lines(folder / CHECKPOINTS, since, until + SEARCH):
        if line.kind == "scellement":
            for writer, head in line.fields()["redacteurs"].items():
                sealing.of.setdefault(writer, []).append(Seal(int(head["seq"]), str(head["hash"]), line.raw))
    return sealing


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the walk: the line, whether it is in scope, the record that it completes, if any."""

    line: Line
    in_scope: bool
    record: Record | None


class Walk:
    """Walks one writer's chain over a period, and on to the seal that covers it; `seal` is None when there is none yet."""

    def __init__(self, folder: Path, writer: str, since: datetime, until: datetime, sealing: Sealing,
                 in_scope: Callable[[dict[str, Any]], bool]) -> None:
        self._folder, self._writer, self._since, self._until = folder, writer, since, until
        self._sealing, self._in_scope = sealing, in_scope
        self._chosen: set[str] = set()
        self.seal: Seal | None = None

    def __iter__(self) -> Iterator[Step]:
        joining, needed, over = Joining(self._writer), 0, False
        for line in _lines(self._folder / self._writer, self._since, None):
            at = moment(line.fields()["horodatage"])
            if at >= self._until + LATE and not over:
                over = True
                self.seal = self._sealing.first_from(self._writer, needed)
            if over and (self.seal is None or line.seq > self.seal.seq):
                return
            step = self._step(joining, line, at)
            if at < self._until + LATE:
                needed = line.seq
            yield step
        if not over and needed:
            self.seal = self._sealing.first_from(self._writer, needed)

    def _step(self, joining: Joining, line: Line, at: datetime) -> Step:
        fields = line.fields()
        record = joining.take(line.kind, line)
        request_id = str(fields.get("requestId"))
        if line.kind == "conclusion":
            chosen = request_id in self._chosen
        else:
            chosen = line.kind != "segment" and self._since <= at < self._until and self._in_scope(fields)
        if chosen and line.kind == "annonce":
            self._chosen.add(request_id)
        self._chosen.discard(request_id if line.kind == "conclusion" else "")
        return Step(line, chosen, record if chosen else None)


def _lines(chain: Path, since: datetime, until: datetime | None) -> Iterator[Line]:
    """The lines of a chain from the first one that is not older than `since`."""
    files = segments(chain)
    starts = [next(whole_lines(file), None) for file in files]
    begun = False
    for number, file in enumerate(files):
        following = starts[number + 1] if number + 1 < len(files) else None
        if not begun and following is not None and moment(following[1].fields()["horodatage"]) < since:
            continue
        for _, line in whole_lines(file):
            at = moment(line.fields()["horodatage"])
            begun = begun or at >= since
            if until is not None and at >= until:
                return
            if begun:
                yield line
