"""What explains the records of an export: the contracts as they are now, without the persons, and the revisions that are kept."""

import re
from pathlib import Path
from typing import Any

import yaml

from gateway_addons.settings.gateway import Settings

MAX_FILE_BYTES = 64 << 20

PERSONS = frozenset({"contacts", "autorite", "point_contact_droits", "par"})
"""Members of a contract that name persons."""

_ADDRESS = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")


def circumstances(settings: Settings, *, masked: bool) -> dict[str, bytes]:
    """Files for the bundle by name. Raises `OSError`, also when there is no folder of contracts."""
    if not settings.policy.contracts_folder.is_dir():
        raise FileNotFoundError(f"{settings.policy.contracts_folder} is not there")
    found = {f"conventions/{file.parent.name}/{file.name}": _contract(file, masked=masked)
             for file in sorted(settings.policy.contracts_folder.rglob("*.yaml"))}
    store = settings.policy.store_folder
    for file in sorted(store.rglob("*.tar.gz")) if store.is_dir() else ():
        found[f"revisions/{file.relative_to(store).as_posix()}"] = _read(file)
    return found


def _contract(file: Path, *, masked: bool) -> bytes:
    """The file; masked, what it says without the persons, or only its name where it cannot be read."""
    raw = _read(file)
    if not masked:
        return raw
    try:
        told = _impersonal(yaml.safe_load(raw))
    except (yaml.YAMLError, UnicodeDecodeError):
        return b"# illisible, et retenu : il pourrait nommer des personnes\n"
    return yaml.safe_dump(told, allow_unicode=True, sort_keys=False).encode()


def _impersonal(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: "masqué" if key in PERSONS and value else _impersonal(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_impersonal(item) for item in node]
    return _ADDRESS.sub("masqué", node) if isinstance(node, str) else node


def _read(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_FILE_BYTES)
