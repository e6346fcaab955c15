"""Where the journal is written."""

from pathlib import Path

from gateway_addons.settings.values import Frozen


class JournalSettings(Frozen):
    """The file that receives one JSON line for each call."""

    file: Path
