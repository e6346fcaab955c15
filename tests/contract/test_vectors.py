"""The reference vectors of the terms of use, on the calendar in Python."""

from datetime import timedelta
from typing import Any

import pytest

from gateway_addons.core.contract import calendar
from gateway_addons.core.contract.life import Changement
from gateway_addons.core.contract.readings import Maintenance
from tests.contract.vectors import TABLE

type Row = dict[str, Any]


def rows(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", TABLE[name], ids=lambda row: " ".join(str(v) for v in row.values())[:40])


@rows("renewal_due")
def test_renewal_due(row: Row) -> None:
    assert calendar.renewal_due(row["end"]) == row["due"]


@rows("questionnaire_due")
def test_questionnaire_due(row: Row) -> None:
    assert calendar.questionnaire_due(row["returned"]) == row["due"]


@rows("termination_effective")
def test_termination_effective(row: Row) -> None:
    assert calendar.termination_effective(row["notified"]) == row["effective"]


@rows("purge_due")
def test_purge_due(row: Row) -> None:
    assert calendar.purge_due(row["ended"]) == row["purged"]


@rows("change_notice")
@pytest.mark.parametrize(("kind", "days"), [("nominal", 14), ("urgent", 7)])
def test_change_notice(row: Row, kind: str, days: int) -> None:
    """Announced on the latest day it may be applied; a day later not."""
    latest = row[kind]
    assert calendar.minus_working_days(row["applied"], days) == latest
    change = {"id": "C-1", "type": {"nominal": "nominal", "urgent": "urgence"}[kind], "courriel_message_id": "<1@x>",
              "application_le": row["applied"]}
    Changement.model_validate(change | {"annonce_le": latest})
    with pytest.raises(ValueError, match=f"9.3-c.*by {latest}"):
        Changement.model_validate(change | {"annonce_le": latest + timedelta(days=1)})


@rows("holidays")
def test_holidays(row: Row) -> None:
    assert sorted(calendar.holidays(row["year"])) == row["days"]


@rows("easter")
def test_easter(row: Row) -> None:
    assert calendar.easter(row["year"]) == row["day"]


@rows("maintenance_windows")
def test_maintenance_windows(row: Row) -> None:
    start, end = calendar.maintenance_window(row["within"])
    assert (end - start) == timedelta(hours=row["hours"])
    assert start <= row["within"] < end


@rows("maintenance_slots")
def test_maintenance_slots(row: Row) -> None:
    slot = {"du": row["from"], "au": row["to"]}
    if row["good"]:
        Maintenance.model_validate(slot)
    else:
        with pytest.raises(ValueError, match="11-b"):
            Maintenance.model_validate(slot)


@rows("breach_notice")
def test_breach_notice(row: Row) -> None:
    assert calendar.breach_notice_due(row["known"]) == row["due"]


@rows("quarters")
def test_quarters(row: Row) -> None:
    days = calendar.working_days_between(row["first"], calendar.plus_mois(row["first"], 3))
    assert (days, round(calendar.coverage_rate(days, 24), 2)) == (row["days"], row["rate"])


@rows("coverage")
def test_coverage(row: Row) -> None:
    assert round(calendar.coverage_rate(row["days"], row["outage"]), 2) == row["rate"]


@rows("accounts_closed")
def test_accounts_closed(row: Row) -> None:
    assert calendar.accounts_closed_by(row["exercice"]) == row["day"]
