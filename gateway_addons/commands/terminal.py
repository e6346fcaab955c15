"""What the commands share: settings, options, failures, results for people and for programs, and acts that are announced.

A command ends with 0; with 1 for a finding (a call that would be refused, a guard that objects); with 2 and one sentence on
standard error when it cannot do what it was asked, which says what is wrong and what to do.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from gateway_addons.adapters.journal.acts import act_now, operator_name, record_act
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.journal.act import Act
from gateway_addons.settings.gateway import Settings, load
from gateway_addons.settings.values import EnvironmentName, SettingsError

ConfigFile = Annotated[Path, typer.Option("--config", help="gateway.yaml", envvar="POTERNE_CONFIG")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Environment = Annotated[EnvironmentName, typer.Option("--environment")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is written to the journal.")]
By = Annotated[str | None, typer.Option("--by", help="Who answers for it; else the user of this machine.")]
DEFAULT_CONFIG = Path("config/gateway.yaml")


def settings_of(config: Path) -> Settings:
    """The settings, or the end of the command."""
    with told(SettingsError):
        return load(config)


def fail(why: str, status: int = 2) -> NoReturn:
    """End the command; `why` says what is wrong and what to do."""
    typer.echo(f"poterne: {why}", err=True)
    sys.exit(status)


@contextmanager
def told(*kinds: type[Exception], status: int = 2) -> Iterator[None]:
    """Turn these exceptions into a sentence and the end of the command."""
    try:
        yield
    except kinds as e:
        fail(str(e), status)


def say(as_json: bool, document: Any, sentence: str) -> None:
    """The result: a document for programs, a sentence for people."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=1) if as_json else sentence)


def show_table(as_json: bool, document: Any, table: Table) -> None:
    """The result: a document for programs, a table for people."""
    if as_json:
        say(True, document, "")
    else:
        Console().print(table)


def operator_act(kind: str, reason: str, by: str | None, **about: str) -> Act:
    """What an operator is about to do, and why; the end of the command where no reason is given."""
    if not reason.strip():
        fail("--reason must say why")
    return act_now(kind, by or operator_name(), reason.strip(), about)


@contextmanager
def announced(journal: Path, act: Act, *cannot: type[Exception]) -> Iterator[dict[str, str]]:
    """The change within, between its announcement and its outcome in the journal; what is put into the dict goes with it.

    `cannot` are the ways in which the change may fail: told as a sentence. The journal says of any failure that it was one;
    without the journal nothing is changed.
    """
    with told(JournalUnavailable, *cannot):
        record_act(journal, act.told("annonce"))
        outcome: dict[str, str] = {}
        try:
            yield outcome
        except BaseException:
            record_act(journal, act.told("echec"))
            raise
        record_act(journal, act.told("fait", **outcome))
