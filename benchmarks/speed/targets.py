"""The targets of the work on speed, as ratios of what one run measured."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.speed.measure import Series

type Rates = Mapping[tuple[str, str], Series]
type Row = tuple[str, str, str, bool | None]
KEPT = "Kept connections, 1 KiB"
KEEPING = "Poterne, kept decisions"
"""With `opa.keep_decisions`; the others ask policy for each call."""

ENVOY = "Envoy + OPA + rate limit"
UNLIKE_CALLS = "Kept connections, 1 KiB, each call another période or budget"
"""Calls that ask policy the same share a question or its decision; these never do within a second."""


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
    for one, two in (("Poterne", "Poterne, 2 workers"), (KEEPING, "Poterne, 2 workers, kept decisions")):
        which = "" if one == "Poterne" else ", kept decisions"
        ratio(f"one worker{which}, against mitmdump -q", at, one, "mitmdump -q", 1.0)
        ratio(f"one worker{which}, against Envoy + OPA + rate limit", at, one, ENVOY, 0.6)
        ratio(f"unlike calls{which}, against mitmdump -q", at, one, "mitmdump -q", 1.0, unlike)
        ratio(f"unlike calls{which}, against Envoy + OPA + rate limit", at, one, ENVOY, 0.6, unlike)
        ratio(f"two workers{which}, against Envoy on two threads", at, two, "Envoy, 2 threads", 1.0)
        ratio(f"two workers{which}, against one", at, two, one, 1.5)
        rows += _latency(which, rate.get(("1 connections", one)), rate.get(("1 connections", ENVOY)))
        slow = {s.target: s for s in sections.get("50 calls a second", [])}
        if {one, "own Master, bare"} <= slow.keys():
            added = slow[one].median("p99_ms") - slow["own Master, bare"].median("p99_ms")
            rows.append((f"p99{which}, added to the bare own Master at 50 calls/s", f"{added:.2f} ms", "<= 3 ms", added <= 3))
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


def _latency(which: str, ours: Series | None, theirs: Series | None) -> Iterator[Row]:
    """At one connection: lower than Envoy's."""
    if ours is None or theirs is None:
        return
    for key in ("p50_ms", "p99_ms"):
        one, other = ours.median(key), theirs.median(key)
        yield f"{key[:3]} at 1 connection{which}, against Envoy's", f"{one:.2f} ms", f"< {other:.2f} ms", one < other
