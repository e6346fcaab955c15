"""Deadlines of the terms of use, as dates of Europe/Paris (clauses 3.4.1-d, 3.4.2-e, 6.8-b, 9.3-c, 14-d)."""

import calendar
from datetime import date, timedelta


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
