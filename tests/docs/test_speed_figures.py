"""docs/performance.md tells the run that lies in benchmarks/results, and no other."""

import pytest

from benchmarks.speed.page import PAGE, current, page


def test_the_page_has_the_figures_of_the_result() -> None:
    """To mend it: python -m benchmarks.speed.page"""
    assert PAGE.read_text(encoding="utf-8") == current()


def test_a_page_without_a_place_for_them_is_told() -> None:
    with pytest.raises(ValueError, match="no block"):
        page("nothing", "figures")
