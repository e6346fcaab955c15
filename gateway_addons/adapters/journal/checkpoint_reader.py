"""What the checkpoints say of every chain, and whether a known key signed it.

The signature of one line vouches for all lines before it, since they are chained. So the last line is verified, and each
line that says something that no later one can mend: a new key, and what was removed by right.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway_addons.adapters.journal.reader import moment
from gateway_addons.adapters.journal.segments import CHECKPOINTS, lines, segments
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.journal.findings import Finding, PurgedRange, Resumption
from gateway_addons.core.journal.keys import key_id, public_from_text, signed_by
from gateway_addons.core.journal.line import Line, NotALine, read_line
from gateway_addons.core.journal.seals import Seals


@dataclass(slots=True)
class Told:
    """What was read; `seals` by chain, `keys` those that signed or were brought in by a signed line."""

    keys: list[str]
    seals: dict[str, Seals] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    count: int = 0
    last_at: datetime | None = None
    last_hash: str = ""

    def of(self, chain: str) -> Seals:
        """The seals of a chain."""
        return self.seals.setdefault(chain, Seals())


@dataclass(frozen=True, slots=True)
class _Placed:
    segment: str
    number: int
    line: Line


def read_checkpoints(folder: Path, keys: Sequence[Ed25519PublicKey]) -> Told:
    """Read the chain of checkpoints. Faults of the chain itself are `ChainCheck`'s to find; here are those of signatures.

    Raises:
        OSError: a file cannot be read.
        ValueError: it holds something longer than a line.
    """
    told = Told([key_id(key) for key in keys])
    current = signers = list(keys)
    last: _Placed | None = None
    for last in _placed(folder):
        signers = current
        fields = last.line.fields() if last.line.kind != "segment" else {}
        if last.line.kind == "scellement":
            _take_seal(told, last.line, fields)
        elif last.line.kind == "purge":
            _check_signature(told, last, current)
            _take_purge(told, fields)
        elif last.line.kind == "retablissement":
            _check_signature(told, last, current)
            _take_resumption(told, fields)
        elif last.line.kind == "cle":
            current = _take_key(told, last, fields, current)
    if last is not None:
        _check_signature(told, last, signers)
    return told


def last_seal(folder: Path) -> dict[str, dict[str, Any]]:
    """Of each writer the segment, number and hash that the last checkpoint names; empty when there is none."""
    for file in reversed(segments(folder / CHECKPOINTS)):
        heads: dict[str, dict[str, Any]] = {}
        for _, raw in lines(file):
            with suppress(NotALine):
                line = read_line(raw)
                heads = line.fields()["redacteurs"] if line.kind == "scellement" else heads
        if heads:
            return heads
    return {}


def lost_seal(folder: Path) -> str | None:
    """Which line was sealed last and is not there any more, or is another; None when all are.

    Raises:
        JournalUnavailable: a file cannot be read.
    """
    try:
        for writer, head in last_seal(folder).items():
            if not _holds(folder / writer / str(head["segment"]), int(head["seq"]), str(head["hash"])):
                return f"{writer}: line {head['seq']} was sealed and is gone, or is another"
    except (OSError, ValueError) as e:
        raise JournalUnavailable(f"{folder}: {e}") from e
    return None


def _holds(file: Path, seq: int, digest: str) -> bool:
    begins, ends = b'{"seq":%d,' % seq, f'"hash":"{digest}"}}\n'.encode()
    return file.exists() and any(raw.startswith(begins) and raw.endswith(ends) for _, raw in lines(file))


def _placed(folder: Path) -> Iterator[_Placed]:
    for file in segments(folder / CHECKPOINTS):
        for number, (_, raw) in enumerate(lines(file), 1):
            try:
                yield _Placed(file.name, number, read_line(raw))
            except NotALine:
                continue  # ChainCheck tells


def _take_seal(told: Told, line: Line, fields: dict[str, Any]) -> None:
    told.count += 1
    told.last_at, told.last_hash = moment(fields["horodatage"]), line.hash
    for chain, head in fields["redacteurs"].items():
        told.of(chain).add(int(head["seq"]), str(head["hash"]), str(head["segment"]))


def _take_purge(told: Told, fields: dict[str, Any]) -> None:
    for chain, ranges in fields["purges"].items():
        for gone in ranges:
            told.of(chain).purged[int(gone["premier"])] = PurgedRange(
                int(gone["premier"]), str(gone["hashPrecedent"]), int(gone["dernier"]), str(gone["hash"]))


def _take_resumption(told: Told, fields: dict[str, Any]) -> None:
    who = f"{fields['auteur']}, {fields['horodatage']}: {fields['motif']}"
    for chain, at in fields["chaines"].items():
        told.of(chain).resumed[int(at["seq"])] = Resumption(int(at["seq"]), str(at["hashPrecedent"]), who)


def _take_key(told: Told, at: _Placed, fields: dict[str, Any], current: list[Ed25519PublicKey]) -> list[Ed25519PublicKey]:
    """From this line on the new key signs, and no other: the old one may be in other hands by now."""
    new = public_from_text(str(fields["clePublique"]))
    if key_id(new) not in told.keys:
        _check_signature(told, at, current)
        told.keys.append(key_id(new))
    return [new]


def _check_signature(told: Told, at: _Placed, keys: Sequence[Ed25519PublicKey]) -> None:
    if signed_by(at.line, keys) is None:
        told.findings.append(Finding(CHECKPOINTS, at.segment, at.number, at.line.seq, "signature",
                                     f"no known key signed checkpoint line {at.line.seq} and, with it, those before"))
