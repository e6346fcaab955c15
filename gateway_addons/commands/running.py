"""`poterne reload` and `poterne workers`: what the operator asks of the gateway that runs."""

import json
import socket
import sys
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from gateway_addons.commands.terminal import DEFAULT_CONFIG, AsJson, ConfigFile, fail, say, settings_of, show_table
from gateway_addons.settings.gateway import Settings
from gateway_addons.supervisor.place import call_supervisor

LIMIT_S = 600.0
"""A reload starts every worker anew, one after the other."""


def reload(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Take up changed settings: checked first, then one worker after the other is replaced; no call is dropped.

    Settings that cannot be used are refused, and the old ones stay (status 2).
    """
    answer = _ask(settings_of(config), "reload")
    if as_json:
        say(True, answer, "")
    elif answer["done"]:
        typer.echo("The new settings are in use.")
        Console().print(_table(answer["workers"]))
    else:
        typer.echo(f"poterne: the new settings are refused, the old ones stay: {answer['why']}", err=True)
    sys.exit(0 if answer["done"] else 2)


def workers(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """The workers of the gateway that runs: process, state, since when, how often restarted."""
    answer = _ask(settings_of(config), "workers")
    show_table(as_json, answer["workers"], _table(answer["workers"]))


def _ask(settings: Settings, question: str) -> dict[str, Any]:
    try:
        with call_supervisor(settings.state.run) as line:
            line.settimeout(LIMIT_S)
            line.sendall(json.dumps({"ask": question}).encode() + b"\n")
            answer = _read(line)
    except OSError as e:
        fail(f"no gateway runs with {settings.state.folder} ({e.strerror or e}); start it with `poterne run`")
    if answer is None:
        fail("the gateway ended before it answered; its log says why")
    return answer


def _read(line: socket.socket) -> dict[str, Any] | None:
    with line.makefile("rb") as file:
        text = file.readline()
    answer: dict[str, Any] | None = json.loads(text) if text.endswith(b"\n") else None
    return answer


def _table(found: list[dict[str, Any]]) -> Table:
    table = Table("slot", "journal", "pid", "state", "since", "restarts")
    for worker in found:
        table.add_row(str(worker["slot"]), worker["writer"], str(worker["pid"]), worker["state"], worker["since"],
                      str(worker["restarts"]))
    return table
