"""Where one running system keeps its files, and who may start or stop it at a time."""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The project's own folder."""

MAX_SOCKET_PATH_BYTES = 100
"""Linux allows 107 (sun_path); some room is left for partial names."""


class PlaceBusy(Exception):
    """Another command is starting, using or stopping the system of this place."""


@dataclass(frozen=True)
class Place:
    """The folder of one system, `VAR/demo` for `make up` and `VAR/tour` for `make demo`."""

    folder: Path

    @property
    def records(self) -> Path:
        """What was started."""
        return self.folder / "processes.json"

    @property
    def handout(self) -> Path:
        """What an outside program reads to use the system."""
        return self.folder / "demo.json"

    @property
    def gateway_settings(self) -> Path:
        """The gateway's settings."""
        return self.folder / "gateway.yaml"

    @property
    def opa_settings(self) -> Path:
        """OPA's own configuration."""
        return self.folder / "opa.yaml"

    @property
    def journal(self) -> Path:
        """The folder of the gateway's records."""
        return self.folder / "journal"

    @property
    def state(self) -> Path:
        """What the gateway keeps beside the journal."""
        return self.folder / "state"

    @property
    def journal_key(self) -> Path:
        """The key that seals the journal."""
        return self.folder / "keys" / "journal.key"

    @property
    def config(self) -> Path:
        """The system's own copy of `config/`: contracts, APIs, readings and schemas, to be edited at will."""
        return self.folder / "config"

    def log(self, name: str) -> Path:
        """The output of a process."""
        return self.folder / "logs" / f"{name}.log"

    def pki(self, environment: str) -> Path:
        """The PKI of an environment."""
        return self.folder / "pki" / environment

    def keys(self, environment: str) -> Path:
        """Keys and secrets of an environment."""
        return self.folder / "keys" / environment

    def database(self, environment: str) -> Path:
        """The backend's store of an environment."""
        return self.folder / "backend" / f"{environment}.sqlite"

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Hold the place; the kernel lets go of it when this process ends, however it ends.

        Raises:
            PlaceBusy: another command holds it.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with self.folder.with_name(f".{self.folder.name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as e:
                raise PlaceBusy(f"{self.folder} is in use by another command; wait for it, or give another VAR") from e
            yield

    def renew(self) -> None:
        """Start from an empty folder; the last run's files are kept once, as `<folder>.previous`."""
        previous = self.folder.with_name(f"{self.folder.name}.previous")
        if self.folder.exists():
            shutil.rmtree(previous, ignore_errors=True)
            self.folder.rename(previous)
        for name in ("logs", "journal", "backend", "redis"):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o700)

    def socket(self) -> Path:
        """Where OPA's socket goes: here or, where the path would be too long for a socket, in a private short folder."""
        wanted = self.folder / "opa.sock"
        if len(os.fsencode(wanted)) <= MAX_SOCKET_PATH_BYTES:
            return wanted
        short = Path(tempfile.mkdtemp(prefix="poterne-"))
        (self.folder / "short-folder.json").write_text(json.dumps(str(short)), encoding="utf-8")
        return short / "opa.sock"

    def forget_socket(self) -> None:
        """Remove the private short folder, if there is one."""
        pointer = self.folder / "short-folder.json"
        if pointer.exists():
            shutil.rmtree(json.loads(pointer.read_text(encoding="utf-8")), ignore_errors=True)
            pointer.unlink()


def places(var: Path) -> tuple[Place, Place]:
    """The places of `make up` and of `make demo` below a VAR folder."""
    return Place(var.resolve() / "demo"), Place(var.resolve() / "tour")
