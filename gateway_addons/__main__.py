"""The command line: `poterne` or `python -m gateway_addons`."""

import json
import socket
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from gateway_addons.commands.later import Later, LaterGroup
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.reason_pages import pages
from gateway_addons.core.reasons import REASONS
from gateway_addons.settings.values import SettingsError
from gateway_addons.supervisor.errors import StartFailed

LATER = {
    "journal": Later(
        "journal", "The journal: is it whole, what is in it, how long it is kept (terms of use, section 8; DICP I3, P2)."),
    "quota": Later("quota", "The quota of each contract (clause 9.2)."),
    "client": Later("client", "The credentials of OAuth2 clients (control C4, clauses 4-f and 8-b)."),
    "token": Later("token", "Access tokens: taken back before their end."),
    "token-key": Later("token_key", "The keys that sign access tokens: created, rotated, taken out."),
    "policy": Later("policy", "Revisions of policies and contracts: check, build, activate, roll back."),
    "contract": Later("contract", "Contracts: new, check, show, diff, due, explain."),
    "switch": Later("switch", "Cut, restrict and restore consumers, on every worker of every gateway."),
    "incident": Later("incident", "Incidents of security: phases, deadlines, evidence (clause 8)."),
    "detection": Later("detection", "The watch over the journal (clause 8-e).", "detection"),
    "alert": Later("detection", "Alerts, and the circuit they take (clauses 8-h4, 8-h5).", "alert"),
    "replay": Later(
        "replay", "Send every case and say whether it was refused, forwarded identically, or anything else.", "replay_cases"),
    "reload": Later(
        "running", "Take up changed settings: checked first, then one worker after the other is replaced.", "reload"),
    "workers": Later(
        "running", "The workers of the gateway that runs: process, state, since when, how often restarted.", "workers"),
}


class Poterne(LaterGroup):
    """Every command of the gateway."""

    later = LATER


app = typer.Typer(cls=Poterne, help="Poterne: the gateway in front of the API INFINOE.", no_args_is_help=True,
                  add_completion=False)

ConfigFile = Annotated[Path, typer.Option("--config", help="gateway.yaml", envvar="POTERNE_CONFIG")]


@app.callback()
def poterne() -> None:
    """Poterne."""


@app.command()
def run(config: ConfigFile = Path("config/gateway.yaml")) -> None:
    """Run the gateway until SIGTERM: a supervisor and its workers. SIGHUP takes up changed settings."""
    from gateway_addons.supervisor.supervise import supervise  # asyncio's servers, which most commands do without
    try:
        supervise(config)
    except (SettingsError, StartFailed, JournalUnavailable) as e:
        typer.echo(f"poterne: {e}", err=True)
        sys.exit(2)


@app.command(hidden=True)
def worker(
    config: ConfigFile,
    slot: Annotated[int, typer.Option(help="Place among the workers.")],
    writer: Annotated[str, typer.Option(help="Part of the journal that is this worker's.")],
    control: Annotated[int, typer.Option(help="Descriptor of the line to the supervisor.")],
    listener: Annotated[list[str], typer.Option(help="environment=descriptor of a listening socket.")],
) -> None:
    """One worker; started by `run`, with descriptors that it inherits."""
    from gateway_addons.admin.supervised import Station
    from gateway_addons.run import run_worker  # the engine, which the supervisor and the other commands do without

    listening: dict[str, list[socket.socket]] = {}
    for environment, _, descriptor in (item.partition("=") for item in listener):
        listening.setdefault(environment, []).append(socket.socket(fileno=int(descriptor)))
    run_worker(config, Station(slot, writer, socket.socket(fileno=control), listening))


@app.command()
def reasons(
    write: Annotated[Path | None, typer.Option("--write", help="Write one page for each code into this folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List every reason for a refusal: code, HTTP status, control, clause, message."""
    if write is not None:
        write.mkdir(parents=True, exist_ok=True)
        for name, text in pages().items():
            (write / name).write_text(text, encoding="utf-8")
    elif as_json:
        typer.echo(json.dumps([asdict(r) for r in REASONS.values()], ensure_ascii=False, indent=1))
    else:
        table = Table("code", "HTTP", "control", "source", "message")
        for reason in REASONS.values():
            table.add_row(reason.code, str(reason.status), reason.control, reason.clause, reason.fr)
        Console().print(table)


if __name__ == "__main__":
    app()
