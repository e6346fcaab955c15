"""`poterne token`: tokens taken back by the operator, on every worker of every gateway within a second."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from gateway_addons.adapters.identity.revoked_tokens import REGISTER, RevokedInRegister
from gateway_addons.adapters.journal.acts import act_now, operator_name, record_act
from gateway_addons.adapters.register.registers import Untold, register_of
from gateway_addons.commands.terminal import DEFAULT_CONFIG, AsJson, ConfigFile, fail, settings_of
from gateway_addons.core.errors import JournalUnavailable, RegisterUnavailable
from gateway_addons.settings.gateway import Settings
from gateway_addons.settings.tokens import Tokens
from gateway_addons.settings.values import EnvironmentName

app = typer.Typer(help="Access tokens: taken back before their end.", no_args_is_help=True)


@app.callback()
def token() -> None:
    """Access tokens: taken back before their end."""


@app.command()
def revoke(
    client: Annotated[str, typer.Option("--client", help="Every token that this client has now is taken back.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is written to the journal.")],
    environment: Annotated[EnvironmentName, typer.Option("--environment")] = "production",
    by: Annotated[str | None, typer.Option("--by", help="Who answers for it; else the user of this machine.")] = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Take back all tokens of a client. It may ask for new ones: to keep it out, revoke its secret or cut its contract."""
    settings = settings_of(config)
    own = settings.environments.get(environment)
    if own is None:
        fail(f"{environment} is not set up")
    if not reason.strip():
        fail("--reason must say why")
    author = by or operator_name()
    act = act_now("token.revoke", author, reason.strip(), {"environnement": environment, "client_id": client})
    try:
        record_act(settings.journal.folder, act.told("annonce"))
        try:
            asyncio.run(_revoke(settings, own.tokens, environment, client, author))
        except RegisterUnavailable as e:
            record_act(settings.journal.folder, act.told("echec"))
            fail(str(e))
        record_act(settings.journal.folder, act.told("fait"))
    except JournalUnavailable as e:
        fail(str(e))
    document = json.dumps({"environment": environment, "client": client})
    typer.echo(document if as_json else f"{environment}: the tokens of {client} are taken back")


async def _revoke(settings: Settings, tokens: Tokens, environment: str, client: str, author: str) -> None:
    lifetime_s = tokens.external.max_lifetime_s if tokens.external else tokens.lifetime_s
    register = register_of(settings, REGISTER, Untold())
    try:
        await register.open()
        revoked = RevokedInRegister(register, environment, tokens.revocation.max_age_s, tokens.revocation.on_stale)
        await revoked.revoke_client(client, author, datetime.now(UTC) + timedelta(seconds=lifetime_s + tokens.leeway_s + 60))
    finally:
        await register.close()
