"""The figures of docs/hostile.md are those of the results."""

import pytest

from benchmarks.hostile_page import PAGE, current, page


def test_the_page_has_the_figures_of_the_results() -> None:
    """To mend it: python -m benchmarks.hostile_page"""
    assert current() == PAGE.read_text(encoding="utf-8")


def test_a_page_without_its_place_is_told() -> None:
    with pytest.raises(ValueError, match="no block flood"):
        page("nothing", {"flood": "x"})
