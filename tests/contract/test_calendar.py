"""The calendar of the terms of use: the vectors of the clause table, and the same dates in Rego."""

import json
import subprocess
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_addons.core.contract.calendar import (
    easter,
    holidays,
    is_working_day,
    minus_working_days,
    plus_mois,
    purge_due,
    questionnaire_due,
    renewal_due,
    termination_effective,
)
from tests.policy.opa_server import ROOT, opa_binary

D = date.fromisoformat


@pytest.mark.parametrize(("end", "due"), [
    ("2026-12-31", "2026-09-30"), ("2027-05-31", "2027-02-28"), ("2028-05-31", "2028-02-29"), ("2026-03-15", "2025-12-15")])
def test_renewal_due(end: str, due: str) -> None:
    assert renewal_due(D(end)) == D(due)


def test_questionnaire_due() -> None:
    assert questionnaire_due(D("2024-02-29")) == D("2027-02-28")


def test_purge_due() -> None:
    assert purge_due(D("2026-11-23")) == D("2032-11-23")


@pytest.mark.parametrize(("notified", "end"), [("2026-06-30", "2026-08-30"), ("2026-12-31", "2027-02-28")])
def test_termination_effective(notified: str, end: str) -> None:
    assert termination_effective(D(notified)) == D(end)


@pytest.mark.parametrize(("application", "nominal", "urgent"), [
    ("2026-05-18", "2026-04-23", "2026-05-05"), ("2026-06-01", "2026-05-07", "2026-05-20"),
    ("2027-01-04", "2026-12-11", "2026-12-22")])
def test_notice_of_a_change(application: str, nominal: str, urgent: str) -> None:
    assert minus_working_days(D(application), 14) == D(nominal)
    assert minus_working_days(D(application), 7) == D(urgent)


@pytest.mark.parametrize(("year", "day"), [(2000, "2000-04-23"), (2008, "2008-03-23"), (2019, "2019-04-21"),
                                           (2026, "2026-04-05"), (2027, "2027-03-28"), (2038, "2038-04-25")])
def test_easter(year: int, day: str) -> None:
    assert easter(year) == D(day)


def test_the_eleven_holidays() -> None:
    assert sorted(d.isoformat()[5:] for d in holidays(2026)) == [
        "01-01", "04-06", "05-01", "05-08", "05-14", "05-25", "07-14", "08-15", "11-01", "11-11", "12-25"]


@pytest.mark.parametrize(("first", "days"), [("2026-01-01", 63), ("2026-04-01", 60), ("2026-07-01", 65), ("2026-10-01", 64)])
def test_working_days_of_the_quarters_of_2026(first: str, days: int) -> None:
    end = plus_mois(D(first), 3)
    assert sum(is_working_day(D(first) + timedelta(days=n)) for n in range((end - D(first)).days)) == days


def in_rego(expression: str, value: object) -> object:
    done = subprocess.run(
        [str(opa_binary()), "eval", "--format=json", "--stdin-input", "--data",
         str(ROOT / "policies" / "poterne" / "calendar" / "calendar.rego"), expression],
        input=json.dumps(value), capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)["result"][0]["expressions"][0]["value"]


shifts = st.tuples(st.dates(date(1900, 1, 1), date(2199, 12, 31)), st.integers(-600, 600)).filter(
    lambda t: t[0].year + t[1] // 12 - 1 >= 1)


@settings(max_examples=20, deadline=None)
@given(st.lists(shifts, min_size=1, max_size=200))
def test_months_are_shifted_alike_in_python_and_in_rego(pairs: list[tuple[date, int]]) -> None:
    found = in_rego("[data.poterne.calendar.plus_months(p[0], p[1]) | some p in input.pairs]",
                    {"pairs": [(day.isoformat(), months) for day, months in pairs]})
    assert found == [plus_mois(day, months).isoformat() for day, months in pairs]
