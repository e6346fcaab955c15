"""How the suite is run: in two parts beside each other, with the same generated examples each time.

`make test` gives the tests to two processes (pytest-xdist). Whole systems follow each other in one of them: two at once would
make both slow. Every other folder stays whole, since its tests share what its fixtures start. Both processes must find the same
tests: no name of a test may hold a moment, a random value or an address in memory.
"""

import os
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

HERE = Path(__file__).parent
WHOLE_SYSTEMS = {"crash", "e2e", "quota", "supervisor", "switch"}
"""Folders of this one whose tests start several processes and put load on them, or ask how soon something happens."""

settings.register_profile("suite", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


class Parts(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """One part for each folder; the systems are one part, whichever folder they are in."""

    def _split_scope(self, nodeid: str) -> str:
        return part_of(nodeid.partition("/")[2])


def part_of(path: str) -> str:
    """The part of a file, by its path in this folder."""
    folder = path.partition("/")[0]
    return "systems" if folder in WHOLE_SYSTEMS else folder


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Parts:
    """The longest part begins, whatever number of tests it has."""
    config.option.loadscopereorder = False
    return Parts(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In a process of several, the systems come first."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: part_of(str(item.path.relative_to(HERE))) != "systems")
