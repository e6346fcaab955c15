"""The targets of the work on speed, as ratios of what one run measured."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.speed.measure import Series

type Rates = Mapping[tuple[str, str], Series]
type Row = tuple[str, str, str, bool | None]
KEPT = "Kept connections, 1 KiB"
UNLIKE_CALLS = "Kept connections, 1 KiB, each connection another période"
"""Calls that ask policy the same at the same time share a question; these never do."""


def ratios(sections: Mapping[str, Sequence[Series]], extra: Mapping[str, Any]) -> list[Row]:
    """(what, measured, wanted, met) for each target that the run can tell."""
    rate = {(s.scenario, s.target): s for s in sections.get(KEPT, [])}
    unlike = {(s.scenario, s.target): s for s in sections.get(UNLIKE_CALLS, [])}
    rows: list[Row] = []

    def ratio(what: str, scenario: str, one: str, other: str, wanted: float, rate: Rates = rate) -> None:
        a, b = rate.get((scenario, one)), rate.get((scenario, other))
        if a and b and b.median("per_second"):
            found = a.median("per_second") / b.median("per_second")
            rows.append((what, f"{found:.2f} x", f"{wanted:.1f} x", found >= wanted))

    at = "16 connections"
    ratio("one worker against mitmdump -q", at, "Poterne", "mitmdump -q", 1.0)
    ratio("one worker against Envoy + OPA + rate limit", at, "Poterne", "Envoy + OPA + rate limit", 0.6)
    ratio("the same, unlike calls, against mitmdump -q", at, "Poterne", "mitmdump -q", 1.0, unlike)
    ratio("the same, unlike calls, against Envoy + OPA + rate limit", at, "Poterne", "Envoy + OPA + rate limit", 0.6, unlike)
    ratio("two workers against Envoy on two threads", at, "Poterne, 2 workers", "Envoy, 2 threads", 1.0)
    ratio("two workers against one", at, "Poterne, 2 workers", "Poterne", 1.5)
    one, envoy = rate.get(("1 connections", "Poterne")), rate.get(("1 connections", "Envoy + OPA + rate limit"))
    if one and envoy:
        for key in ("p50_ms", "p99_ms"):
            rows.append(
                (
                    f"{key[:3]} at 1 connection against Envoy's",
                    f"{one.median(key):.2f} ms",
                    f"< {envoy.median(key):.2f} ms",
                    one.median(key) < envoy.median(key),
                )
            )
    slow = {s.target: s for s in sections.get("50 calls a second", [])}
    if {"Poterne", "own Master, bare"} <= slow.keys():
        added = slow["Poterne"].median("p99_ms") - slow["own Master, bare"].median("p99_ms")
        rows.append(("p99 added to the bare own Master at 50 calls/s", f"{added:.2f} ms", "<= 3 ms", added <= 3))
    many = sections.get("Contracts", [])
    if len(many) == 2:
        costs = [sum(s.cpu().values()) for s in many]
        more = (costs[1] / costs[0] - 1) * 100
        rows.append((f"{many[1].target} against few, CPU for each call", f"{more:+.0f} %", "<= +10 %", more <= 10))
    if memory := extra.get("memory"):
        held = memory["rss_mib"]
        grown = held[-1] - held[1]
        rows.append(
            (
                f"memory of the worker after {memory['calls']:,} calls",
                f"{held[1]:.0f} -> {held[-1]:.0f} MiB",
                "flat",
                grown <= 0.1 * held[1],
            )
        )
    return rows
