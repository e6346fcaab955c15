"""Legal holds: acts of the operator's chain, put up by one and taken away by another."""

from datetime import datetime
from pathlib import Path

from gateway_addons.adapters.journal.reader import moment, whole_lines
from gateway_addons.adapters.journal.segments import OPERATOR, segments
from gateway_addons.core.journal.retention import Hold

HOLD, RELEASE = "journal.hold", "journal.release"


def holds(folder: Path) -> dict[str, Hold]:
    """The holds that stand, by their id.

    Raises:
        JournalUnavailable: the operator's chain cannot be read.
    """
    return {hold.id: hold for hold, _ in _standing(folder).values()}


def segments_of_holds(folder: Path) -> set[str]:
    """The operator's segments in which a standing hold was put up; without them it would be forgotten."""
    return {segment for _, segment in _standing(folder).values()}


def _standing(folder: Path) -> dict[str, tuple[Hold, str]]:
    found: dict[str, tuple[Hold, str]] = {}
    for file in segments(folder / OPERATOR):
        for _, line in whole_lines(file):
            fields = line.fields()
            if fields.get("acte") == HOLD:
                about = fields["sujet"]
                end = about.get("au")
                found[fields["acteId"]] = (Hold(fields["acteId"], moment(about["du"]), moment(end) if end else None,
                                                fields["motif"], fields["acteur"]["nom"]), file.name)
            elif fields.get("acte") == RELEASE:
                found.pop(fields["sujet"]["gel"], None)
    return found


def told_until(end: datetime | None) -> str:
    """The end of a hold for a table."""
    return f"{end:%Y-%m-%d}" if end else "open"
