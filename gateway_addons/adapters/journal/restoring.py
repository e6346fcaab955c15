"""The way back after a stop: what is damaged is declared under the key's signature, nothing of it is removed, and each
damaged chain goes on in a new segment (DICP I3). Only then is the stop taken away.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway_addons.adapters.journal.acts import record_act
from gateway_addons.adapters.journal.chain import Chain
from gateway_addons.adapters.journal.checkpoints import CheckpointMaker, append_sealed
from gateway_addons.adapters.journal.key_files import load_key
from gateway_addons.adapters.journal.segments import CHECKPOINTS, last_line, lines, segments
from gateway_addons.adapters.journal.stop_marker import resume, stopped
from gateway_addons.adapters.journal.verifier import Report, verify
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.facts import rfc3339
from gateway_addons.core.journal.act import Act
from gateway_addons.core.journal.findings import ChainReport
from gateway_addons.core.journal.line import GENESIS, NotALine, read_line
from gateway_addons.settings.journal import JournalSettings


@dataclass(frozen=True, slots=True)
class Restored:
    """What was stopped, why, and which chains go on in a new segment."""

    stopped_because: str | None
    report: Report
    declared: list[str]


def restore(settings: JournalSettings, act: Act, progress: Callable[[int], None] = lambda _: None) -> Restored:
    """Verify everything, declare what is damaged, begin new segments there, and let exchanges go on.

    The gateway may run meanwhile, stopped: whoever found a chain broken has given its lock back.

    Raises:
        JournalUnavailable: the checkpoints are damaged or signed by another key, a damaged chain is in use, or the disk does
            not take what must be written; the stop stays.
    """
    folder, why = settings.folder, stopped(settings.folder)
    report = verify(folder, [load_key(settings.signing_key_file).public], progress)
    damaged = [chain for chain in report.chains if chain.open_findings]
    if any(chain.chain == CHECKPOINTS for chain in damaged):
        raise JournalUnavailable("the checkpoints themselves are damaged, and nothing can be declared in them: keep the folder "
                                 "as evidence, and let the gateway begin in an empty one (docs/journal.md, the way back)")
    if damaged:
        declare(settings, act, damaged)
    record_act(folder, act.told("fait", arret=why or "aucun", chaines=", ".join(c.chain for c in damaged) or "aucune"))
    CheckpointMaker(settings, tell=False).make()
    resume(folder)
    return Restored(why, report, [c.chain for c in damaged])


def declare(settings: JournalSettings, act: Act, damaged: list[ChainReport]) -> None:
    """First the signed line, then the segments that it announces: a crash between the two is mended by doing it again."""
    resumed: dict[str, dict[str, Any]] = {}
    for chain in damaged:
        seq, previous = _end_of(settings.folder / chain.chain, chain)
        resumed[chain.chain] = {
            "seq": seq, "hashPrecedent": previous,
            "constats": [{"segment": f.segment, "ligne": f.line, "seq": f.seq, "nature": f.kind, "texte": f.text}
                         for f in chain.open_findings]}
    append_sealed(settings.folder, settings.signing_key_file, {
        "type": "retablissement", "horodatage": rfc3339(datetime.now(UTC)), "acteId": act.id, "auteur": act.author,
        "motif": act.reason, "chaines": resumed})
    for name, at in resumed.items():
        Chain(settings.folder / name).begin_anew(int(at["seq"]) - 1, str(at["hashPrecedent"]))


def _end_of(chain: Path, report: ChainReport) -> tuple[int, str]:
    """The number of the next line, behind every number that was ever used, and the hash of the last whole line."""
    highest, previous = max(report.last_seq, report.sealed_seq), GENESIS
    for file in segments(chain):
        for _, raw in lines(file):
            try:
                highest = max(highest, read_line(raw).seq)
            except NotALine:
                continue
        try:
            previous = read_line(last_line(file) or b"").hash
        except NotALine:
            continue
    return highest + 1, previous
