"""The figures of docs/performance.md, made of the result of `make bench`, which writes them there when it ends."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULT, PAGE = ROOT / "benchmarks/results/speed.json", ROOT / "docs/performance.md"
BEGIN, END = "<!-- speed: begin, made by benchmarks/speed/page.py -->", "<!-- speed: end -->"
COLUMNS = ("per_second", "p50_ms", "p99_ms", "p999_ms")


def figures(result: dict[str, Any]) -> str:
    """Machine, targets, a table for each section, memory."""
    return "\n".join([*_machine(result), "", *_targets(result), "",
                      "![throughput, p99 and cost of each part](../benchmarks/results/speed.png)", "",
                      *(line for title, series in result["sections"].items() for line in _section(title, series)),
                      *_memory(result)])


def _machine(result: dict[str, Any]) -> Iterator[str]:
    machine = result["machine"]
    yield (f"Run of {result['at'][:10]}: {machine['cores']} cores ({machine['cpu']}), {machine['memory_gib']} GiB, "
           f"Linux {machine['kernel']}, CPython {machine['python']}; load average before it {machine['load_before'][0]:g}.")
    if result["missing"]:
        yield f"Not measured: {'; '.join(result['missing'])}."


def _targets(result: dict[str, Any]) -> Iterator[str]:
    yield "| what | measured | wanted | |"
    yield "|---|---|---|---|"
    for row in result["targets"]:
        yield f"| {row['what']} | {row['measured']} | {row['wanted']} | {'met' if row['met'] else 'missed'} |"


def _section(title: str, series: list[dict[str, Any]]) -> Iterator[str]:
    yield from (f"### {title}", "", "| scenario | contestant | calls/s | p50 ms | p99 ms | p99.9 ms | CPU s for 1,000 calls |",
                "|---|---|---:|---:|---:|---:|---|")
    for row in series:
        if any(column not in row for column in COLUMNS):
            yield f"| {row['scenario']} | {row['target']} | not measured | | | | |"
            continue
        name = row["target"] + (f" ({row['errors']} not 2xx)" if row["errors"] else "")
        cpu = ", ".join(f"{part} {seconds:.2f}" for part, seconds in row["cpu_s_per_1000"].items())
        yield (f"| {row['scenario']} | {name} | {row['per_second']:,.0f} | {row['p50_ms']:.2f} | {row['p99_ms']:.2f} | "
               f"{row['p999_ms']:.2f} | {cpu} |")
    yield ""


def _memory(result: dict[str, Any]) -> Iterator[str]:
    if memory := result.get("memory"):
        held = ", ".join(f"{mib:g}" for mib in memory["rss_mib"])
        yield f"Memory of supervisor and worker over {memory['calls']:,} calls, in MiB after each fifth: {held}."
    if held_by_opa := result.get("opa_rss_mib"):
        yield "OPA holds " + ", ".join(f"{mib:g} MiB with {name}" for name, mib in held_by_opa.items()) + "."


def page(text: str, told: str) -> str:
    """The page with its figures put in anew. Raises `ValueError` when it has no place for them."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} has no block {BEGIN}")
    return f"{before}{BEGIN}\n{told}\n{END}{after}"


def current() -> str:
    """The page as the result that is there makes it."""
    return page(PAGE.read_text(encoding="utf-8"), figures(json.loads(RESULT.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    PAGE.write_text(current(), encoding="utf-8")
