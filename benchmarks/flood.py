"""`make flood`: the gateway under each flood, its memory, and the latency of a well-behaved consumer at another address."""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.floods import FLOODS, Place
from benchmarks.hostile_page import PAGE, current
from tests.support.rig import read_answer, request

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks/results/flood.json"
CONSUMER = "127.0.0.2"
PAUSE_S = 0.05
START_S = 60.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One flood: memory in MiB, latencies in milliseconds."""

    flood: str
    attackers: int
    calls: int
    failed: int
    p50_ms: float
    p95_ms: float
    worst_ms: float
    memory_before: float
    memory_peak: float
    memory_after: float
    done: int
    cut_off: int


class Gateway:
    """The gateway's process."""

    def __init__(self, folder: str) -> None:
        self._process = subprocess.Popen([sys.executable, "-m", "benchmarks.flood_gateway", folder], cwd=ROOT, text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError("the gateway did not start")
        self.told = json.loads(line)
        self.place = Place.of(self.told)

    def memory(self, name: str = "VmRSS") -> float:
        """MiB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name + ":")) / 1024

    def forget_the_peak(self) -> None:
        """The kernel's high-water mark begins anew (proc(5), clear_refs)."""
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(timeout=30)


async def consumer(place: Place, latencies: list[float], failures: list[str]) -> None:
    """Calls on a kept connection, twenty times a second; connects anew when it must.

    Its token is bound to its certificate, as a consumer's is: so it is not braked, although the attackers show the same one.
    """
    token = ("Authorization", f"Bearer bound.{place.certificate_sha256}.x")
    call = request(without=("Authorization",), headers=(token,))
    while True:
        try:
            reader, writer = await asyncio.wait_for(place.connect(CONSUMER), 15)
            try:
                while True:
                    start = time.perf_counter()
                    writer.write(call)
                    answer = await asyncio.wait_for(read_answer(reader), 15)
                    if not answer.startswith(b"HTTP/1.1 201 "):
                        raise ConnectionError(answer[:60])
                    latencies.append((time.perf_counter() - start) * 1000)
                    await asyncio.sleep(PAUSE_S)
            finally:
                writer.transport.abort()
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as e:
            failures.append(f"{type(e).__name__}: {e}"[:120])
            await asyncio.sleep(PAUSE_S)


async def measure(gateway: Gateway, name: str, seconds: float) -> Measured:
    """One flood, with the consumer beside it: the consumer begins first and ends last."""
    latencies: list[float] = []
    failures: list[str] = []
    before = gateway.memory()
    gateway.forget_the_peak()
    attacker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.floods", name, str(seconds), json.dumps(gateway.told), cwd=ROOT,
        stdout=asyncio.subprocess.PIPE)
    well_behaved = asyncio.create_task(consumer(gateway.place, latencies, failures))
    out, _ = await asyncio.wait_for(attacker.communicate(), seconds + 60)
    well_behaved.cancel()
    await asyncio.gather(well_behaved, return_exceptions=True)
    peak = gateway.memory("VmHWM")
    await asyncio.sleep(2)
    counts, ordered = json.loads(out), sorted(latencies) or [float("nan")]
    return Measured(name, FLOODS[name][1], len(latencies), len(failures), round(statistics.median(ordered), 1),
                    round(ordered[int(len(ordered) * 0.95)], 1), round(ordered[-1], 1), round(before, 1), round(peak, 1),
                    round(gateway.memory(), 1), counts["done"], counts["cut off"])


def main() -> None:
    """Run every flood and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each flood")
    parser.add_argument("--beside", default="", help="what else the machine does, for the page")
    parser.add_argument("--results", type=Path, default=RESULTS, help="only the default changes docs/hostile.md")
    given = parser.parse_args()
    seconds, measured, load = given.seconds, list[Measured](), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(folder)
        try:
            for name in FLOODS:
                measured.append(asyncio.run(measure(gateway, name, seconds)))
                print(measured[-1], flush=True)
        finally:
            gateway.stop()
    told = {"when": f"{datetime.now(UTC):%d/%m/%Y}", "seconds": seconds, "cores": os.cpu_count(), "load": round(load, 1),
            "beside": given.beside, "floods": [asdict(m) for m in measured]}
    given.results.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if given.results == RESULTS:
        PAGE.write_text(current(), encoding="utf-8")
    Console(width=150).print(table(measured))


def table(measured: list[Measured]) -> Table:
    """What a reader wants to see."""
    shown = Table("flood", "attackers", "consumer's calls", "failed", "p50 ms", "p95 ms", "worst ms", "MiB before", "peak",
                  "after", "attacks done", "cut off")
    for m in measured:
        shown.add_row(m.flood, *map(str, list(asdict(m).values())[1:]))
    return shown


if __name__ == "__main__":
    main()
