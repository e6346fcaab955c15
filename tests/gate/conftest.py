"""A running gate for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from tests.support.rig import Rig, running_rig

structlog.configure(processors=[structlog.processors.add_log_level, structlog.dev.ConsoleRenderer(
    exception_formatter=structlog.dev.plain_traceback)])  # the default formats every variable of every frame, for seconds


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with running_rig(tmp_path) as running:
        yield running
