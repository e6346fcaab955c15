"""An index of the journal in SQLite, so that months of records answer at once. It is never believed.

It holds where lines are and what they can be looked for by; whatever is shown is read from the segment again and its hash
checked. It can be thrown away at any time: `poterne journal index --rebuild` makes it anew from the journal alone.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway_addons.adapters.journal.reader import CALL, Joining, Record, moment, whole_lines
from gateway_addons.adapters.journal.segments import first_seq, segments, writers
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.facts import rfc3339
from gateway_addons.core.journal.line import Line, NotALine, read_line

SCHEMA = 1
NAME = "index.sqlite"
_COMMIT_EVERY = 20_000

_TABLES = f"""
pragma user_version = {SCHEMA};
create table read_to (writer text primary key, segment text not null, at integer not null);
create table records (
  id integer primary key, writer text not null, kind text not null, moment text not null,
  segment text not null, at integer not null, length integer not null, seq integer not null,
  end_segment text, end_at integer, end_length integer, end_seq integer,
  request_id text, correlation_id text, environment text, contract text, code text, status integer, forwarded integer, act text,
  author text, period text, duration_ms integer);
create table organismes (siret text not null, record integer not null, primary key (siret, record)) without rowid;
create unique index by_request on records (request_id) where request_id is not null;
create index by_correlation on records (correlation_id) where correlation_id is not null;
create index by_moment on records (moment);
create index by_contract on records (contract, moment) where contract is not null;
create index by_code on records (code, moment) where code is not null;
create index by_act on records (act, moment) where act is not null;
"""


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for; everything given must fit. `period` is that of the entries (2026-03), not of the call.

    `act` may be a pattern, such as `crl.*`.
    """

    since: datetime | None = None
    until: datetime | None = None
    request_id: str | None = None
    correlation_id: str | None = None
    contract: str | None = None
    siret: str | None = None
    period: str | None = None
    code: str | None = None
    environment: str | None = None
    act: str | None = None
    limit: int = 1000

    def conditions(self) -> tuple[list[str], list[Any]]:
        """SQL conditions with their values."""
        plain = {"request_id": self.request_id, "correlation_id": self.correlation_id, "contract": self.contract,
                 "code": self.code, "environment": self.environment}
        found: list[tuple[str, Any]] = [(f"{column} = ?", value) for column, value in plain.items() if value is not None]
        if self.act is not None:
            found.append(("act glob ?", self.act))
        if self.since:
            found.append(("moment >= ?", rfc3339(self.since)))
        if self.until:
            found.append(("moment < ?", rfc3339(self.until)))
        if self.siret:
            found.append(("id in (select record from organismes where siret = ?)", self.siret))
        if self.period:
            found.append(("(' ' || period || ' ') like ?", f"% {self.period} %"))
        return [text for text, _ in found], [value for _, value in found]


