"""Processes of one system: started with a record on disk, found again after a crash, and stopped without hitting another.

A process is who it is by its pid and its start time (`/proc/<pid>/stat`, field 22), so that a pid the kernel has given
to somebody else since is left alone. What a crash left without a record, or whose record is lost, is found by the mark in its
environment: the path of the records.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

MARK = "POTERNE_SYSTEM"
GRACE_S = 10.0
"""How long a process may take to end after SIGTERM."""


class StartFailed(Exception):
    """A process could not be started, ended too early or never became ready; with the end of its log."""


@dataclass(frozen=True)
class Process:
    """One process that was started: `role` is gateway, opa, bundles, redis or backend."""

    name: str
    role: str
    pid: int
    started: int

    def running(self) -> bool:
        """Is this very process, and no other with its pid, still there?"""
        return start_time(self.pid) == self.started


def start_time(pid: int) -> int | None:
    """The start time in clock ticks since boot, or None when there is no such process or it has ended (zombie)."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if after_name[0] in "ZX" else int(after_name[19])


class Supervisor:
    """Starts and stops the processes of one run; `records` is the file that outlives this process."""

    def __init__(self, records: Path, logs: Path) -> None:
        self._records = records
        self._logs = logs
        self.processes = _read(records)
        self._handles: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, name: str, role: str, command: Sequence[str], folder: Path,
              environment: Mapping[str, str] | None = None) -> Process:
        """Start a process in a session of its own, with its output in its log.

        Raises:
            StartFailed: the command cannot be run.
        """
        self._logs.mkdir(parents=True, exist_ok=True)
        with self._logs.joinpath(f"{name}.log").open("ab") as log:
            try:
                handle = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          start_new_session=True, env={**self.environment(), **(environment or {})})
            except OSError as e:
                raise StartFailed(f"{name}: {command[0]} cannot be started ({e.strerror})") from e
        process = Process(name, role, handle.pid, start_time(handle.pid) or 0)
        self._handles[handle.pid] = handle
        self.processes.append(process)
        self._write()
        return process

    def environment(self) -> dict[str, str]:
        """For whatever belongs to the system, also what is not kept here: `stop` finds it, when its starter is no more."""
        return {**os.environ, MARK: self._mark()}

    def _mark(self) -> str:
        return str(self._records.resolve())

    def log_tail(self, name: str, lines: int = 20) -> str:
        """The last lines that a process wrote."""
        log = self._logs / f"{name}.log"
        written = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        return "\n".join("    " + line[:300] for line in written[-lines:]) or "    (it wrote nothing)"

    def running(self) -> list[Process]:
        """The processes that are still there."""
        return [p for p in self.processes if p.running()]

    def left_behind(self) -> list[Process]:
        """What belongs to the system without a record, and is still there."""
        known = {p.pid for p in self.processes}
        return [p for p in marked(self._mark()) if p.pid not in known]

    def leave(self) -> None:
        """Let the processes live on after this one."""
        for handle in self._handles.values():
            handle.returncode = handle.poll() or 0

    def stop(self) -> int:
        """Stop everything: first who serves, then what it depends on. Returns how many had to be stopped."""
        order = ("detection", "gateway", "backend", "opa", "bundles", "redis")
        found = self.running()
        for role in order:
            self._end([p for p in found if p.role == role])
        strays = marked(self._mark())
        self._end(strays)
        for handle in self._handles.values():
            handle.wait()
        self._handles.clear()
        self.processes = []
        self._records.unlink(missing_ok=True)
        return len(found) + len(strays)

    def _end(self, processes: Sequence[Process]) -> None:
        for number, limit_s in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, GRACE_S)):
            for process in processes:
                send(process, number)
            deadline = time.monotonic() + limit_s
            while time.monotonic() < deadline and any(p.running() for p in processes):
                time.sleep(0.02)

    def _write(self) -> None:
        self._records.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._records.with_suffix(".new")
        fresh.write_text(json.dumps({"processes": [asdict(p) for p in self.processes]}), encoding="utf-8")
        fresh.replace(self._records)


def send(process: Process, number: signal.Signals) -> bool:
    """Signal this very process; False when it is gone. The pidfd keeps the pid from being given away in between."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        if not process.running():
            return False
        signal.pidfd_send_signal(descriptor, number)
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)


def marked(mark: str) -> list[Process]:
    """Processes of this user that carry the system's mark in their environment."""
    found = []
    wanted = os.fsencode(f"{MARK}={mark}")
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        started = start_time(int(entry.name))
        if wanted in environment.split(b"\0") and started is not None:
            found.append(Process("unrecorded", "unrecorded", int(entry.name), started))
    return found


def _read(records: Path) -> list[Process]:
    """The processes, as the file has them; nothing when there is no (whole) file."""
    try:
        return [Process(**p) for p in json.loads(records.read_text(encoding="utf-8"))["processes"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
