"""Amounts are exact: no string of the form is read as another number of centimes."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from backend.amounts import centimes


@given(st.integers(min_value=-(10**17) + 1, max_value=10**17 - 1))
def test_every_amount_is_read_exactly(amount: int) -> None:
    text = f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02d}"
    assert centimes(text) == amount


@given(st.one_of(st.text(), st.from_regex(r"-?[0-9]{0,17}[.,]?[0-9]{0,3}"), st.integers(), st.floats(), st.none()))
def test_nothing_else_is_read(value: object) -> None:
    try:
        found = centimes(value)
    except PydanticCustomError:
        return
    assert isinstance(value, str)
    assert value.isascii()
    assert Decimal(value) * 100 == found


@pytest.mark.parametrize("value", ["1.00\n", " 1.00", "+1.00", "1.000", ".00", "١.00", "1e3", "1_0.00", "", b"1.00", 1, 1.0])
def test_near_misses(value: object) -> None:
    with pytest.raises(PydanticCustomError):
        centimes(value)
