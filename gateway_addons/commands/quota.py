"""`poterne quota`: the use of the windows, and the reset of one, which is journaled."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Column, Table

from gateway_addons.adapters.journal.acts import act_now, operator_name, record_act
from gateway_addons.adapters.quota.quota_register import QuotaRegister, QuotaUse
from gateway_addons.adapters.redis_client import connect
from gateway_addons.core.errors import JournalUnavailable, QuotaUnavailable
from gateway_addons.settings.gateway import Settings, load
from gateway_addons.settings.values import EnvironmentName, SettingsError

app = typer.Typer(help="The quota of each contract (clause 9.2).", no_args_is_help=True)

ConfigFile = Annotated[Path, typer.Option("--config", help="gateway.yaml", envvar="POTERNE_CONFIG")]
DEFAULT_CONFIG = Path("config/gateway.yaml")


@app.command()
def show(
    contract: Annotated[str | None, typer.Argument(help="Only this contract.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Use now and over the last hour, of every contract that called in it."""
    settings = _settings(config)
    uses = _ask(settings, lambda register: register.uses(contract))
    if as_json:
        typer.echo(json.dumps([asdict(use) for use in uses], ensure_ascii=False, indent=1))
    elif not uses:
        typer.echo("no call in the last hour")
    else:
        Console().print(_table(uses))


@app.command()
def reset(
    contract: Annotated[str, typer.Argument(help="The contract whose window is emptied.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is written to the journal.")],
    environment: Annotated[EnvironmentName, typer.Option("--environment")] = "production",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Empty a contract's window: its whole quota is free again at once. Written to the journal first."""
    if not reason.strip():
        _fail("--reason must say why")
    settings = _settings(config)
    folder = settings.journal.folder
    act = act_now("quota.reset", operator_name(), reason.strip(), {"environnement": environment, "convention": contract})
    try:
        record_act(folder, act.told("annonce"))
        try:
            forgotten = _ask(settings, lambda register: register.reset(environment, contract))
        except SystemExit:
            record_act(folder, act.told("echec"))
            raise
        record_act(folder, act.told("fait", appelsOublies=str(forgotten)))
    except JournalUnavailable as e:
        _fail(str(e))
    typer.echo(f"{environment} {contract}: {forgotten} calls forgotten; written to the journal")


def _ask[T](settings: Settings, question: Callable[[QuotaRegister], Awaitable[T]]) -> T:
    async def asked() -> T:
        register = QuotaRegister(connect(settings.redis), settings.redis.timeout_s)
        try:
            return await question(register)
        finally:
            await register.close()

    try:
        return asyncio.run(asked())
    except QuotaUnavailable as e:
        _fail(str(e))


def _settings(config: Path) -> Settings:
    try:
        return load(config)
    except SettingsError as e:
        _fail(str(e))


def _fail(why: str) -> NoReturn:
    typer.echo(f"poterne: {why}", err=True)
    sys.exit(2)


def _table(uses: list[QuotaUse]) -> Table:
    table = Table(Column("environment", no_wrap=True), Column("contract", no_wrap=True), "used now", "limit", "next free in s",
                  "last hour", "refused", "busiest minute")
    for use in uses:
        table.add_row(use.environment, use.contract, str(use.used), f"{use.limit} / {use.window_s} s", f"{use.free_in_s:.1f}",
                      str(use.accepted_last_hour), str(use.refused_last_hour), str(use.busiest_minute))
        for window in use.extra:
            table.add_row("", f"  {window.name}", str(window.limit - window.remaining),
                          f"{window.limit} {window.unit} / {window.window_s} s", "", "", "", "")
    return table
