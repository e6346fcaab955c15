"""Rules that need the entries already stored: INF-VER-03, INF-MET-05, 12 and 14. All run in the writer's transaction."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator

from backend.errors import Detail
from backend.prepared import PreparedEntry

type _Book = tuple[str, str, int]


def used_identifiers(connection: sqlite3.Connection, flux: str, entries: Iterable[PreparedEntry]) -> Iterator[Detail]:
    """INF-VER-03: an identifier is used once for all in its book and flux, even after a deletion (model, section 4)."""
    for book, group in _by_book(entries).items():
        found = {
            row[0]
            for row in connection.execute(
                "SELECT identifiant FROM entries WHERE (siret, budget, exercice, flux) = (?, ?, ?, ?)"
                " AND identifiant IN (SELECT value FROM json_each(?))",
                (*book, flux, json.dumps([entry.identifiant for entry in group])),
            )
        }
        for entry in group:
            if entry.identifiant in found:
                yield entry.detail("INF-VER-03", "/identifiant")


def used_pieces(
    connection: sqlite3.Connection, entries: Iterable[PreparedEntry], except_entry: int | None = None
) -> Iterator[Detail]:
    """INF-MET-14: a document number is unique with journal and exercice among the live entries of a book."""
    for book, group in _by_book(entry for entry in entries if entry.facts.journal is not None).items():
        asked = json.dumps([[entry.facts.journal, entry.facts.piece] for entry in group])
        found = set(
            connection.execute(
                "SELECT journal, piece FROM json_each(?) AS asked CROSS JOIN entries"
                " ON journal = asked.value ->> 0 AND piece = asked.value ->> 1"
                " WHERE (siret, budget, exercice) = (?, ?, ?) AND journal IS NOT NULL AND deleted_at IS NULL"
                " AND entry_id IS NOT ?",
                (asked, *book, except_entry),
            )
        )
        for entry in group:
            if (entry.facts.journal, entry.facts.piece) in found:
                yield entry.detail("INF-MET-14", "/piece")


def overspent(connection: sqlite3.Connection, entries: Iterable[PreparedEntry]) -> Iterator[Detail]:
    """INF-MET-05, judged after the entries were written: the commitments they touch, of the same SIRET and budget."""
    groups: dict[tuple[str, str], list[PreparedEntry]] = defaultdict(list)
    for entry in entries:
        if entry.facts.commitment is not None:
            groups[(entry.perimeter.siret, entry.perimeter.budget)].append(entry)
    for (siret, budget), group in groups.items():
        wrong = overspent_commitments(connection, siret, budget, {entry.facts.commitment for entry in group})
        for entry in group:
            if entry.facts.commitment in wrong:
                yield entry.detail("INF-MET-05", "/engagement" if entry.facts.movement == "CP" else "/montant")


def overspent_commitments(
    connection: sqlite3.Connection, siret: str, budget: str, commitments: set[str | None]
) -> set[str]:
    """Those that have no live AE of that name, or whose CP exceed their AE; exercices are not told apart."""
    return {
        row[0]
        for row in connection.execute(
            "SELECT commitment FROM entries WHERE siret = ? AND budget = ? AND deleted_at IS NULL"
            " AND commitment IS NOT NULL AND commitment IN (SELECT value FROM json_each(?)) GROUP BY commitment"
            " HAVING max(movement = 'AE' AND identifiant = commitment) = 0"
            " OR sum(amount_centimes * (movement = 'CP')) > sum(amount_centimes * (movement = 'AE'))",
            (siret, budget, json.dumps(sorted(name for name in commitments if name is not None))),
        )
    }


def has_live_payments(connection: sqlite3.Connection, siret: str, budget: str, commitment: str) -> bool:
    """INF-MET-12: whether a live CP refers to the commitment."""
    row = connection.execute(
        "SELECT 1 FROM entries WHERE siret = ? AND budget = ? AND commitment = ? AND movement = 'CP'"
        " AND deleted_at IS NULL LIMIT 1",
        (siret, budget, commitment),
    ).fetchone()
    return row is not None


def _by_book(entries: Iterable[PreparedEntry]) -> dict[_Book, list[PreparedEntry]]:
    groups: dict[_Book, list[PreparedEntry]] = defaultdict(list)
    for entry in entries:
        groups[entry.perimeter.book].append(entry)
    return groups
