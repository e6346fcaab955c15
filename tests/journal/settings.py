"""The journal's settings, for tests."""

from pathlib import Path
from typing import Any

from gateway_addons.settings.journal import JournalSettings

KEPT = {category: {"months": 12, "justification": "for a test"} for category in ("calls", "acts", "checkpoints")}


def journal_settings(folder: Path, key_file: Path | None = None, **more: Any) -> JournalSettings:
    return JournalSettings.model_validate(
        {"folder": folder, "signing_key_file": key_file or folder.with_name("journal.key"), "retention": KEPT} | more)
