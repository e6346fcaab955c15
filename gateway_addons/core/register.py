"""A small set of dated entries that several machines keep together: what a record is, and which of two wins. Pure.

Each key has one record: an entry, or the mark that it was removed. Records have an order of their own (stamp, then nonce), so
that copies that were changed apart come together in the same way wherever, and however often, they meet. The mark of a removal
stays for as long as an old copy could bring the entry back: until the entry's own end, or `REMOVAL_LIFE`.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

MAX_RECORDS = 20_000
MAX_KEY_CHARS = 256
MAX_RECORD_BYTES = 8192
REMOVAL_LIFE = timedelta(days=400)
"""How long the removal of an entry without an end is remembered: longer than any copy of it may lie about."""
KEPT_AFTER_END = timedelta(minutes=5)
"""A record that is over is kept for this long, for machines whose clock is behind."""

MAX_US = 1 << 53
"""Redis's Lua knows whole numbers up to here: the year 2255."""

_TEXT = re.compile(r"([0-9]{1,16}) ([0-9]{1,10}) (\{.*\})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MalformedRecord(ValueError):
    """A text that is no record of a register."""


class RegisterFull(ValueError):
    """The register holds as many records as it may."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry in force; `by` is who put it, `expires_at` its end (None: until it is removed)."""

    value: Mapping[str, Any]
    by: str
    put_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, order=True)
class Record:
    """What is kept under a key. `stamp_us`, then `nonce`, say which of two is newer; `value` None: removed."""

    stamp_us: int
    nonce: int
    by: str
    value: str | None
    expires_us: int | None

    def beats(self, other: "Record | None") -> bool:
        """Is this one newer?"""
        return other is None or (self.stamp_us, self.nonce) > (other.stamp_us, other.nonce)

    def text(self) -> str:
        """`<stamp> <nonce> <JSON>`: the two numbers are in front so that Redis can compare them without reading JSON."""
        body = {"by": self.by, "expires_us": self.expires_us, "value": None if self.value is None else json.loads(self.value)}
        return f"{self.stamp_us} {self.nonce} {_json(body)}"

    def entry(self) -> Entry | None:
        """The entry, or None when it was removed."""
        if self.value is None:
            return None
        end = None if self.expires_us is None else moment(self.expires_us)
        return Entry(MappingProxyType(json.loads(self.value)), self.by, moment(self.stamp_us), end)


def put(
    known: Mapping[str, Record], key: str, value: Mapping[str, Any], *, by: str, expires_at: datetime | None, now: datetime,
    nonce: int,
) -> Record:
    """The record of a new entry, newer than what is known under that key.

    Raises:
        RegisterFull: there is no place for one more key.
        ValueError: key or value is empty, too long or no JSON object, or its end lies too far ahead.
    """
    if not 0 < len(key) <= MAX_KEY_CHARS or not key.isprintable():
        raise ValueError(f"a key has 1 to {MAX_KEY_CHARS} printable characters")
    if key not in known and len(known) >= MAX_RECORDS:
        raise RegisterFull(f"the register holds {len(known)} records already")
    end = None if expires_at is None else micros(expires_at)
    if end is not None and not 0 <= end < MAX_US:
        raise ValueError("an entry ends between 1970 and 2255, or not at all")
    record = Record(_next_stamp(known.get(key), now), nonce, by, _json(dict(value)), end)
    if len(record.text().encode()) > MAX_RECORD_BYTES:
        raise ValueError(f"an entry is longer than {MAX_RECORD_BYTES} bytes")
    return record


def removal(known: Mapping[str, Record], key: str, *, by: str, now: datetime, nonce: int) -> Record:
    """The mark that an entry was removed."""
    old = known.get(key)
    end = micros(now + REMOVAL_LIFE)
    if old is not None and old.value is not None and old.expires_us is not None:
        end = min(end, old.expires_us)
    return Record(_next_stamp(old, now), nonce, by, None, end)


def read_record(text: str) -> Record:
    """The record in a text.

    Raises:
        MalformedRecord: it is none.
    """
    found = _TEXT.fullmatch(text) if len(text) <= MAX_RECORD_BYTES else None
    if found is None:
        raise MalformedRecord("not a record")
    try:
        document = json.loads(found[3])
        value, expires_us, by = document.pop("value"), document.pop("expires_us"), document.pop("by")
    except (ValueError, KeyError, RecursionError) as e:
        raise MalformedRecord("not a record") from e
    end_is_good = expires_us is None or (type(expires_us) is int and 0 <= expires_us < MAX_US)
    value_is_good = value is None or isinstance(value, dict)
    if document or not (end_is_good and value_is_good and isinstance(by, str)) or int(found[1]) >= MAX_US:
        raise MalformedRecord("not a record")
    return Record(int(found[1]), int(found[2]), by, None if value is None else _json(value), expires_us)


def newer(mine: Mapping[str, Record], theirs: Mapping[str, Record]) -> dict[str, Record]:
    """Those of mine that the other side has not, or has older."""
    return {key: record for key, record in mine.items() if record.beats(theirs.get(key))}


def is_over(record: Record, now_us: int) -> bool:
    """Is it past its end by so much that nobody needs it?"""
    return record.expires_us is not None and record.expires_us + KEPT_AFTER_END // timedelta(microseconds=1) <= now_us


def in_force(records: Iterable[tuple[str, Record]], now_us: int) -> tuple[Mapping[str, Entry], int | None]:
    """The entries in force, and the moment at which the first of them ends."""
    entries: dict[str, Entry] = {}
    ends: int | None = None
    for key, record in records:
        if record.expires_us is not None and record.expires_us <= now_us:
            continue
        if (entry := record.entry()) is not None:
            entries[key] = entry
            if record.expires_us is not None:
                ends = record.expires_us if ends is None else min(ends, record.expires_us)
    return MappingProxyType(entries), ends


def micros(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def moment(us: int) -> datetime:
    """The moment of so many microseconds since 1970; the last one there is where the number goes beyond."""
    try:
        return _EPOCH + timedelta(microseconds=us)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _next_stamp(old: Record | None, now: datetime) -> int:
    return max(micros(now), old.stamp_us + 1 if old else 0)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
