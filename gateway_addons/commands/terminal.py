"""What the commands share: how settings are found, how a failure is told."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gateway_addons.settings.gateway import Settings, load
from gateway_addons.settings.values import SettingsError

ConfigFile = Annotated[Path, typer.Option("--config", help="gateway.yaml", envvar="POTERNE_CONFIG")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
DEFAULT_CONFIG = Path("config/gateway.yaml")


def settings_of(config: Path) -> Settings:
    """The settings, or the end of the command."""
    try:
        return load(config)
    except SettingsError as e:
        fail(str(e))


def fail(why: str) -> NoReturn:
    """End the command with status 2; `why` says what is wrong and what to do."""
    typer.echo(f"poterne: {why}", err=True)
    sys.exit(2)