class JournalIndex:
    """The index of one journal; one process updates it at a time, any number read."""

    def __init__(self, folder: Path, file: Path) -> None:
        self._folder, self._file = folder, file

    def update(self, told: Callable[[int], None] = lambda _: None, *, rebuild: bool = False) -> int:
        """Read what was written since the last time; returns how many lines that were. `told` gets the bytes read.

        Raises:
            JournalUnavailable: a line is not what was written, or the index cannot be written.
        """
        try:
            if rebuild or not self._usable():
                self._begin()
            with self._open() as db:
                return sum(self._update_writer(db, writer, told) for writer in writers(self._folder))
        except (sqlite3.Error, OSError) as e:
            raise JournalUnavailable(f"{self._file}: {e}; `poterne journal index --rebuild` makes it anew") from e

    def find(self, query: Query) -> Iterator[Record]:
        """The records that fit, in the order of time, each read from its segment and checked.

        Raises:
            JournalUnavailable: a line is not what was written, or the index is of another journal.
        """
        conditions, values = query.conditions()
        where = f"where {' and '.join(conditions)}" if conditions else ""
        statement = (f"select writer, segment, at, length, end_segment, end_at, end_length from records {where} "  # noqa: S608
                     "order by moment, id limit ?")  # the conditions are this module's own text, the values are bound
        with self._open() as db:
            for row in db.execute(statement, [*values, query.limit]):
                yield self._record(*row)

    def stats(self, query: Query, by: tuple[str, ...]) -> list[tuple[Any, ...]]:
        """Counts of calls by some of environment, contract, code, day and hour: (values..., calls, forwarded, mean ms)."""
        columns = {"environment": "environment", "contract": "contract", "code": "code", "day": "substr(moment, 1, 10)",
                   "hour": "substr(moment, 1, 13)"}
        groups = ", ".join(columns[name] for name in by)
        conditions, values = query.conditions()
        where = " and ".join(["kind = 'appel'", *conditions])
        statement = (f"select {groups}{', ' if by else ''}count(*), coalesce(sum(forwarded), 0), round(avg(duration_ms), 1) "  # noqa: S608
                     f"from records where {where} {f'group by {groups} order by {groups}' if by else ''}")
        with self._open() as db:
            return list(db.execute(statement, values))

    def forget(self, writer: str, segment: str) -> None:
        """A segment was purged.

        Raises:
            JournalUnavailable: the index cannot be written.
        """
        if not self._file.exists():
            return
        try:
            with self._open() as db:
                mine = "(select id from records where writer = ? and segment = ?)"
                db.execute(f"delete from organismes where record in {mine}", (writer, segment))  # noqa: S608 - bound values
                db.execute("delete from records where writer = ? and segment = ?", (writer, segment))
                db.commit()
        except sqlite3.Error as e:
            raise JournalUnavailable(f"{self._file}: {e}; `poterne journal index --rebuild` makes it anew") from e

    # --- reading the journal ---

    def _update_writer(self, db: sqlite3.Connection, writer: str, told: Callable[[int], None]) -> int:
        chain, count = self._folder / writer, 0
        row = db.execute("select segment, at from read_to where writer = ?", (writer,)).fetchone()
        segment, at = row if row else ("", 0)
        for file in segments(chain):
            if segment and first_seq(file.name) < first_seq(segment):
                continue
            offset = at if file.name == segment else 0
            for begin, line in whole_lines(file, offset):
                self._take(db, writer, file.name, begin, line)
                offset, count = begin + len(line.raw), count + 1
                told(len(line.raw))
                if count % _COMMIT_EVERY == 0:
                    self._keep(db, writer, file.name, offset)
            self._keep(db, writer, file.name, offset)
        return count

    def _keep(self, db: sqlite3.Connection, writer: str, segment: str, at: int) -> None:
        db.execute("insert or replace into read_to values (?, ?, ?)", (writer, segment, at))
        db.commit()

    def _take(self, db: sqlite3.Connection, writer: str, segment: str, at: int, line: Line) -> None:
        if line.kind == "segment":
            return
        fields = line.fields()
        place = (segment, at, len(line.raw), line.seq)
        if line.kind == "conclusion":
            done = db.execute(
                "update records set end_segment = ?, end_at = ?, end_length = ?, end_seq = ?, status = ?, "
                "code = coalesce(?, code), forwarded = coalesce(?, forwarded), duration_ms = ? where request_id = ?",
                (*place, fields.get("statut"), fields.get("codeErreur"), fields.get("transmis"), fields.get("dureeMs"),
                 fields["requestId"]))
            if done.rowcount:
                return
        self._insert(db, writer, line.kind, place, fields)

    def _insert(self, db: sqlite3.Connection, writer: str, kind: str, place: tuple[Any, ...], fields: dict[str, Any]) -> None:
        period = fields.get("periode")
        cursor = db.execute(
            "insert or ignore into records (writer, kind, moment, segment, at, length, seq, request_id, correlation_id, "
            "environment, contract, code, status, forwarded, act, author, period, duration_ms) "
            "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (writer, CALL if kind in {"annonce", "conclusion"} else kind, rfc3339(moment(fields["horodatage"])), *place,
             fields.get("requestId"), fields.get("correlationId"), fields.get("environnement"),
             fields.get("convention") or (fields.get("sujet") or {}).get("convention"), fields.get("codeErreur"),
             fields.get("statut"), fields.get("transmis"), fields.get("acte") or fields.get("evenement"),
             (fields.get("acteur") or {}).get("nom"), " ".join(period) if isinstance(period, list) else period,
             fields.get("dureeMs")))
        if cursor.rowcount and (sirets := fields.get("organismes")):
            db.executemany("insert or ignore into organismes values (?, ?)", [(siret, cursor.lastrowid) for siret in sirets])

    def _record(self, writer: str, segment: str, at: int, length: int, end_segment: str | None, end_at: int | None,
                end_length: int | None) -> Record:
        joining = Joining(writer)
        record = joining.take(segment, self._line(writer, segment, at, length))
        if record is None and end_segment is not None:
            record = joining.take(end_segment, self._line(writer, end_segment, end_at or 0, end_length or 0))
        return record or next(joining.still_open())

    def _line(self, writer: str, segment: str, at: int, length: int) -> Line:
        file = self._folder / writer / segment
        try:
            with file.open("rb") as stream:
                stream.seek(at)
                return read_line(stream.read(length))
        except (OSError, NotALine) as e:
            raise JournalUnavailable(f"{writer}/{segment}, byte {at}: {e}; `poterne journal verify` tells what happened to the "
                                     "journal, `poterne journal index --rebuild` makes the index anew") from e

    # --- the file ---

    def _usable(self) -> bool:
        if not self._file.exists():
            return False
        with closing(sqlite3.connect(self._file)) as db:
            return bool(db.execute("pragma user_version").fetchone()[0] == SCHEMA)

    def _begin(self) -> None:
        for suffix in ("", "-wal", "-shm", "-journal"):
            self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(self._file, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        with closing(sqlite3.connect(self._file)) as db:
            db.executescript(_TABLES)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file, timeout=60)) as db:
            db.execute("pragma synchronous = off")  # it is made anew when a crash spoils it
            yield db
