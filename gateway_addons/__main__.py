"""The command line: `poterne` or `python -m gateway_addons`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway_addons.adapters.api_files import ApiFileError
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.trust import TrustError
from gateway_addons.run import run as run_gateway
from gateway_addons.settings import SettingsError, load

app = typer.Typer(help="Poterne: the gateway in front of the API INFINOE.", no_args_is_help=True, add_completion=False)

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


if __name__ == "__main__":
    app()
