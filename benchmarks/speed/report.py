"""What the benchmark found: a table for the terminal, JSON for programs, a picture for the note."""

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.speed.measure import Series
from benchmarks.speed.tools import PACKAGES


def machine() -> dict[str, Any]:
    """Where it was measured."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "",
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) >> 20
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": memory,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": [round(x, 2) for x in os.getloadavg()],
    }


def table(title: str, found: Sequence[Series]) -> Table:
    """One row for each contestant and scenario."""
    shown = Table(title=title, title_justify="left")
    for name in ("scenario", "contestant"):
        shown.add_column(name, no_wrap=True)
    for name in ("calls/s", "p50 ms", "p99 ms", "p99.9 ms", "CPU s per 1,000 calls", "not 2xx"):
        shown.add_column(name, justify="right")
    for series in found:
        cpu = "  ".join(f"{name} {value:.2f}" for name, value in series.cpu().items())
        shown.add_row(
            series.scenario,
            series.target,
            f"{series.median('per_second'):,.0f}",
            f"{series.median('p50_ms'):.2f}",
            f"{series.median('p99_ms'):.2f}",
            f"{series.median('p999_ms'):.2f}",
            cpu,
            str(series.errors() or "-") + (f", {len(series.failures)} runs failed" if series.failures else ""),
        )
    return shown


def show(sections: Mapping[str, Sequence[Series]], ratios: Sequence[tuple[str, str, str, bool | None]]) -> None:
    """Everything on the terminal."""
    console = Console(width=None if sys.stdout.isatty() else 150)
    for title, found in sections.items():
        console.print(table(title, found))
    shown = Table(title="Targets", title_justify="left")
    for name in ("what", "measured", "wanted", ""):
        shown.add_column(name)
    for what, measured, wanted, met in ratios:
        shown.add_row(what, measured, wanted, "" if met is None else ("met" if met else "missed"))
    console.print(shown)


def plot(file: Path, sections: Mapping[str, Sequence[Series]]) -> None:
    """Throughput and p99 of the main contestants, and what each part costs."""
    sys.path.append(str(PACKAGES))
    import matplotlib as mpl  # type: ignore[import-not-found, unused-ignore]

    mpl.use("Agg")
    from matplotlib import pyplot  # type: ignore[import-not-found, unused-ignore]

    figure, (left, middle, right) = pyplot.subplots(1, 3, figsize=(18, 5.5))
    main = sections.get("Kept connections, 1 KiB", [])
    _bars(left, main, "per_second", "calls/s, kept connections, 1 KiB (logarithmic)")
    _bars(middle, main, "p99_ms", "p99 in ms (logarithmic)")
    left.set_yscale("log")
    middle.set_yscale("log")
    parts = sections.get("Poterne without one part", [])
    names = [series.target for series in parts]
    costs = [series.cpu() for series in parts]
    bottom = [0.0] * len(names)
    for process in costs[0] if costs else {}:
        heights = [cost.get(process, 0.0) for cost in costs]
        right.bar(names, heights, bottom=bottom, label=process)
        bottom = [b + h for b, h in zip(bottom, heights, strict=True)]
    right.set_title("CPU seconds for 1,000 calls, with one part left out")
    right.set_xticks(range(len(names)), names, rotation=25, ha="right")
    right.legend()
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    pyplot.close(figure)


def _bars(axes: Any, found: Sequence[Series], key: str, title: str) -> None:
    targets = list(dict.fromkeys(series.target for series in found))
    scenarios = list(dict.fromkeys(series.scenario for series in found))
    width = 0.8 / max(1, len(scenarios))
    for number, scenario in enumerate(scenarios):
        by_target = {series.target: series.median(key) for series in found if series.scenario == scenario}
        axes.bar(
            [i + number * width for i in range(len(targets))], [by_target.get(t, 0.0) for t in targets], width, label=scenario
        )
    axes.set_xticks([i + 0.4 for i in range(len(targets))], targets, rotation=25, ha="right")
    axes.set_title(title)
    axes.legend()
