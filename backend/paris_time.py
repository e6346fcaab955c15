"""Time as the API shows it: Europe/Paris with its offset, to the second (domain model, section 1)."""

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")

type Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The system's clock, aware."""
    return datetime.now(UTC)


def timestamp(now: datetime) -> str:
    """`2026-03-31T18:04:11+02:00` for an aware `now`."""
    return now.astimezone(PARIS).isoformat(timespec="seconds")
