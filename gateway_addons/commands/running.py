"""`poterne reload` and `poterne workers`: what the operator asks of the gateway that runs."""

import json
import socket
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from gateway_addons.settings.gateway import Settings, load
from gateway_addons.settings.values import SettingsError
from gateway_addons.supervisor.place import call_supervisor

ConfigFile = Annotated[Path, typer.Option("--config", help="gateway.yaml", envvar="POTERNE_CONFIG")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
DEFAULT_CONFIG = Path("config/gateway.yaml")

LIMIT_S = 600.0
"""A reload starts every worker anew, one after the other."""


def reload(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Take up changed settings: checked first, then one worker after the other is replaced; no call is dropped.

    Settings that cannot be used are refused, and the old ones stay (status 2).
    """
    answer = _ask(_settings(config), "reload")
    if as_json:
        typer.echo(json.dumps(answer, indent=1))
    elif answer["done"]:
        typer.echo("The new settings are in use.")
        Console().print(_table(answer["workers"]))
    else:
        typer.echo(f"poterne: the new settings are refused, the old ones stay: {answer['why']}", err=True)
    sys.exit(0 if answer["done"] else 2)


def workers(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """The workers of the gateway that runs: process, state, since when, how often restarted."""
    answer = _ask(_settings(config), "workers")
    if as_json:
        typer.echo(json.dumps(answer["workers"], indent=1))
    else:
        Console().print(_table(answer["workers"]))


def _ask(settings: Settings, question: str) -> dict[str, Any]:
    try:
        with call_supervisor(settings.state.run) as line:
            line.settimeout(LIMIT_S)
            line.sendall(json.dumps({"ask": question}).encode() + b"\n")
            answer = _read(line)
    except OSError as e:
        _fail(f"no gateway runs with {settings.state.folder} ({e.strerror or e}); start it with `poterne run`")
    if answer is None:
        _fail("the gateway ended before it answered; its log says why")
    return answer


def _read(line: socket.socket) -> dict[str, Any] | None:
    with line.makefile("rb") as file:
        text = file.readline()
    answer: dict[str, Any] | None = json.loads(text) if text.endswith(b"\n") else None
    return answer


def _settings(config: Path) -> Settings:
    try:
        return load(config)
    except SettingsError as e:
        _fail(str(e))


def _fail(why: str) -> NoReturn:
    typer.echo(f"poterne: {why}", err=True)
    sys.exit(2)


def _table(found: list[dict[str, Any]]) -> Table:
    table = Table("slot", "journal", "pid", "state", "since", "restarts")
    for worker in found:
        table.add_row(str(worker["slot"]), worker["writer"], str(worker["pid"]), worker["state"], worker["since"],
                      str(worker["restarts"]))
    return table
