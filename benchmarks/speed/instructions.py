"""What a call makes the worker's interpreter do: bytecode instructions and Python calls, by function.

    python -m benchmarks.speed.instructions [--calls 1000] [--connections 16] [--most 60] [--json FILE]

The counts hardly depend on what else the machine does, so a change of one per cent shows. They say nothing of the time in
C (TLS, JSON, hashes) and in the kernel: `worker_cost` measures that.
"""

import json
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.speed.contestants import place, without
from benchmarks.speed.counter import INTO
from benchmarks.speed.measure import run
from benchmarks.speed.stage import staged
from benchmarks.speed.tools import provide

WRITTEN_WITHIN_S = 20.0


def main(
    calls: int = 1000,
    connections: int = 16,
    most: Annotated[int, typer.Option(help="How many functions to show.")] = 60,
    into: Annotated[Path | None, typer.Option("--json", help="Write every function's counts here.")] = None,
) -> None:
    """Count and show."""
    folder = Path(tempfile.mkdtemp(prefix="poterne-count-"))
    counted = folder / "counted.json"
    os.environ[INTO] = str(counted)
    try:
        with staged(folder / "var", provide(rivals=False), lambda _: None) as stage:
            target = without(stage, "counted", [], 1)
            place(target, stage.upstream)
            given: dict[str, Any] = {"connections": connections, "seconds": 300.0, "warm_up": 0.0}
            run(stage.load("1"), target, calls=1000, **given)
            worker = target.processes["proxy"][0]
            os.kill(worker, signal.SIGUSR2)
            told = run(stage.load("1"), target, calls=calls, **given)
            os.kill(worker, signal.SIGUSR2)
            end = time.monotonic() + WRITTEN_WITHIN_S
            while not counted.exists() and time.monotonic() < end:
                time.sleep(0.1)
            found = json.loads(counted.read_text())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _show(found, told["calls"], most)
    if into is not None:
        into.write_text(json.dumps({place: [n / told["calls"], starts / told["calls"]] for place, n, starts in found}, indent=1))


def _show(found: list[tuple[str, int, int]], calls: int, most: int) -> None:
    executed, begun = sum(n for _, n, _ in found), sum(starts for _, _, starts in found)
    for where, n, starts in found[:most]:
        print(f"{n / calls:8.1f}  {100 * n / executed:5.2f} %  {starts / calls:7.2f} x  {where}")
    print(f"{executed / calls:.0f} instructions and {begun / calls:.0f} starts of functions for a call ({calls} calls)")


if __name__ == "__main__":
    typer.run(main)
