"""`make bench`: what Poterne's controls cost, beside what people use today. Everything on loopback, interleaved, in one run."""

import json
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.contract_generator import write_contracts
from benchmarks.speed import report, targets
from benchmarks.speed.contestants import OTHER_CPU, main_targets, other_policy, without_targets
from benchmarks.speed.measure import Load, Series, Target, pin, rss_mib, run
from benchmarks.speed.stage import Stage, staged
from benchmarks.speed.tools import CONTRACTS, ROOT, provide
from deploy.demo.system import OPA
from gateway_addons.adapters.policy.bundle import Sources, build_bundle

RESULTS = ROOT / "benchmarks" / "results"
QUICK = Annotated[bool, typer.Option("--quick", help="A minute or two: one short round, no long runs.")]


class Bench:
    """The whole run; `seconds` and `rounds` bound it."""

    def __init__(self, stage: Stage, *, quick: bool) -> None:
        self._stage = stage
        self._quick = quick
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
                for target in found:
                    series[scenario, target.name].runs.append(
                        run(self._load(target), target, **{"seconds": self._seconds, **given})
                    )
        self.sections[title] = list(series.values())

    def _load(self, target: Target) -> Load:
        """On two cores the load generator stays off the core of the process that is compared, unless all share both."""
        return self._stage.load("" if "2 " in target.name else OTHER_CPU)

    def memory(self, target: Target, calls: int, steps: int = 5) -> None:
        """What the worker holds while it answers a great many calls."""
        held = [rss_mib(target.processes["proxy"])]
        for step in range(steps):
            self.say(f"memory: {calls * (step + 1) // steps:,} calls")
            self._stage.renew_token()
            run(self._load(target), target, connections=16, seconds=150, calls=calls // steps, warm_up=0)
            held.append(rss_mib(target.processes["proxy"]))
        self.extra["memory"] = {"target": target.name, "calls": calls, "rss_mib": [round(x, 1) for x in held]}


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
            about = report.machine()
            _measure(bench, stage, quick=quick, contracts=min(contracts, 200) if quick else contracts)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    reached = targets.ratios(bench.sections, bench.extra)
    report.show(bench.sections, reached)
    name = "speed-quick" if quick else "speed"
    document = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": about,
        "missing": list(tools.missing),
        "targets": [dict(zip(("what", "measured", "wanted", "met"), row, strict=True)) for row in reached],
        "sections": {title: [s.document() for s in found] for title, found in bench.sections.items()},
        **bench.extra,
    }
    RESULTS.joinpath(f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    report.plot(RESULTS / f"{name}.png", bench.sections)
    print(f"  written: benchmarks/results/{name}.json and .png")


def _measure(bench: Bench, stage: Stage, *, quick: bool, contracts: int) -> None:
    found = main_targets(stage, bench.say)
    for role in ("opa", "redis"):
        pin(stage.pids(role), "0-1")
    everyone = list(found.values())
    bench.compare(
        "Kept connections, 1 KiB", everyone, {f"{n} connections": {"connections": n} for n in ((16,) if quick else (1, 16, 64))}
    )
    bench.compare(
        "A new connection for each call, 1 KiB",
        everyone,
        {"16 at a time": {"connections": 16, "keep_alive": False}},
        1 if quick else 2,
    )
    bench.compare(
        "Large bodies, 16 kept connections",
        everyone,
        {size: {"connections": 16, "body": size} for size in ("100 KiB", "1 MiB")},
        1 if quick else 2,
    )
    few = [found[name] for name in ("own Master, bare", "Poterne", "Envoy + OPA + rate limit") if name in found]
    bench.compare(
        "50 calls a second",
        few,
        {"8 connections": {"connections": 8, "rate": 50.0, "seconds": 4.0 if quick else 12.0}},
        1 if quick else 2,
    )
    bench.compare("Poterne without one part", list(without_targets(stage).values()), {"16 connections": {"connections": 16}})
    _many_contracts(bench, stage, contracts)
    bench.memory(found["Poterne"], 5_000 if quick else 100_000)


def _many_contracts(bench: Bench, stage: Stage, count: int) -> None:
    """The same calls with a few and with a great many contracts in OPA, each in an OPA of its own."""
    found: list[Target] = []
    for name, extra in (("few contracts", 0), (f"{count:,} contracts", count)):
        bench.say(f"building a bundle of {name}")
        folder = stage.folder / f"contracts-{extra}"
        shutil.copytree(CONTRACTS, folder)
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
    bench.compare("Contracts", found, {"16 connections": {"connections": 16}})
    bench.extra["opa_rss_mib"] = {target.name: round(rss_mib(target.processes["OPA"]), 1) for target in found}


if __name__ == "__main__":
    typer.run(main)
