"""A mint for each test."""

from pathlib import Path

import pytest

from tests.identity.forge import Mint


@pytest.fixture
def mint(tmp_path: Path) -> Mint:
    return Mint(tmp_path / "ring")
