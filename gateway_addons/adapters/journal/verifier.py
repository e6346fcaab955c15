"""Verifies a whole journal, offline and with public keys alone: first the checkpoints, then every writer against them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway_addons.adapters.journal.checkpoint_reader import read_checkpoints
from gateway_addons.adapters.journal.segments import CHECKPOINTS, OPERATOR, first_seq, lines, segments, writers
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.journal.chain_check import ChainCheck
from gateway_addons.core.journal.findings import ChainReport, Finding
from gateway_addons.core.journal.line import Line
from gateway_addons.core.journal.seals import Seals

Progress = Callable[[int], None]
"""Is told how many bytes more were read."""

_TELL_EVERY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Report:
    """The whole journal: `chains[0]` are the checkpoints; `keys` names those that a given key vouches for."""

    chains: list[ChainReport]
    checkpoints: int
    last_checkpoint: datetime | None
    last_checkpoint_hash: str
    keys: list[str]

    @property
    def findings(self) -> list[Finding]:
        """All faults."""
        return [finding for chain in self.chains for finding in chain.findings]

    @property
    def open_findings(self) -> list[Finding]:
        """Faults that nobody has declared."""
        return [finding for finding in self.findings if finding.declared is None]


def journal_bytes(folder: Path) -> int:
    """How much there is to read."""
    return sum(file.stat().st_size for chain in [CHECKPOINTS, *writers(folder)] for file in segments(folder / chain))


def verify(folder: Path, keys: Sequence[Ed25519PublicKey], progress: Progress = lambda _: None) -> Report:
    """Read every line of every chain.

    Raises:
        JournalUnavailable: there is no journal, or a file cannot be read.
    """
    if not writers(folder) and not (folder / CHECKPOINTS).is_dir():
        raise JournalUnavailable(f"{folder}: no journal is there")
    try:
        told = read_checkpoints(folder, keys)
        own = _read_chain(folder / CHECKPOINTS, told.seals.get(CHECKPOINTS, Seals()), progress)
        own.findings.extend(told.findings)
        own.sealed_seq = own.last_seq if not own.findings else 0
        report = Report([own], told.count, told.last_at, told.last_hash, told.keys)
        for writer in sorted({*writers(folder), *told.seals} - {CHECKPOINTS}):
            report.chains.append(_read_chain(folder / writer, told.seals.get(writer, Seals()), progress))
        if not told.count and (unsealed := [c.chain for c in report.chains[1:] if c.lines and c.chain != OPERATOR]):
            own.findings.append(Finding(CHECKPOINTS, "", 0, 0, "missing_segment", "no checkpoint is there, so nothing vouches "
                                        f"for {', '.join(unsealed)}: a gateway seals before it writes the first line"))
    except (OSError, ValueError) as e:
        raise JournalUnavailable(f"{folder}: {e}") from e
    return report


def _read_chain(chain: Path, seals: Seals, progress: Progress) -> ChainReport:
    files = segments(chain)
    check = ChainCheck(chain.name, seals, frozenset(f.name for f in files), lambda name, line: _met_before(files, name, line))
    read = 0
    for number, file in enumerate(files):
        check.begin(file.name)
        for offset, raw in lines(file):
            check.take(raw, partial(_ahead, files[number:], offset + len(raw)))
            read += len(raw)
            if read >= _TELL_EVERY_BYTES:
                progress(read)
                read = 0
            if check.full:
                return check.end()
    progress(read)
    return check.end()


def _ahead(files: Sequence[Path], offset: int) -> Iterator[bytes]:
    for file in files:
        for _, raw in lines(file, offset):
            yield raw
        offset = 0


def _met_before(files: Sequence[Path], segment: str, line: Line) -> bool:
    """Is this very line, met in `segment`, also where its number says that it is?"""
    holding = [file for file in files if first_seq(file.name) <= line.seq]
    times = sum(raw == line.raw for _, raw in lines(holding[-1])) if holding else 0
    return times > (1 if holding and holding[-1].name == segment else 0)
