"""The three operations on entries, each one transaction's work: create a lot, modify one entry, delete one entry."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from backend.errors import Detail, Refusal, refuse_if_any
from backend.nomenclature_store import unknown_codes
from backend.paris_time import timestamp
from backend.prepared import Caller, EntryFacts, Perimeter, PreparedChange, PreparedLot
from backend.receipts import Answer, record_receipt, versions
from backend.stored_rules import has_live_payments, overspent, overspent_commitments, used_identifiers, used_pieces

# The order in which a differing perimeter is reported: that of the gateway's policy (clause 4-C5).
_DIMENSIONS = (("siret", "INF-DRT-03"), ("budget", "INF-DRT-04"), ("exercice", "INF-DRT-05"), ("periode", "INF-DRT-06"))


@dataclass(frozen=True, slots=True)
class _Stored:
    entry_id: int
    perimeter: Perimeter
    version: int
    deleted: bool
    movement: str | None
    commitment: str | None


def create_lot(connection: sqlite3.Connection, lot: PreparedLot, caller: Caller, now: datetime) -> Answer:
    """All entries of the lot or none; the same lot again has the same receipt.

    Raises:
        Refusal: 409 an identifier is used, 422 a rule is broken. Nothing of the lot is kept.
    """
    known = connection.execute(
        "SELECT lot_id, body FROM lots JOIN receipts USING (receipt_seq) WHERE lot_hash = ?", (lot.fingerprint,)
    ).fetchone()
    if known is not None and not _has_deletions(connection, known[0]):
        return Answer(200, known[1])
    refuse_if_any(used_identifiers(connection, lot.flux, lot.entries))
    findings = [*lot.findings, *unknown_codes(connection, lot.entries), *used_pieces(connection, lot.entries)]
    refuse_if_any(findings)
    content = {
        "empreinteLot": lot.fingerprint,
        **versions([(entry.identifiant, 1) for entry in lot.entries], lot.warnings),
    }
    sequence, body = record_receipt(connection, "creation", caller, now, content)
    _insert(connection, lot, sequence)
    refuse_if_any(overspent(connection, lot.entries))
    return Answer(201, body)


def _has_deletions(connection: sqlite3.Connection, lot_id: int) -> bool:
    """A lot of which an entry was deleted since is not the same any more: its identifiers are used up (model, section 4)."""
    row = connection.execute(
        "SELECT 1 FROM entries WHERE lot_id = ? AND deleted_at IS NOT NULL LIMIT 1", (lot_id,)
    ).fetchone()
    return row is not None


def _insert(connection: sqlite3.Connection, lot: PreparedLot, sequence: int) -> None:
    perimeter = lot.perimeter
    lot_id = connection.execute(
        "INSERT INTO lots VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (lot.fingerprint, lot.number, lot.flux, *perimeter.book, perimeter.periode, *lot.emitter, len(lot.entries),
         sequence),
    ).lastrowid  # fmt: skip
    first: int = connection.execute("SELECT coalesce(max(entry_id), 0) + 1 FROM entries").fetchone()[0]
    connection.executemany(
        "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, NULL, ?, ?, ?, ?, ?)",
        (
            (entry_id, lot_id, *entry.perimeter.book, lot.flux, entry.identifiant, entry.perimeter.periode,
             *_columns(entry.facts))
            for entry_id, entry in enumerate(lot.entries, first)
        ),
    )  # fmt: skip
    connection.executemany(
        "INSERT INTO entry_versions VALUES (?, 1, 'creation', ?, NULL, ?)",
        ((entry_id, entry.content, sequence) for entry_id, entry in enumerate(lot.entries, first)),
    )


def _columns(facts: EntryFacts) -> tuple[str | int | None, ...]:
    return facts.journal, facts.piece, facts.movement, facts.commitment, facts.amount_centimes


def modify_entry(connection: sqlite3.Connection, change: PreparedChange, caller: Caller, now: datetime) -> Answer:
    """Store a new version of one entry; earlier ones are kept.

    Raises:
        Refusal: 403, 404, 410, 412 as `_find`; 422 a rule is broken.
    """
    entry = change.entry
    if entry is None:
        raise ValueError("a modification has a new content")
    stored = _find(connection, change, caller)
    findings = [*change.findings, *unknown_codes(connection, [entry])]
    refuse_if_any([*findings, *used_pieces(connection, [entry], except_entry=stored.entry_id)])
    version = stored.version + 1
    content = versions([(change.identifiant, version)], change.warnings)
    sequence, body = record_receipt(connection, "modification", caller, now, content)
    connection.execute(
        "UPDATE entries SET version = ?, journal = ?, piece = ?, movement = ?, commitment = ?, amount_centimes = ?"
        " WHERE entry_id = ?",
        (version, *_columns(entry.facts), stored.entry_id),
    )
    connection.execute(
        "INSERT INTO entry_versions VALUES (?, ?, 'modification', ?, ?, ?)",
        (stored.entry_id, version, entry.content, change.reason, sequence),
    )
    refuse_if_any(overspent(connection, [entry]))
    _refuse_overspent(connection, stored, "/ecriture")
    return Answer(200, body)


def delete_entry(connection: sqlite3.Connection, change: PreparedChange, caller: Caller, now: datetime) -> Answer:
    """Put a tombstone on one entry; all its versions are kept.

    Raises:
        Refusal: 403, 404, 410, 412 as `_find`; 409 INF-MET-12; 422 INF-MET-05 when payments would exceed the commitment.
    """
    stored = _find(connection, change, caller)
    refuse_if_any(change.findings)
    siret, budget, _ = stored.perimeter.book
    if stored.movement == "AE" and has_live_payments(connection, siret, budget, change.identifiant):
        raise Refusal("INF-MET-12", [Detail("INF-MET-12", "")])
    version = stored.version + 1
    sequence, body = record_receipt(
        connection, "suppression", caller, now, versions([(change.identifiant, version)], ())
    )
    connection.execute(
        "UPDATE entries SET version = ?, deleted_at = ? WHERE entry_id = ?", (version, timestamp(now), stored.entry_id)
    )
    connection.execute(
        "INSERT INTO entry_versions VALUES (?, ?, 'suppression', NULL, ?, ?)",
        (stored.entry_id, version, change.reason, sequence),
    )
    _refuse_overspent(connection, stored, "")
    return Answer(200, body)


def _refuse_overspent(connection: sqlite3.Connection, stored: _Stored, path: str) -> None:
    """The commitment the entry counted for before the change must still hold without it."""
    siret, budget, _ = stored.perimeter.book
    if overspent_commitments(connection, siret, budget, {stored.commitment}):
        raise Refusal("INF-MET-05", [Detail("INF-MET-05", path)])


def _find(connection: sqlite3.Connection, change: PreparedChange, caller: Caller) -> _Stored:
    """The stored entry, when its perimeter is the declared one and its version the expected one.

    Only entries of the caller's own SIREN are looked at, so that nothing can be learnt about another organisme's.

    Raises:
        Refusal: 404 unknown, 403 declared perimeter differs, 410 deleted, 412 other version.
    """
    candidates = [
        _Stored(row[0], Perimeter(*row[1:5]), row[5], row[6] is not None, row[7], row[8])
        for row in connection.execute(
            "SELECT entry_id, siret, budget, exercice, periode, version, deleted_at, movement, commitment FROM entries"
            " WHERE identifiant = ? AND flux = ? AND siret BETWEEN ? AND ?",
            (change.identifiant, change.flux, caller.siren + "00000", caller.siren + "99999"),
        )
    ]
    if not candidates:
        raise Refusal("INF-VER-04")
    for name, code in _DIMENSIONS:
        candidates = [one for one in candidates if getattr(one.perimeter, name) == getattr(change.perimeter, name)]
        if not candidates:
            raise Refusal(code)
    stored = candidates[0]
    if stored.deleted:
        raise Refusal("INF-VER-05")
    if stored.version != change.version:
        raise Refusal("INF-VER-02")
    return stored
