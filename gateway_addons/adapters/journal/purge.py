"""Removes whole segments that are older than they may be kept, so that the chain still verifies.

First a signed line in the chain of checkpoints says which lines go, by whom and why, with the hashes at their ends; only
when it is on the disk are the files removed. It repeats all earlier ranges, so that old checkpoints can go too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from gateway_addons.adapters.journal.checkpoint_reader import Told, read_checkpoints
from gateway_addons.adapters.journal.checkpoints import append_sealed
from gateway_addons.adapters.journal.holds import holds, segments_of_holds
from gateway_addons.adapters.journal.key_files import load_key
from gateway_addons.adapters.journal.reader import moment, whole_lines
from gateway_addons.adapters.journal.segments import CHECKPOINTS, OPERATOR, last_line, segments, sync_folder, writers
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.facts import rfc3339
from gateway_addons.core.journal.line import NotALine, read_line
from gateway_addons.core.journal.retention import SegmentSpan, Why, judge
from gateway_addons.settings.journal import JournalSettings, Retention


@dataclass(frozen=True, slots=True)
class Judged:
    """One segment and what becomes of it."""

    chain: str
    span: SegmentSpan
    why: Why


def plan(settings: JournalSettings, now: datetime) -> list[Judged]:
    """Every segment with its verdict.

    Raises:
        JournalUnavailable: the journal cannot be read, or its checkpoints are not signed by the settings' key.
    """
    folder = settings.folder
    told = _checkpoints(settings)
    standing, needed = list(holds(folder).values()), segments_of_holds(folder)
    judged: list[Judged] = []
    for chain in [*writers(folder), CHECKPOINTS]:
        spans = _spans(folder / chain)
        sealed = spans[-1].last_seq if chain == CHECKPOINTS and spans else told.of(chain).last
        for span, why in judge(spans, _of(settings, chain).months, now, sealed, standing):
            kept = chain == OPERATOR and span.name in needed and why == "due"
            judged.append(Judged(chain, span, "held" if kept else why))
    return judged


def purge(settings: JournalSettings, due: Sequence[Judged], author: str, reason: str) -> None:
    """Remove these segments. Done twice, or half and then again, it does the same.

    Raises:
        JournalUnavailable: the signed line is not on the disk (nothing was removed), or a file could not be removed.
    """
    folder = settings.folder
    ranges = {chain: [_told_range(gone) for gone in seals.purged.values()]
              for chain, seals in _checkpoints(settings).seals.items() if seals.purged}
    named: list[dict[str, Any]] = []
    for one in due:
        gone = _range(folder / one.chain, one.span)
        if gone not in ranges.setdefault(one.chain, []):
            ranges[one.chain].append(gone)
        rule = _of(settings, one.chain)
        size = (folder / one.chain / one.span.name).stat().st_size
        named.append({"chaine": one.chain, "segment": one.span.name, "octets": size, "du": rfc3339(one.span.begun),
                      "au": rfc3339(one.span.ended), "mois": rule.months, "justification": rule.justification})
    append_sealed(folder, settings.signing_key_file, {
        "type": "purge", "horodatage": rfc3339(datetime.now(UTC)), "auteur": author, "motif": reason, "segments": named,
        "purges": {chain: _merged(found) for chain, found in ranges.items()}})
    try:
        for one in due:
            (folder / one.chain / one.span.name).unlink(missing_ok=True)
        for chain in {one.chain for one in due}:
            sync_folder(folder / chain)
    except OSError as e:
        raise JournalUnavailable(f"{folder}: {e.strerror}; the purge is signed, run it again") from e


def _checkpoints(settings: JournalSettings) -> Told:
    told = read_checkpoints(settings.folder, [load_key(settings.signing_key_file).public])
    if told.findings:
        raise JournalUnavailable(f"{told.findings[0].text}; nothing is removed from a journal that does not verify")
    return told


def _of(settings: JournalSettings, chain: str) -> Retention:
    kept = settings.retention
    return {OPERATOR: kept.acts, CHECKPOINTS: kept.checkpoints}.get(chain, kept.calls)


def _spans(chain: Path) -> list[SegmentSpan]:
    """Of each segment its lines and its time; the last one ends now, whatever is in it."""
    heads: list[tuple[Path, int, datetime]] = []
    for file in segments(chain):
        first = next(whole_lines(file), None)
        if first is not None:
            heads.append((file, first[1].seq, moment(first[1].fields()["horodatage"])))
    spans = [SegmentSpan(a[0].name, a[1], _last_seq(a[0]), a[2], b[2]) for a, b in pairwise(heads)]
    if heads:
        file, seq, begun = heads[-1]
        spans.append(SegmentSpan(file.name, seq, _last_seq(file), begun, datetime.max.replace(tzinfo=UTC)))
    return spans


def _last_seq(file: Path) -> int:
    try:
        return read_line(last_line(file) or b"").seq
    except NotALine as e:
        raise JournalUnavailable(f"{file.parent.name}/{file.name}: {e}; ask `poterne journal verify`") from e


def _range(chain: Path, span: SegmentSpan) -> dict[str, Any]:
    file = chain / span.name
    first = next(whole_lines(file))[1]
    try:
        last = read_line(last_line(file) or b"")
    except NotALine as e:
        raise JournalUnavailable(f"{chain.name}/{span.name}: {e}") from e
    return {"premier": first.seq, "hashPrecedent": first.previous, "dernier": last.seq, "hash": last.hash}


def _told_range(gone: Any) -> dict[str, Any]:
    return {"premier": gone.first, "hashPrecedent": gone.previous, "dernier": gone.last, "hash": gone.hash}


def _merged(ranges: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ranges that follow each other become one, so that the line does not grow for ever."""
    merged: list[dict[str, Any]] = []
    for one in sorted(ranges, key=lambda r: int(r["premier"])):
        if merged and merged[-1]["dernier"] + 1 == one["premier"] and merged[-1]["hash"] == one["hashPrecedent"]:
            merged[-1] = merged[-1] | {"dernier": one["dernier"], "hash": one["hash"]}
        elif not merged or one["premier"] > merged[-1]["dernier"]:
            merged.append(one)
    return merged
