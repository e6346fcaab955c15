"""The command line: `poterne` or `python -m gateway_addons`."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from gateway_addons.adapters.policy.api_files import ApiFileError
from gateway_addons.commands import quota
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.reason_pages import pages
from gateway_addons.core.reasons import REASONS
from gateway_addons.core.trust import TrustError
from gateway_addons.run import run as run_gateway
from gateway_addons.settings.gateway import load
from gateway_addons.settings.values import SettingsError

app = typer.Typer(help="Poterne: the gateway in front of the API INFINOE.", no_args_is_help=True, add_completion=False)
app.add_typer(quota.app, name="quota")

ConfigFile = Annotated[Path, typer.Option("--config", help="gateway.yaml", envvar="POTERNE_CONFIG")]


@app.callback()
def poterne() -> None:
    """Poterne."""


@app.command()
def run(config: ConfigFile = Path("config/gateway.yaml")) -> None:
    """Run the gateway until SIGTERM."""
    try:
        run_gateway(load(config))
    except (SettingsError, ApiFileError, TrustError, JournalUnavailable, OSError, ValueError) as e:
        typer.echo(f"poterne: {e}", err=True)
        sys.exit(2)


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
