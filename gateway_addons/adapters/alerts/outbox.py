"""The alerts on disk until every sink has taken them: nothing is lost with a sink, a network or this process (clause 8-e)."""

import json
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_addons.core.detection.alert import Alert

FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 600.0
MAX_ERROR_CHARS = 300

_SCHEMA = """
CREATE TABLE IF NOT EXISTS alert (id TEXT PRIMARY KEY, at TEXT NOT NULL, document TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS delivery (
  alert TEXT NOT NULL REFERENCES alert(id), sink TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'abandoned')),
  attempts INTEGER NOT NULL DEFAULT 0, since REAL NOT NULL, next_try REAL NOT NULL, error TEXT, ended REAL,
  PRIMARY KEY (alert, sink)) STRICT;
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (state, next_try);
"""


@dataclass(frozen=True, slots=True)
class Due:
    """One alert that one sink has not taken yet; `attempts` were made, the first is due `since` (epoch seconds)."""

    alert_id: str
    sink: str
    document: dict[str, Any]
    attempts: int
    since: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one alert at one sink."""

    sink: str
    state: str
    attempts: int
    error: str | None


class Outbox:
    """Alerts and their deliveries in one SQLite file; what `put` returned is on the disk."""

    def __init__(self, file: Path) -> None:
        """Open or make the file. Raises `sqlite3.Error`, `OSError`."""
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._db = sqlite3.connect(file, timeout=10, isolation_level=None)
        file.chmod(0o600)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)

    def put(self, alert: Alert, sinks: Sequence[str], now: float) -> str:
        """Keep an alert for these sinks; its id."""
        alert_id = str(uuid.uuid4())
        document = alert.document()
        row = (alert_id, document["at"], json.dumps(document, ensure_ascii=False))
        with self._transaction():
            self._db.execute("INSERT INTO alert VALUES (?, ?, ?)", row)
            self._db.executemany("INSERT INTO delivery (alert, sink, since, next_try) VALUES (?, ?, ?, ?)",
                                 [(alert_id, sink, now, now) for sink in sinks])
        return alert_id

    def due(self, now: float, limit: int = 100) -> list[Due]:
        """What should be tried now, oldest first."""
        rows = self._db.execute(
            "SELECT d.alert, d.sink, a.document, d.attempts, d.since FROM delivery d JOIN alert a ON a.id = d.alert"
            " WHERE d.state = 'pending' AND d.next_try <= ? ORDER BY d.next_try LIMIT ?", (now, limit))
        return [Due(i, s, json.loads(d), n, since) for i, s, d, n, since in rows]

    def delivered(self, due: Due, now: float) -> None:
        """The sink has it."""
        self._db.execute("UPDATE delivery SET state = 'delivered', attempts = attempts + 1, error = NULL, ended = ?"
                         " WHERE alert = ? AND sink = ?", (now, due.alert_id, due.sink))

    def failed(self, due: Due, error: str, now: float, give_up_after_s: float) -> bool:
        """Try again later, twice as long each time; True when this sink is given up for this alert."""
        give_up = now - due.since >= give_up_after_s
        wait_s = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** min(due.attempts, 16))
        self._db.execute(
            "UPDATE delivery SET attempts = attempts + 1, error = ?, next_try = ?, state = ?, ended = ?"
            " WHERE alert = ? AND sink = ?",
            (error[:MAX_ERROR_CHARS], now + wait_s, "abandoned" if give_up else "pending", now if give_up else None,
             due.alert_id, due.sink))
        return give_up

    def latest(self, limit: int = 50) -> list[tuple[str, Mapping[str, Any], list[Delivery]]]:
        """The newest alerts with what became of them."""
        rows = self._db.execute("SELECT id, document FROM alert ORDER BY at DESC LIMIT ?", (limit,)).fetchall()
        return [(i, json.loads(d), self.deliveries(i)) for i, d in rows]

    def deliveries(self, alert_id: str) -> list[Delivery]:
        """What became of one alert, by sink."""
        rows = self._db.execute("SELECT sink, state, attempts, error FROM delivery WHERE alert = ? ORDER BY sink", (alert_id,))
        return [Delivery(*row) for row in rows]

    def retry(self, now: float) -> int:
        """Try everything again that is pending or was given up; how many deliveries that is."""
        return self._db.execute("UPDATE delivery SET state = 'pending', next_try = ?, since = ?, ended = NULL"
                                " WHERE state <> 'delivered'", (now, now)).rowcount

    def counts(self) -> dict[str, int]:
        """Deliveries by state."""
        return dict(self._db.execute("SELECT state, count(*) FROM delivery GROUP BY state").fetchall())

    def forget_before(self, at: str) -> int:
        """Drop alerts older than `at` (RFC 3339) that no sink is owed any more; how many."""
        with self._transaction():
            old = ("SELECT id FROM alert WHERE at < ? AND NOT EXISTS"
                   " (SELECT 1 FROM delivery WHERE alert = id AND state = 'pending')")
            ids = [row[0] for row in self._db.execute(old, (at,))]
            self._db.executemany("DELETE FROM delivery WHERE alert = ?", [(i,) for i in ids])
            self._db.executemany("DELETE FROM alert WHERE id = ?", [(i,) for i in ids])
        return len(ids)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _transaction(self) -> sqlite3.Connection:
        self._db.execute("BEGIN IMMEDIATE")
        return self._db
