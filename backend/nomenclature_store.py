"""Nomenclatures in the database: sent, kept, and asked for the codes of entries (INF-MET-03 and 07)."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime

from backend.errors import Detail
from backend.model_nomenclature import Nomenclature
from backend.prepared import Caller, PreparedEntry
from backend.receipts import Answer, record_receipt

ACCOUNTS = "nomenc"
MIN_ANCESTOR_DIGITS = 2

type _Validity = tuple[str | None, str | None]


def put_nomenclature(
    connection: sqlite3.Connection, nomenclature: Nomenclature, caller: Caller, now: datetime
) -> Answer:
    """Extend or replace the codes in force; the revision sent is kept whole."""
    key = (nomenclature.organisme.siret, nomenclature.exercice, nomenclature.nomenclature)
    revision: int = connection.execute(
        "SELECT coalesce(max(revision), 0) + 1 FROM nomenclature_revisions"
        " WHERE (siret, exercice, nomenclature) = (?, ?, ?)",
        key,
    ).fetchone()[0]
    summary = {"nomenclature": key[2], "exercice": key[1], "revision": revision, "codes": len(nomenclature.codes)}
    sequence, body = record_receipt(connection, "referentiel", caller, now, {"referentiel": summary})
    connection.execute(
        "INSERT INTO nomenclature_revisions (siret, exercice, nomenclature, revision, mode, content, receipt_seq)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*key, revision, nomenclature.mode, nomenclature.model_dump_json(include={"codes"}), sequence),
    )
    if nomenclature.mode == "REMPLACEMENT":
        connection.execute(
            "DELETE FROM nomenclature_codes WHERE (siret, exercice, nomenclature) = (?, ?, ?)", key
        )
    connection.executemany(
        "INSERT OR REPLACE INTO nomenclature_codes VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (*key, item.code, item.libelle, item.parent, _text(item.valideDu), _text(item.valideAu))
            for item in nomenclature.codes
        ),
    )
    return Answer(200, body)


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def unknown_codes(connection: sqlite3.Connection, entries: Iterable[PreparedEntry]) -> Iterator[Detail]:
    """INF-MET-03 for codes, INF-MET-07 for accounts: unknown to the organisme and exercice, or not valid at the date."""
    wanted: dict[tuple[str, int, str], list[PreparedEntry]] = defaultdict(list)
    for entry in entries:
        for nomenclature in {lookup.nomenclature for lookup in entry.facts.lookups}:
            wanted[(entry.perimeter.siret, entry.perimeter.exercice, nomenclature)].append(entry)
    for key, group in wanted.items():
        yield from _unknown_in(connection, key, group)


def _unknown_in(
    connection: sqlite3.Connection, key: tuple[str, int, str], entries: list[PreparedEntry]
) -> Iterator[Detail]:
    nomenclature = key[2]
    asked = {
        candidate
        for entry in entries
        for lookup in entry.facts.lookups
        if lookup.nomenclature == nomenclature
        for candidate in _candidates(nomenclature, lookup.code)
    }
    known: dict[str, _Validity] = {
        code: (valid_from, valid_to)
        for code, valid_from, valid_to in connection.execute(
            "SELECT code, valid_from, valid_to FROM nomenclature_codes"
            " WHERE (siret, exercice, nomenclature) = (?, ?, ?) AND code IN (SELECT value FROM json_each(?))",
            (*key, json.dumps(sorted(asked))),
        )
    }
    rule = "INF-MET-07" if nomenclature == ACCOUNTS else "INF-MET-03"
    for entry in entries:
        for lookup in entry.facts.lookups:
            if lookup.nomenclature == nomenclature and not any(
                candidate in known and _valid_at(known[candidate], lookup.day.isoformat())
                for candidate in _candidates(nomenclature, lookup.code)
            ):
                yield entry.detail(rule, lookup.path)


def _candidates(nomenclature: str, code: str) -> list[str]:
    """The code itself; for an account, also its ancestors of at least two digits."""
    if nomenclature != ACCOUNTS:
        return [code]
    return [code[:length] for length in range(len(code), MIN_ANCESTOR_DIGITS - 1, -1)]


def _valid_at(validity: _Validity, day: str) -> bool:
    """Both ends included; an open end is None. ISO dates compare as text."""
    valid_from, valid_to = validity
    return (valid_from is None or valid_from <= day) and (valid_to is None or day <= valid_to)
