"""`poterne detection` and `poterne alert`: the watch over the journal, and the circuit that its alerts take (8-e, 8-h4, 8-h5)."""

import asyncio
import json
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from gateway_addons.adapters.alerts.dispatch import open_sinks
from gateway_addons.adapters.alerts.outbox import Outbox
from gateway_addons.adapters.alerts.sink import AlertSink, SinkFailed
from gateway_addons.adapters.journal.acts import act_now, operator_name, record_act
from gateway_addons.adapters.journal.incident_register import incidents
from gateway_addons.admin.json_log import configure_logging
from gateway_addons.commands.terminal import DEFAULT_CONFIG, AsJson, ConfigFile, fail, settings_of
from gateway_addons.core.detection.alert import Alert
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.incident.statistics import running
from gateway_addons.detection.endings import DRILL, endings_of
from gateway_addons.detection.gateway_window import away
from gateway_addons.detection.journal_state import journal_stops
from gateway_addons.detection.watch import Sources, Watch, alone, outbox_file
from gateway_addons.settings.detection import DetectionSettings, load_detection
from gateway_addons.settings.gateway import Settings
from gateway_addons.settings.values import SettingsError

detection = typer.Typer(help="The watch over the journal (clause 8-e).", no_args_is_help=True)
alert = typer.Typer(help="Alerts, and the circuit they take (clauses 8-h4, 8-h5).", no_args_is_help=True)


@detection.command()
def run(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Follow the journal and tell the sinks, until SIGTERM."""
    settings = settings_of(config)
    rules = _rules(settings)
    configure_logging(worker="detection")
    try:
        with alone(settings.state.folder):
            asyncio.run(_watch(settings, rules))
    except (RuntimeError, ValueError, OSError, sqlite3.Error) as e:
        fail(str(e))


async def _watch(settings: Settings, rules: DetectionSettings) -> None:
    sources = Sources(endings=lambda: endings_of(settings, rules.drill_every_days),
                      clocks=lambda: running(incidents(settings.journal.folder).values()),
                      health=lambda: away(settings.admin), journal=lambda: journal_stops(settings.journal))
    watch = Watch(settings.journal.folder, settings.state.folder, rules, sources)
    task = asyncio.create_task(watch.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


@detection.command()
def check(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Is the file of rules and sinks good, with every file that it names?"""
    rules = _rules(settings_of(config))
    _sinks(rules)
    if as_json:
        typer.echo(json.dumps({"rules": [r.id for r in rules.rules], "sinks": [s.name for s in rules.sinks]}))
    else:
        typer.echo(f"good: {len(rules.rules)} rules, {len(rules.sinks)} sinks")


@alert.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most, newest first.")] = 30,
    as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """The newest alerts, and what became of each at each sink."""
    with _outbox(settings_of(config)) as outbox:
        found = outbox.latest(limit)
    if as_json:
        typer.echo(json.dumps([dict(document) | {"id": i, "deliveries": [asdict(d) for d in states]}
                               for i, document, states in found], ensure_ascii=False, indent=1))
        return
    table = Table(Column("at", no_wrap=True), "severity", "rule", "message", "sinks")
    for _, document, states in found:
        told = ", ".join(f"{d.sink}: {d.state}" + (f" ({d.error})" if d.error else "") for d in states)
        table.add_row(str(document["at"])[:19], str(document["severity"]), str(document["rule"]), str(document["message"]), told)
    Console().print(table if found else "no alert yet")


@alert.command()
def retry(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Try everything again that a sink has not taken, also what was given up; the running detection does it at once."""
    with _outbox(settings_of(config)) as outbox:
        typer.echo(f"{outbox.retry(time.time())} deliveries are tried again")


@alert.command("test")
def exercise(
    by: Annotated[str, typer.Option("--by", help="Who answers for the exercise.")] = "",
    only: Annotated[list[str] | None, typer.Option("--sink", help="Only this sink; may be repeated.")] = None,
    attempts: Annotated[int, typer.Option("--attempts", min=1, max=10, help="How often a sink that fails is tried.")] = 3,
    as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Exercise the alert circuit: a test alert through every sink, written to the journal (8-h5). Status 1 on failure.

    A sink that fails is tried again after a second, then after two, as real alerts are for days.
    """
    settings = settings_of(config)
    configure_logging(worker="alert")  # a log sink tells standard error, as it does for `detection run`
    sinks = _sinks(_rules(settings))
    if unknown := [name for name in only or () if name not in sinks]:
        fail(f"no sink is called {unknown[0]}; there are {', '.join(sinks)}")
    chosen = {name: sink for name, sink in sinks.items() if not only or name in only}
    act = act_now(DRILL, by.strip() or operator_name(), "exercice du circuit d'alerte", {"sinks": ", ".join(chosen)})
    tried = asyncio.run(_exercise(chosen, act.id, attempts))
    good = not any(one.why for one in tried.values())
    try:
        failed = ", ".join(name for name, one in tried.items() if one.why)
        record_act(settings.journal.folder, act.told("fait" if good else "echec", **({"echecs": failed} if failed else {})))
    except JournalUnavailable as e:
        fail(str(e))
    if as_json:
        typer.echo(json.dumps({"sinks": {name: one.why or "delivered" for name, one in tried.items()},
                               "attempts": {name: one.attempts for name, one in tried.items()}, "good": good}))
    else:
        table = Table("sink", "outcome", Column("attempts", justify="right"))
        for name, one in tried.items():
            table.add_row(name, Text(one.why or "delivered", "red" if one.why else "green"), str(one.attempts))
        Console().print(table)
        typer.echo("the circuit works; the exercise is in the journal" if good else
                   f"NOT delivered by {failed}: mend the sink in {_file(settings)}, then exercise again", err=not good)
    sys.exit(0 if good else 1)


@dataclass(frozen=True, slots=True)
class _Tried:
    """What came of one sink; `why` is empty when it took the alert."""

    attempts: int
    why: str


async def _exercise(sinks: dict[str, AlertSink], number: str, attempts: int) -> dict[str, _Tried]:
    told = Alert(rule="exercice", kind="exercise", severity="info", at=datetime.now(UTC), subject="circuit d'alerte",
                 message="Exercice du circuit d'alerte de Poterne : aucune action n'est attendue.").document()

    async def to(sink: AlertSink) -> _Tried:
        why = ""
        for attempt in range(1, attempts + 1):
            try:
                await sink.send(number, told)
            except SinkFailed as e:
                why = str(e)
            else:
                return _Tried(attempt, "")
            if attempt < attempts:
                await asyncio.sleep(attempt)
        return _Tried(attempts, why)

    return dict(zip(sinks, await asyncio.gather(*(to(s) for s in sinks.values())), strict=True))


def _file(settings: Settings) -> Path | None:
    return settings.detection.file if settings.detection else None


def _rules(settings: Settings) -> DetectionSettings:
    if settings.detection is None:
        fail("gateway.yaml names no file of rules and sinks; add detection: {file: detection.yaml}")
    try:
        return load_detection(settings.detection.file)
    except SettingsError as e:
        fail(str(e))


def _sinks(rules: DetectionSettings) -> dict[str, AlertSink]:
    try:
        return open_sinks(rules.sinks)
    except (OSError, ValueError) as e:
        fail(f"a sink cannot be used: {e}")


@contextmanager
def _outbox(settings: Settings) -> Iterator[Outbox]:
    file = outbox_file(settings.state.folder)
    if not file.exists():
        fail(f"{file}: there are no alerts; has `poterne detection run` ever run here?")
    with closing(Outbox(Path(file))) as outbox:
        yield outbox
