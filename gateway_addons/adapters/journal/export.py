"""A consumer's own records in one file that anybody with the public key can verify (clauses 5.2-f and 6.4).

The file is built like the journal: a chain of lines, of which the last is signed, and so vouches for all. It is read from
the segments, never from the index, so that it is complete.
"""

import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway_addons.adapters.journal.reader import CALL, Record, records
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.facts import rfc3339
from gateway_addons.core.journal.keys import SealingKey, signed_by
from gateway_addons.core.journal.line import GENESIS, NotALine, make_line, read_line

_NOT_THE_CONSUMER_S = frozenset({"detail", "entree", "liens"})
"""The operator's own: why a part failed, what policy was asked."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export holds."""

    contract: str
    since: str | None
    until: str | None
    calls: int
    acts: int


def export(folder: Path, out: Path, contract: str, since: datetime | None, until: datetime | None, key: SealingKey) -> Exported:
    """Write every record of one contract in [`since`, `until`) to a new file.

    Raises:
        JournalUnavailable: the journal cannot be read as a whole, or the file cannot be written or is there already.
    """
    counts = {CALL: 0, "acte": 0}
    seq, previous = 1, GENESIS
    try:
        fd = os.open(out, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            head = {"type": "export", "horodatage": rfc3339(datetime.now(UTC)), "convention": contract,
                    "du": rfc3339(since) if since else None, "au": rfc3339(until) if until else None}
            line, previous = make_line(seq, previous, head)
            file.write(line)
            for record in records(folder, since, until, with_open=True):
                if (told := _told(record, contract)) is None:
                    continue
                counts[record.kind] += 1
                seq += 1
                line, previous = make_line(seq, previous, told)
                file.write(line)
            end = {"type": "fin", "horodatage": rfc3339(datetime.now(UTC)), "appels": counts[CALL], "actes": counts["acte"],
                   "cle": key.id}
            file.write(make_line(seq + 1, previous, end, key.sign)[0])
    except OSError as e:
        raise JournalUnavailable(f"{out}: {e.strerror}") from e
    except JournalUnavailable:
        out.unlink(missing_ok=True)
        raise
    return Exported(contract, head["du"], head["au"], counts[CALL], counts["acte"])


def _told(record: Record, contract: str) -> dict[str, Any] | None:
    source = {"redacteur": record.writer, "segment": record.segment, "seq": record.seq, "hash": record.hash}
    if record.kind == CALL and record.fields.get("convention") == contract:
        told = {name: value for name, value in record.fields.items() if name not in _NOT_THE_CONSUMER_S}
        return {"type": CALL} | told | {"source": source}
    subject = record.fields.get("sujet") or {}
    if record.kind == "acte" and subject.get("convention") == contract:
        return {"type": "acte", "horodatage": record.fields["horodatage"], "acte": record.fields["acte"],
                "acteur": {"type": record.fields["acteur"]["type"]}, "sujet": subject, "source": source}
    return None


def verify_export(file: Path, keys: Sequence[Ed25519PublicKey]) -> Exported:
    """What a whole export holds.

    Raises:
        JournalUnavailable: it is not whole, or none of the keys signed it.
    """
    try:
        if zipfile.is_zipfile(file):
            raise JournalUnavailable(f"{file}: not a consumer's export; if it is the evidence of an incident, ask "
                                     "`poterne incident verify-export`")
        first, last, calls, acts = None, None, 0, 0
        for last in _chained(file):
            first = first or last
            calls, acts = calls + (last.kind == CALL), acts + (last.kind == "acte")
        if first is None or last is None or (first.kind, last.kind) != ("export", "fin"):
            raise JournalUnavailable(f"{file}: not a whole export")
        if signed_by(last, keys) is None:
            raise JournalUnavailable(f"{file}: none of the keys signed it")
    except (OSError, NotALine) as e:
        raise JournalUnavailable(f"{file}: {e}") from e
    head, end = first.fields(), last.fields()
    if (end["appels"], end["actes"]) != (calls, acts):
        raise JournalUnavailable(f"{file}: {calls} calls and {acts} acts, where it says {end['appels']} and {end['actes']}")
    return Exported(head["convention"], head["du"], head["au"], calls, acts)


def _chained(file: Path) -> Iterator[Any]:
    seq, previous = 1, GENESIS
    with file.open("rb") as stream:
        for raw in stream:
            line = read_line(raw)
            if (line.seq, line.previous) != (seq, previous):
                raise NotALine(f"line {line.seq} does not follow line {seq - 1}")
            yield line
            seq, previous = line.seq + 1, line.hash
