"""One measurement: the load generator against one contestant, with the CPU time and memory of every process behind it."""

import contextlib
import json
import os
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
LIMIT_S = 400


@dataclass(frozen=True)
class Target:
    """Whom to call, and which processes (by what they are called in the table) work for the answer."""

    name: str
    port: int
    processes: Mapping[str, Sequence[int]]
    headers: tuple[str, ...] = ()
    tls: bool = True
    method: str = "POST"


@dataclass(frozen=True)
class Load:
    """What every contestant is called with."""

    loadgen: Path
    ca: Path
    certs: str
    tokens: Path
    path: str
    headers: tuple[str, ...]
    bodies: Mapping[str, str]
    """Files by what they are; several of one size, separated by commas, are sent in turn."""
    cpus: str = ""


@dataclass
class Series:
    """The runs of one contestant in one scenario; the table shows medians."""

    target: str
    scenario: str
    runs: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """Runs that gave no numbers, and why."""

    def median(self, key: str) -> float:
        """The middle of what the runs measured."""
        values = [run[key] for run in self.runs]
        return statistics.median(values) if values else float("nan")

    def cpu(self) -> dict[str, float]:
        """CPU seconds for 1,000 calls, by process."""
        names = self.runs[0]["cpu_s"] if self.runs else {}
        return {
            name: statistics.median(run["cpu_s"][name] / max(1, run["calls_all"]) * 1000 for run in self.runs) for name in names
        }

    def document(self) -> dict[str, Any]:
        """For the JSON file: medians, and every run."""
        keys = ("per_second", "p50_ms", "p99_ms", "p999_ms")
        return {
            "target": self.target,
            "scenario": self.scenario,
            **{k: round(self.median(k), 3) for k in keys if self.runs},
            "cpu_s_per_1000": {k: round(v, 3) for k, v in self.cpu().items()},
            "errors": self.errors(),
            "failures": self.failures,
            "runs": self.runs,
        }

    def errors(self) -> int:
        """Calls that were not answered with 2xx."""
        return sum(
            sum(n for status, n in run["statuses"].items() if not status.startswith("2")) + sum(run["errors"].values())
            for run in self.runs
        )


def run(
    load: Load,
    target: Target,
    *,
    connections: int,
    seconds: float,
    body: str = "1 KiB",
    keep_alive: bool = True,
    rate: float = 0,
    warm_up: float = 0.5,
    calls: int = 0,
) -> dict[str, Any]:
    """Call one contestant. Raises `RuntimeError` when the load generator cannot."""
    command = [
        str(load.loadgen),
        "-address",
        f"127.0.0.1:{target.port}",
        "-host",
        "localhost",
        "-method",
        target.method,
        "-path",
        load.path,
        "-connections",
        str(connections),
        "-seconds",
        str(seconds),
        "-warm-up",
        str(warm_up),
        "-body",
        load.bodies[body],
        f"-keep-alive={'true' if keep_alive else 'false'}",
        "-rate",
        str(rate),
        "-calls",
        str(calls),
        "-tokens",
        str(load.tokens),
    ]
    command += ["-ca", str(load.ca), "-certs", load.certs] if target.tls else []
    for header in (*load.headers, *target.headers):
        command += ["-header", header]
    prefix = ["taskset", "-c", load.cpus] if load.cpus else []
    before = {name: cpu_s(pids) for name, pids in target.processes.items()}
    done = subprocess.run(prefix + command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode:
        raise RuntimeError(f"{target.name}: {done.stderr.strip()[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    found["cpu_s"] = {name: round(cpu_s(pids) - before[name], 3) for name, pids in target.processes.items()}
    return found


def cpu_s(pids: Iterable[int]) -> float:
    """User and system time of these processes so far, all their threads."""
    return sum(_stat(pid)[0] for pid in pids)


def rss_mib(pids: Iterable[int]) -> float:
    """Memory that these processes hold."""
    return sum(_stat(pid)[1] for pid in pids)


def _stat(pid: int) -> tuple[float, float]:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0, 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S, int(fields[21]) * PAGE / (1 << 20)


def pin(pids: Iterable[int], cpus: Iterable[int]) -> None:
    """Let these processes, with all their threads, run on these cores only."""
    for pid in pids:
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), cpus)
