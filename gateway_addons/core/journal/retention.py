"""Which segments may be removed: what is older than its category is kept, is sealed, and that nobody holds (clause 5.1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Why = Literal["due", "young", "last", "not sealed", "held"]


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold: nothing of this period is removed until it is released. Without an end it holds whatever comes."""

    id: str
    start: datetime
    end: datetime | None
    reason: str
    author: str


@dataclass(frozen=True, slots=True)
class SegmentSpan:
    """A segment: its lines, and from when to when they were written (the next segment's first moment)."""

    name: str
    first_seq: int
    last_seq: int
    begun: datetime
    ended: datetime


def keep_until(moment: datetime, months: int) -> datetime:
    """`months` calendar months later; the last day of a shorter month."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    for day in (moment.day, 30, 29, 28):
        try:
            return moment.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    raise ValueError(f"{moment} and {months} months")


def judge(spans: Sequence[SegmentSpan], months: int, now: datetime, sealed_seq: int,
          holds: Iterable[Hold]) -> list[tuple[SegmentSpan, Why]]:
    """Each segment of a chain, and whether it is due. The last one never is: the chain goes on from it."""
    held = list(holds)
    told: list[tuple[SegmentSpan, Why]] = []
    for number, span in enumerate(spans):
        if number + 1 == len(spans):
            why: Why = "last"
        elif keep_until(span.ended, months) > now:
            why = "young"
        elif span.last_seq > sealed_seq:
            why = "not sealed"
        elif any(hold.start < span.ended and (hold.end is None or hold.end > span.begun) for hold in held):
            why = "held"
        else:
            why = "due"
        told.append((span, why))
    return told
