"""Written notices on disk, one JSON file in the folder of their switch: prepared before it is put, due once it is in force."""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gateway_addons.core.errors import RegisterUnavailable

PREPARED = ".prepared"


class NoticeFolder:
    """The notices of this machine; every write is durable when it returns."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self, switch_id: str, notices: Sequence[dict[str, Any]]) -> None:
        """Write all notices of a switch that is about to be put.

        Raises:
            RegisterUnavailable: one is not on the disk; none is left.
        """
        folder = self._folder / (switch_id + PREPARED)
        try:
            folder.mkdir(parents=True, mode=0o700)
            for number, notice in enumerate(notices):
                _write(folder / f"{number:04}-{_safe(notice)}.json", notice)
            _sync(folder)
            _sync(self._folder)
        except OSError as e:
            shutil.rmtree(folder, ignore_errors=True)
            raise RegisterUnavailable(f"{folder}: {e.strerror or e}") from e

    def keep(self, switch_id: str) -> None:
        """The switch is in force: its notices are due. Raises `RegisterUnavailable`."""
        try:
            (self._folder / (switch_id + PREPARED)).rename(self._folder / switch_id)
            _sync(self._folder)
        except OSError as e:
            raise RegisterUnavailable(f"notices of {switch_id}: {e.strerror or e}") from e

    def withdraw(self, switch_id: str) -> None:
        """The switch did not come about."""
        shutil.rmtree(self._folder / (switch_id + PREPARED), ignore_errors=True)

    def settle(self, in_force: Sequence[str]) -> None:
        """After a crash between switch and notice: notices of a switch that is in force are due."""
        for folder in self._folder.glob(f"*{PREPARED}"):
            switch_id = folder.name.removesuffix(PREPARED)
            if switch_id in in_force and not (self._folder / switch_id).exists():
                self.keep(switch_id)

    def notices(self, switch_id: str | None = None) -> Iterator[tuple[Path, dict[str, Any]]]:
        """All notices that are due or sent, oldest switch first, with their files.

        Raises:
            RegisterUnavailable: a file cannot be read.
        """
        for file in sorted(self._folder.glob(f"{switch_id or '*'}/*.json")):
            if file.parent.name.endswith(PREPARED):
                continue
            try:
                yield file, json.loads(file.read_bytes())
            except (OSError, ValueError) as e:
                raise RegisterUnavailable(f"{file}: {e}") from e

    def sent(self, file: Path, notice: dict[str, Any], at: str, message_id: str) -> dict[str, Any]:
        """Write down that it was sent. Raises `RegisterUnavailable`."""
        told = notice | {"envoye_le": at, "message_id": message_id}
        try:
            _write(file, told)
            _sync(file.parent)
        except OSError as e:
            raise RegisterUnavailable(f"{file}: {e.strerror or e}") from e
        return told


def _safe(notice: dict[str, Any]) -> str:
    name = str(notice["convention"] or "illisible")
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)[:100]


def _write(file: Path, notice: dict[str, Any]) -> None:
    data = json.dumps(notice, ensure_ascii=False, indent=1).encode() + b"\n"
    new = file.with_name(file.name + ".new")
    with open(os.open(new, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as out:  # noqa: PTH123
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    new.replace(file)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
