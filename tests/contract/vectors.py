"""The table of reference vectors, for both sides."""

from pathlib import Path
from typing import Any

from gateway_addons.adapters.policy import strict_yaml

FILE = Path(__file__).with_name("vectors.yaml")
TABLE: dict[str, list[dict[str, Any]]] = strict_yaml.read(FILE.read_text(encoding="utf-8"))
