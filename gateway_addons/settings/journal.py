"""Where the journal is written, and when a new segment begins."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from gateway_addons.settings.values import Frozen


class JournalSettings(Frozen):
    """The folder of all chains, one for each writer.

    A segment ends with its day (UTC) and above `segment_max_bytes`. Below `reserve_bytes` of free disk no new call goes on,
    so that the calls under way can still be concluded.
    """

    folder: Path
    segment_max_bytes: Annotated[int, Field(ge=1 << 16, le=1 << 32)] = 64 << 20
    reserve_bytes: Annotated[int, Field(ge=0)] = 64 << 20
