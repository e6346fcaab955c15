"""What a bundle of evidence proves: that records stood at their place in a chain that a checkpoint has sealed.

A proof is the chain itself from the first record of the period to the first line that a signed checkpoint names. A line is
given whole, or withheld: then its number and the two hashes stay, so that the chain can still be followed, and nothing of
what it says.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway_addons.core.journal.line import Line, NotALine, read_line


class EvidenceRefused(ValueError):
    """The bundle does not prove what it says; the message names the first place."""


@dataclass(frozen=True, slots=True)
class ProvenLine:
    """A line of a proof: where it stands, and its bytes unless they are withheld."""

    seq: int
    hash: str
    raw: bytes | None


def shown(line: Line) -> dict[str, Any]:
    """The line, whole."""
    return {"ligne": line.raw.decode("utf-8")}


def withheld(line: Line) -> dict[str, Any]:
    """The line's place in the chain, without what it says."""
    return {"seq": line.seq, "hashPrecedent": line.previous, "hash": line.hash}


def follow(writer: str, proof: Iterable[Mapping[str, Any]]) -> Iterator[ProvenLine]:
    """The lines of one writer's proof, each checked to follow the one before.

    Raises:
        EvidenceRefused: a line is not what was hashed, or does not follow.
    """
    before: tuple[int, str] | None = None
    for told in proof:
        seq, previous, digest, raw = _read(writer, told)
        if before is not None and (seq, previous) != (before[0] + 1, before[1]):
            raise EvidenceRefused(f"{writer}: line {seq} does not follow line {before[0]}")
        before = (seq, digest)
        yield ProvenLine(seq, digest, raw)


def _read(writer: str, told: Mapping[str, Any]) -> tuple[int, str, str, bytes | None]:
    if set(told) == {"ligne"} and isinstance(told["ligne"], str):
        try:
            line = read_line(told["ligne"].encode("utf-8"))
        except (NotALine, UnicodeEncodeError) as e:
            raise EvidenceRefused(f"{writer}: a line of the proof is not what was written: {e}") from e
        return line.seq, line.previous, line.hash, line.raw
    if set(told) == {"seq", "hashPrecedent", "hash"} and type(told["seq"]) is int:
        return told["seq"], str(told["hashPrecedent"]), str(told["hash"]), None
    raise EvidenceRefused(f"{writer}: something in the proof is no line")
