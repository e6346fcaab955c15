"""Deadlines of the terms of use, as dates of Europe/Paris (clauses 3.4.1-d, 3.4.2-e, 6.6-a, 6.8-b, 9.3-c, 11, 14-d)."""

import calendar
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
MAINTENANCE_FROM, MAINTENANCE_TO = time(23), time(6)
MAINTENANCE_HOURS = 2
COVERAGE_HOURS_A_DAY = 13
"""7:00 to 20:00 (11-c)."""


def plus_mois(day: date, months: int) -> date:
    """The same day number `months` later (earlier when negative), or the last day of a month that has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def easter(year: int) -> date:
    """Easter Sunday, Gregorian calendar (Meeus/Jones/Butcher)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    el = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * el) // 451
    month, day = divmod(h + el - 7 * m + 114, 31)
    return date(year, month, day + 1)


def holidays(year: int) -> frozenset[date]:
    """The eleven French public holidays (Code du travail, L3133-1)."""
    fixed = [(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)]
    sunday = easter(year)
    movable = [sunday + timedelta(days=n) for n in (1, 39, 50)]
    return frozenset([date(year, month, day) for month, day in fixed] + movable)


def is_working_day(day: date) -> bool:
    """Monday to Friday, not a public holiday (AMB-4)."""
    return day.weekday() < 5 and day not in holidays(day.year)


def minus_working_days(day: date, count: int) -> date:
    """`count` working days before `day`, which is not counted itself (9.3-c, AMB-4)."""
    while count > 0:
        day -= timedelta(days=1)
        if is_working_day(day):
            count -= 1
    return day


def renewal_due(end_of_validity: date) -> date:
    """By when the next attestation of security must have been received (3.4.1-d)."""
    return plus_mois(end_of_validity, -3)


def questionnaire_due(returned: date) -> date:
    """By when the questionnaire must be updated (3.4.2-e)."""
    return plus_mois(returned, 36)


def termination_effective(notified: date) -> date:
    """From when a terminated exchange has ended (14-d)."""
    return plus_mois(notified, 2)


def purge_due(ended: date) -> date:
    """When the DataPass data are purged (6.8-b)."""
    return plus_mois(ended, 72)


def days_later(day: date, count: int) -> date:
    """`count` days later."""
    return day + timedelta(days=count)


def paris_day(moment: datetime) -> date:
    """The day in Paris."""
    return moment.astimezone(PARIS).date()


def midnight_in_paris(day: date) -> datetime:
    """When that day begins in Paris, in UTC."""
    return datetime.combine(day, time(), PARIS).astimezone(UTC)


def breach_notice_due(known: datetime) -> datetime:
    """By when the CNIL is notified: 72 elapsed hours, whatever the clocks do (6.6-a)."""
    return known.astimezone(UTC) + timedelta(hours=72)


def accounts_closed_by(exercice: int) -> date:
    """By when the compte financier is closed: 75 days after the end of the exercice (GBCP, art. 212)."""
    return date(exercice, 12, 31) + timedelta(days=75)


def maintenance_window(moment: datetime) -> tuple[datetime, datetime]:
    """From when to when maintenance is possible in the night that this moment belongs to (11-b), in UTC.

    A moment after 06:00 belongs to the night that follows. The window lasts 6 or 8 hours when the clocks change.
    """
    local = moment.astimezone(PARIS)
    evening = local.date() - timedelta(days=1) if local.time() < MAINTENANCE_TO else local.date()
    start = datetime.combine(evening, MAINTENANCE_FROM, PARIS)
    end = datetime.combine(evening + timedelta(days=1), MAINTENANCE_TO, PARIS)
    return start.astimezone(UTC), end.astimezone(UTC)


def coverage_rate(working_days: int, outage_hours: int) -> float:
    """The share of the coverage hours of so many working days that an outage leaves, in percent (11-i)."""
    hours = working_days * COVERAGE_HOURS_A_DAY
    return 100 * (hours - outage_hours) / hours


def working_days_between(first: date, after: date) -> int:
    """How many working days from `first` to the day before `after`."""
    return sum(is_working_day(first + timedelta(days=n)) for n in range((after - first).days))
