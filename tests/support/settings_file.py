"""A `gateway.yaml` for commands that look at folders only: nothing in it is ever connected to."""

from pathlib import Path
from typing import Any

import yaml

EXAMPLE = Path(__file__).resolve().parents[2] / "config" / "gateway.yaml"


def write_settings(folder: Path, **bend: Any) -> Path:
    """The example of the settings, with journal and state below `folder`; its path."""
    document = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    document["journal"] |= {"folder": "journal", "signing_key_file": "journal.key"}
    document["state"] = {"folder": "state"}
    document.pop("detection", None)
    file = folder / "gateway.yaml"
    file.write_text(yaml.safe_dump(document | bend), encoding="utf-8")
    return file
