"""What the commands of `poterne journal` share besides `terminal`: who and why, and progress."""

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from gateway_addons.commands.terminal import fail

By = Annotated[str | None, typer.Option("--by", help="Who answers for it; without it, the user of this machine.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is written to the journal.")]


def needed(reason: str) -> str:
    """A reason that says something."""
    if not reason.strip():
        fail("--reason must say why")
    return reason.strip()


def progress_bar(quiet: bool) -> Progress:
    """Bytes read, rate and time to go, on standard error; gone when done."""
    return Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
                    console=Console(stderr=True), transient=True, disable=quiet)
