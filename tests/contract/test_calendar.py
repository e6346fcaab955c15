"""The calendar of the terms of use and that of Rego shift months alike; the vectors are in vectors.yaml."""

import json
import subprocess
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_addons.core.contract.calendar import plus_mois
from tests.policy.opa_server import ROOT, opa_binary


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
