"""What explains the records of an export: the contracts as they are now, without the persons, and the revisions that are kept."""

import re
from pathlib import Path

from gateway_addons.settings.gateway import Settings

MAX_FILE_BYTES = 64 << 20

_PERSONAL = re.compile(r"^contacts:\n(?:[ \t]+.*\n|\n)*", re.MULTILINE)
"""The section of a contract that names persons."""

_AUTHORITY = re.compile(r"^(\s+autorite:).*$", re.MULTILINE)
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+")


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
    raw = _read(file)
    if not masked:
        return raw
    text = _PERSONAL.sub("contacts: {}  # masqué\n", raw.decode("utf-8", "replace"))
    return _ADDRESS.sub("masqué", _AUTHORITY.sub(r"\1 masquée", text)).encode()


def _read(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_FILE_BYTES)
