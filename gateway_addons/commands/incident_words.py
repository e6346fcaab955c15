"""Moments, days and yes or no, as they are typed and as an act has them."""

from datetime import datetime
from zoneinfo import ZoneInfo

from gateway_addons.commands.terminal import fail

PARIS = ZoneInfo("Europe/Paris")


def moment_of(text: str | None, now: datetime) -> str:
    """ISO 8601 with a zone; what is typed without one is Paris, nothing is `now`."""
    if text is None:
        return now.isoformat()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{text!r} is not a moment; write it like 2026-03-31T18:04+02:00")
    return (moment if moment.tzinfo else moment.replace(tzinfo=PARIS)).isoformat()


def day_of(text: str | None, otherwise: datetime) -> datetime:
    """The beginning of a day in Paris."""
    if text is None:
        return otherwise
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=PARIS)
    except ValueError:
        fail(f"{text!r} is not a day; write it like 2026-03-31")


def word_of(yes: bool) -> str:
    """`oui` or `non`."""
    return "oui" if yes else "non"
