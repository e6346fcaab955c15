"""The guided tour: every control, every way of failing it, on the running system."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from deploy.demo.tour import controls, identity, quota, rights, trace, writing
from deploy.demo.tour.library import Library
from deploy.demo.tour.stage import Row, Stage, TourFailed
from deploy.demo.tour.table import conclude, console_of, show, write_json

SCENES: tuple[tuple[str, Callable[[Stage], None]], ...] = (
    ("The token endpoint (RFC 6749, RFC 8705)", identity.tokens),
    ("The authorization server (RFC 7523, 8705, 8414, 7009)", identity.methods),
    ("C1: the certificate (4-C1)", controls.certificate),
    ("C2: the source address (4-C2)", controls.address),
    ("C3: the technical identifier (4-C3)", controls.identifier),
    ("C4: the identity (4-C4)", identity.identity),
    ("C5: the rights (4-C5, 4-c)", rights.rights),
    ("The state of the contract (1-a, 3.4.1-e)", rights.contracts),
    ("Cross pairs of two consumers", identity.pairs),
    ("Cross use of the two environments (4-e)", identity.environments),
    ("Write-only, and only what is the API's (2.1-a)", writing.write_only),
    ("Entries: create, change, delete, all or nothing (2.2.1)", writing.entries),
    ("Behind the gate (4-b)", writing.behind),
)
QUOTAS = (("musee", "production"), ("musee", "sandbox"))


def guide(document: dict[str, Any], console: Console, json_file: Path | None) -> int:
    """Make the tour of the system that `demo.json` describes; returns how many rows differ from what is expected."""
    console = console_of(console)
    started = time.monotonic()
    with Library() as library:
        stage = Stage(document, library)
        try:
            _tour(stage, console)
        except TourFailed as e:
            stage.scene = "tour"
            stage.rows.append(Row("tour", "the tour goes on", "", "to its end", str(e), 0.0))
            show(console, stage.rows[-1:], len(stage.rows), "The tour stopped")
    conclude(console, stage.rows, time.monotonic() - started)
    if json_file:
        write_json(json_file, stage.rows)
    return len(stage.differing())


def _tour(stage: Stage, console: Console) -> None:
    exhausted: list[quota.Exhausted] = []

    def exhaust(stage: Stage) -> None:
        exhausted.extend(quota.exhaust(stage, consumer, environment) for consumer, environment in QUOTAS)

    def come_back(stage: Stage) -> None:
        for one in exhausted:
            quota.come_back(stage, one)

    _scene(stage, console, "The quota (9.2-a): the window is filled now, and looked at again at the end", exhaust)
    for title, scene in SCENES:
        _scene(stage, console, title, scene)
    _wait(console, max(one.again_at for one in exhausted))
    _scene(stage, console, "The quota, after its window has passed", come_back)
    _scene(stage, console, "C5 again: exercice and période", rights.times)
    _scene(stage, console, "The trace (4-c, 8-h1)", trace.trace)


def _scene(stage: Stage, console: Console, title: str, scene: Callable[[Stage], None]) -> None:
    first = len(stage.rows)
    scene(stage)
    show(console, stage.rows[first:], first + 1, title)


def _wait(console: Console, until: float) -> None:
    """Wait for the quota's window to pass, and show how long it takes."""
    if not console.is_terminal:
        console.print(f"waiting {max(0.0, until - time.monotonic()):.0f} s for the quota's window to pass")
    with console.status("") as status:
        while (left := until - time.monotonic()) > 0:
            status.update(f"{left:.0f} s until the quota's window has passed")
            time.sleep(min(left, 0.5))
