"""Receipts: what the consumer keeps as proof and by which it knows versions (domain model, section 2)."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backend.codes import CODES
from backend.errors import Detail
from backend.paris_time import PARIS, timestamp
from backend.prepared import Caller


@dataclass(frozen=True, slots=True)
class Answer:
    """A durable outcome: HTTP status and the receipt's JSON text."""

    status: int
    body: str


def record_receipt(
    connection: sqlite3.Connection, operation: str, caller: Caller, now: datetime, content: dict[str, Any]
) -> tuple[int, str]:
    """Number and store a receipt; its sequence number and its JSON text.

    The number is `INF-<day in Paris>-<sequence>`; the one writer makes the sequence unique and without reuse.
    """
    sequence: int = connection.execute("SELECT coalesce(max(receipt_seq), 0) + 1 FROM receipts").fetchone()[0]
    number = f"INF-{now.astimezone(PARIS):%Y%m%d}-{sequence:08d}"
    recorded_at = timestamp(now)
    accuse = {
        "numeroAccuse": number,
        "correlationId": caller.correlation_id,
        "operation": operation,
        "horodatage": recorded_at,
        **content,
    }
    body = json.dumps({"accuse": accuse}, ensure_ascii=False, separators=(",", ":"))
    connection.execute(
        "INSERT INTO receipts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (sequence, number, operation, caller.convention, caller.correlation_id, caller.request_id, recorded_at, body),
    )
    return sequence, body


def versions(entries: Sequence[tuple[str, int]], warnings: Sequence[Detail]) -> dict[str, Any]:
    """The part of a receipt that names entries with their versions, and warnings where there are any."""
    content: dict[str, Any] = {
        "ecritures": [{"identifiant": identifiant, "version": version} for identifiant, version in entries]
    }
    if warnings:
        content["avertissements"] = [
            {"index": found.index, "chemin": found.path, "code": found.code, "message": CODES[found.code].fr}
            for found in warnings
        ]
    return content
