"""The figures of docs/hostile.md, made of the results of `make flood` and `make fuzz`; both write them there when they end."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS, PAGE = ROOT / "benchmarks/results", ROOT / "docs/hostile.md"
FUNCTIONS = ("heads", "JSON texts", "tokens", "certificates", "forged tokens", "forged certificates")


def flood_figures(result: dict[str, Any]) -> str:
    """The table of one run of `make flood`."""
    beside = f" ({result['beside']})" if result["beside"] else ""
    lines = [f"Run of {result['when']}: {result['seconds']:g} s for each flood, {result['cores']} cores, load average "
             f"{result['load']:g} before it{beside}.", "",
             "| flood | attackers | consumer's calls | failed | p50 ms | p95 ms | worst ms | MiB before | MiB peak | MiB after |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    figures = ("p50_ms", "p95_ms", "worst_ms", "memory_before", "memory_peak", "memory_after")
    for f in result["floods"]:
        cells = [str(f[name]) for name in ("flood", "attackers", "calls", "failed")] + [f"{f[name]:.0f}" for name in figures]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def fuzz_figures(result: dict[str, Any]) -> str:
    """What one run of `make fuzz` tried and what came of it."""
    tried, columns = result["tried"], result["columns"]
    judged = sum(columns.values())
    lines = [f"Run of {result['minutes']:g} minutes (seed {result['seed']}): {judged} requests judged over TLS, "
             f"{tried.get('generated requests', 0)} generated and {tried.get('mutated requests', 0)} mutated.", "",
             "| came of it | requests |", "|---|---|", *(f"| {column} | {count} |" for column, count in columns.items()),
             f"| failures, of whatever kind | {len(result['failures'])} |", "",
             "Without a socket: " + ", ".join(f"{tried[kind]} {kind}" for kind in FUNCTIONS if kind in tried) + "."]
    return "\n".join(lines)


def page(text: str, blocks: dict[str, str]) -> str:
    """The page with its blocks of figures put in anew."""
    for name, figures in blocks.items():
        begin, end = f"<!-- {name}: begin, made by benchmarks/hostile_page.py -->", f"<!-- {name}: end -->"
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"docs/hostile.md has no block {name}")
        text = f"{before}{begin}\n{figures}\n{end}{after}"
    return text


def current() -> str:
    """The page as the results that are there make it."""
    def read(name: str) -> Any:
        return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))

    return page(PAGE.read_text(encoding="utf-8"), {"flood": flood_figures(read("flood")), "fuzz": fuzz_figures(read("fuzz"))})


if __name__ == "__main__":
    PAGE.write_text(current(), encoding="utf-8")
