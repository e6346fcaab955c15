"""What a call costs the worker, in CPU, of this tree and of another one: interleaved pairs, so that noise falls on both.

    python -m benchmarks.speed.worker_cost [--against FOLDER] [--bare] [--pairs 5] [--calls 3000] [--profile FILE]

A minute or two. `FOLDER` is another checkout of this project; `--bare` measures the engine with nothing to decide beside;
`--profile` writes what py-spy saw of this tree's worker (it must be on PATH): one line a stack, with its number of samples,
native frames included.
"""

import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.speed.contestants import bare, place, without
from benchmarks.speed.measure import Target, run
from benchmarks.speed.stage import Stage, staged
from benchmarks.speed.tools import ROOT, provide

WARM_UP_CALLS = 1000


def main(
    against: Annotated[Path | None, typer.Option(help="Another checkout, measured beside.")] = None,
    off: Annotated[list[str] | None, typer.Option(help="A part to leave out of both (see without.py).")] = None,
    beside: Annotated[bool, typer.Option("--bare", help="The bare engine of this tree, too.")] = False,
    pairs: int = 5,
    calls: int = 3000,
    connections: int = 16,
    rate: float = 0.0,
    body: str = "1 KiB",
    profile: Annotated[Path | None, typer.Option(help="Write a py-spy profile of this tree's worker here.")] = None,
) -> None:
    """Measure and show; nothing is written."""
    folder = Path(tempfile.mkdtemp(prefix="poterne-cost-"))
    try:
        with staged(folder / "var", provide(rivals=False), print) as stage:
            found = [without(stage, "here", off or [], 1)]
            found += [without(stage, "there", off or [], 2, tree=against.resolve())] if against else []
            found += [bare(stage)] if beside else []
            given = {"connections": connections, "seconds": 120.0, "warm_up": 0.0, "rate": rate, "body": body}
            for target in found:
                _called(stage, target, given | {"calls": WARM_UP_CALLS, "rate": 0.0})
            if profile is not None:
                _profile(stage, found[0], given | {"calls": calls}, profile)
            else:
                _pairs(stage, found, given | {"calls": calls}, pairs)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _called(stage: Stage, target: Target, given: Mapping[str, Any]) -> dict[str, Any]:
    place(target, stage.upstream)
    found = run(stage.load("1"), target, **given)
    bad = {status: n for status, n in found["statuses"].items() if not status.startswith("2")} | found["errors"]
    if bad:
        print(f"  {target.name}: not 2xx: {bad}", flush=True)
    return found


def _pairs(stage: Stage, found: list[Target], given: Mapping[str, Any], pairs: int) -> None:
    costs: dict[str, list[float]] = {target.name: [] for target in found}
    for number in range(pairs):
        stage.renew_token()
        for target in found if number % 2 == 0 else reversed(found):
            told = _called(stage, target, given)
            each = {name: value / told["calls"] * 1000 for name, value in told["cpu_s"].items()}
            costs[target.name].append(each["proxy"])
            shown = "  ".join(f"{name} {value:.2f}" for name, value in each.items())
            print(f"  {target.name:18} {told['per_second']:6.0f}/s  p50 {told['p50_ms']:6.2f}  p99 {told['p99_ms']:7.2f}  "
                  f"p99.9 {told['p999_ms']:7.2f} ms   CPU ms a call: {shown}", flush=True)
    for name, values in costs.items():
        print(f"{name:18} worker's CPU ms a call: median {statistics.median(values):.3f}, least {min(values):.3f}")


def _profile(stage: Stage, target: Target, given: Mapping[str, Any], file: Path) -> None:
    stage.renew_token()
    spy = subprocess.Popen(
        ["py-spy", "record", "-r", "400", "--native", "-f", "raw", "-d", "300", "-o", str(file),
         "-p", str(target.processes["proxy"][0])],
        stdin=subprocess.DEVNULL,
    )
    try:
        told = _called(stage, target, given)
    finally:
        spy.send_signal(signal.SIGINT)
        spy.wait(timeout=60)
    print(f"{told['calls']} calls, {told['cpu_s']}; stacks in {file}")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    typer.run(main)
