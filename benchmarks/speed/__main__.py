"""`make bench`: what Poterne's controls cost, beside what people use today. Everything on loopback, interleaved, in one run."""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from benchmarks.contract_generator import write_contracts
from benchmarks.speed import page, report, targets
from benchmarks.speed.bodies import UNLIKE
from benchmarks.speed.contestants import FULL, OTHER_CPU, main_targets, other_policy, place, without_targets
from benchmarks.speed.measure import Load, Series, Target, rss_mib, run
from benchmarks.speed.stage import Stage, staged
from benchmarks.speed.tools import ROOT, provide
from deploy.demo.system import OPA
from gateway_addons.adapters.policy.bundle import Sources, build_bundle
from gateway_addons.adapters.policy.opa_binary import BundleError

KEPT = targets.KEPT
RESULTS = ROOT / "benchmarks" / "results"
LIMIT_S = 17 * 60
"""The whole run, about: what comes last, memory over many calls, takes what is left."""

FAILURES = (RuntimeError, OSError, subprocess.SubprocessError, BundleError, httpx.HTTPError, KeyError)
"""What ends a run or a part, and is told; the others go on."""
QUICK = Annotated[bool, typer.Option("--quick", help="A minute or two: one short round, no long runs.")]


class Bench:
    """The whole run; `seconds` and `rounds` bound it."""

    def __init__(self, stage: Stage, *, quick: bool) -> None:
        self._stage = stage
        self.quick = quick
        self._rounds = 1 if quick else 3
        self._seconds = 1.5 if quick else 3.0
        self.sections: dict[str, list[Series]] = {}
        self.extra: dict[str, Any] = {}
        self._begun = time.monotonic()

    def say(self, what: str) -> None:
        """Progress."""
        print(f"  {time.monotonic() - self._begun:6.1f} s  {what}", flush=True)

    def compare(
        self, title: str, found: Sequence[Target], scenarios: Mapping[str, Mapping[str, Any]], rounds: int | None = None
    ) -> None:
        """All contestants in all scenarios, round after round, so that noise falls on all alike."""
        series = {(s, t.name): Series(t.name, s) for s in scenarios for t in found}
        for number in range(rounds or self._rounds):
            self.say(f"{title}: round {number + 1} of {rounds or self._rounds}")
            self._stage.renew_token()
            for scenario, given in scenarios.items():
                for target in found if number % 2 == 0 else reversed(found):
                    self._add(series[scenario, target.name], target, {"seconds": self._seconds, **given})
        self.sections[title] = list(series.values())

    def _add(self, series: Series, target: Target, given: Mapping[str, Any]) -> None:
        """One more run; a contestant that cannot be measured once does not end the others' comparison."""
        try:
            series.runs.append(run(self._load(target), target, **given))
        except FAILURES as e:
            self.say(f"{target.name}, {series.scenario}: {e}")
            series.failures.append(str(e)[:300])

    def _load(self, target: Target) -> Load:
        """On two cores the load generator stays off the core of the process that is compared, unless all share both."""
        place(target, self._stage.upstream)
        return self._stage.load("" if target.name in FULL else str(OTHER_CPU[0]))

    def memory(self, target: Target, calls: int, steps: int = 5) -> None:
        """What the worker holds while it answers a great many calls: as many as the time that is left allows."""
        held, done = [rss_mib(target.processes["proxy"])], 0
        each_s = max(10.0, min(150.0, (LIMIT_S - (time.monotonic() - self._begun)) / steps))
        for step in range(steps):
            self.say(f"memory: {calls * (step + 1) // steps:,} calls")
            self._stage.renew_token()
            found = run(self._load(target), target, connections=16, seconds=each_s, calls=calls // steps, warm_up=0)
            done += found["calls_all"]
            held.append(rss_mib(target.processes["proxy"]))
        self.extra["memory"] = {"target": target.name, "calls": done, "rss_mib": [round(x, 1) for x in held]}


def main(
    quick: QUICK = False, contracts: Annotated[int, typer.Option(help="The many, against the demonstration's few.")] = 10_000
) -> None:
    """Measure, show, and write benchmarks/results/speed.json and speed.png (with --quick: speed-quick.*)."""
    tools = provide()
    for what in tools.missing:
        print(f"  missing: {what}")
    folder = Path(tempfile.mkdtemp(prefix="poterne-bench-"))
    try:
        with staged(folder / "var", tools, print) as stage:
            bench = Bench(stage, quick=quick)
            bench.extra |= {
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "machine": report.machine(),
                "missing": list(tools.missing),
            }
            for part in _parts(bench, stage, quick=quick, contracts=min(contracts, 200) if quick else contracts):
                try:
                    part()
                except FAILURES as e:
                    bench.say(f"could not be measured: {e}")
                    bench.extra["missing"].append(str(e)[:300])
                _write("speed-quick" if quick else "speed", bench)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not quick:
        page.PAGE.write_text(page.current(), encoding="utf-8")
    report.show(bench.sections, targets.ratios(bench.sections, bench.extra))


def _write(name: str, bench: Bench) -> None:
    """What is known by now."""
    reached = targets.ratios(bench.sections, bench.extra)
    document = {
        **bench.extra,
        "targets": [dict(zip(("what", "measured", "wanted", "met"), row, strict=True)) for row in reached],
        "sections": {title: [s.document() for s in found] for title, found in bench.sections.items()},
    }
    RESULTS.joinpath(f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    bench.say(f"written: benchmarks/results/{name}.json")
    try:
        report.plot(RESULTS / f"{name}.png", bench.sections)
    except ImportError as e:
        bench.say(f"no picture: {e}")


def _parts(bench: Bench, stage: Stage, *, quick: bool, contracts: int) -> Iterator[Callable[[], None]]:
    """What is measured, in this order; a part that fails leaves the others."""
    found = main_targets(stage, bench.say, bench.extra["missing"])
    everyone, rounds = list(found.values()), 1 if quick else 2
    kept = {f"{n} connections": {"connections": n} for n in ((16,) if quick else (1, 16, 64))}
    yield lambda: bench.compare(KEPT, everyone, kept)
    asking = [target for target in everyone if target.name not in {"nginx with mutual TLS", "own Master, bare"}]
    unlike = {"16 connections": {"connections": 16, "body": UNLIKE}, "64 connections": {"connections": 64, "body": UNLIKE}}
    yield lambda: bench.compare(targets.UNLIKE_CALLS, asking, unlike, rounds)
    few = [found[name] for name in ("own Master, bare", "Poterne", targets.KEEPING, "Envoy + OPA + rate limit") if name in found]
    slow = {"8 connections": {"connections": 8, "rate": 50.0, "seconds": 4.0 if quick else 12.0}}
    yield lambda: bench.compare("50 calls a second", few, slow, rounds)
    new = {"16 at a time": {"connections": 16, "keep_alive": False}}
    yield lambda: bench.compare("A new connection for each call, 1 KiB", everyone, new, rounds)
    large = {size: {"connections": 16, "body": size} for size in ("100 KiB", "1 MiB")}
    yield lambda: bench.compare("Large bodies, 16 kept connections", everyone, large, rounds)
    at_16 = {"16 connections": {"connections": 16}}
    yield lambda: _without_parts(bench, stage, at_16)
    yield lambda: _many_contracts(bench, stage, contracts)
    yield lambda: bench.memory(found["Poterne"], 5_000 if quick else 100_000)


def _without_parts(bench: Bench, stage: Stage, scenarios: Mapping[str, Mapping[str, Any]]) -> None:
    targets_ = list(without_targets(stage).values())
    bench.compare("Poterne without one part", targets_, scenarios)
    stage.end(pid for target in targets_ for pid in target.processes["proxy"])


def _many_contracts(bench: Bench, stage: Stage, count: int) -> None:
    """The same calls with a few and with a great many contracts in OPA, each in an OPA of its own."""
    found: list[Target] = []
    for name, extra in (("few contracts", 0), (f"{count:,} contracts", count)):
        bench.say(f"building a bundle of {name}")
        folder = stage.folder / f"contracts-{extra}"
        shutil.copytree(stage.contracts, folder)
        if extra:
            write_contracts(folder, extra)
        bundle, socket = stage.folder / f"bundle-{extra}.tar.gz", stage.folder / f"opa-{extra}.sock"
        build_bundle(Sources(OPA, ROOT / "policies", folder, ROOT / "config" / "readings.yaml"), bundle)
        process = stage.spawn(
            [
                str(OPA),
                "run",
                "--server",
                "--addr",
                f"unix://{socket}",
                "--authorization=basic",
                "--skip-version-check",
                "--optimize-store-for-read-speed",
                "--log-level",
                "error",
                "-b",
                str(bundle),
            ],
            f"opa-{extra}",
            GOGC="400",
        )
        found.append(other_policy(stage, name, f"unix://{socket}", process.pid, extra))
    bench.compare("Contracts", found, {"16 connections": {"connections": 16}}, 2 if bench.quick else 6)
    bench.extra["opa_rss_mib"] = {target.name: round(rss_mib(target.processes["OPA"]), 1) for target in found}


if __name__ == "__main__":
    typer.run(main)
