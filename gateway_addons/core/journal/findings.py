"""What verification can find wrong with a chain, and what it tells of a whole one."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["alteration", "deletion", "reordering", "truncation", "insertion", "duplication", "missing_segment", "signature"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: where it is seen (`segment`, `line` of that file from 1), which record it concerns (`seq`), what it is."""

    chain: str
    segment: str
    line: int
    seq: int
    kind: Kind
    text: str
    declared: str | None = None
    """Who declared it under the key's signature, when and why; None while nobody has."""


@dataclass(slots=True)
class ChainReport:
    """One chain. Lines after `sealed_seq` are whole, but no checkpoint vouches for them yet."""

    chain: str
    segments: int = 0
    lines: int = 0
    last_seq: int = 0
    sealed_seq: int = 0
    torn_bytes: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def open_findings(self) -> list[Finding]:
        """Faults that nobody has declared."""
        return [finding for finding in self.findings if finding.declared is None]

    @property
    def unsealed(self) -> int:
        """How many lines no checkpoint vouches for yet."""
        return max(0, self.last_seq - self.sealed_seq)


@dataclass(frozen=True, slots=True)
class Resumption:
    """Where a damaged chain goes on, by an operator's signed decision; `told` is who, when and why."""

    seq: int
    previous: str
    told: str


@dataclass(frozen=True, slots=True)
class PurgedRange:
    """Lines that were removed by right: a signed line of the checkpoints tells their ends."""

    first: int
    previous: str
    last: int
    hash: str
