"""Where the set-up puts things; all of it below the project's own folder."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

USUAL_FOLDERS = ("/usr/local/go/bin", "/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin", "/opt/redis/bin", "/snap/bin")
"""Where tools are when PATH does not say so."""


@dataclass(frozen=True)
class Layout:
    """The folders of one clone."""

    root: Path

    @property
    def venv(self) -> Path:
        """The virtual environment."""
        return self.root / ".venv"

    @property
    def tools(self) -> Path:
        """Everything that is built or unpacked."""
        return self.root / ".tools"

    @property
    def bin(self) -> Path:
        """The commands the project runs: built, unpacked, or links to those of the machine."""
        return self.tools / "bin"

    def log(self, name: str) -> Path:
        """The log of a step."""
        return self.tools / "log" / f"{name}.log"


def find_command(*names: str) -> Path | None:
    """The first of the commands on PATH or, failing that, in the usual folders."""
    for path in (os.environ.get("PATH", os.defpath), os.pathsep.join(USUAL_FOLDERS)):
        for name in names:
            if found := shutil.which(name, path=path):
                return Path(found)
    return None


def link(target: Path, place: Path) -> None:
    """Make `place` a link to `target`, in one step."""
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_name(f".{place.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(place)
