"""`poterne quota`: the use of the windows, and the reset of one, which is journaled."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Column, Table

from gateway_addons.adapters.quota.quota_register import QuotaRegister, QuotaUse
from gateway_addons.adapters.redis_client import connect
from gateway_addons.commands.terminal import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigFile,
    Environment,
    Reason,
    announced,
    operator_act,
    say,
    settings_of,
    show_table,
    told,
)
from gateway_addons.core.errors import QuotaUnavailable
from gateway_addons.settings.gateway import Settings

app = typer.Typer(help="The quota of each contract (clause 9.2).", no_args_is_help=True)


@app.command()
def show(
    contract: Annotated[str | None, typer.Argument(help="Only this contract.")] = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Use now and over the last hour, of every contract that called in it."""
    settings = settings_of(config)
    uses = _ask(settings, lambda register: register.uses(contract))
    if not uses and not as_json:
        typer.echo("no call in the last hour")
    else:
        show_table(as_json, [asdict(use) for use in uses], _table(uses))


@app.command()
def reset(
    contract: Annotated[str, typer.Argument(help="The contract whose window is emptied.")],
    reason: Reason,
    environment: Environment = "production",
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Empty a contract's window: its whole quota is free again at once. Written to the journal first."""
    settings = settings_of(config)
    act = operator_act("quota.reset", reason, None, environnement=environment, convention=contract)
    with announced(settings.journal.folder, act) as outcome:
        forgotten = _ask(settings, lambda register: register.reset(environment, contract))
        outcome["appelsOublies"] = str(forgotten)
    say(as_json, {"environment": environment, "contract": contract, "forgotten": forgotten},
        f"{environment} {contract}: {forgotten} calls forgotten; written to the journal")


def _ask[T](settings: Settings, question: Callable[[QuotaRegister], Awaitable[T]]) -> T:
    async def asked() -> T:
        register = QuotaRegister(connect(settings.redis), settings.redis.timeout_s)
        try:
            return await question(register)
        finally:
            await register.close()

    with told(QuotaUnavailable):
        return asyncio.run(asked())


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
