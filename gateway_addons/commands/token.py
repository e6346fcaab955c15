"""`poterne token`: tokens taken back by the operator, on every worker of every gateway within a second."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from gateway_addons.adapters.identity.revoked_tokens import REGISTER, RevokedInRegister
from gateway_addons.adapters.register.registers import Untold, register_of
from gateway_addons.commands.terminal import (
    DEFAULT_CONFIG,
    AsJson,
    By,
    ConfigFile,
    Environment,
    Reason,
    announced,
    fail,
    operator_act,
    say,
    settings_of,
)
from gateway_addons.core.errors import RegisterUnavailable
from gateway_addons.settings.gateway import Settings
from gateway_addons.settings.tokens import Tokens

app = typer.Typer(help="Access tokens: taken back before their end.", no_args_is_help=True)


@app.callback()
def token() -> None:
    """Access tokens: taken back before their end."""


@app.command()
def revoke(
    client: Annotated[str, typer.Option("--client", help="Every token that this client has now is taken back.")],
    reason: Reason,
    environment: Environment = "production",
    by: By = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Take back all tokens of a client. It may ask for new ones: to keep it out, revoke its secret or cut its contract."""
    settings = settings_of(config)
    own = settings.environments.get(environment)
    if own is None:
        fail(f"{environment} is not set up")
    act = operator_act("token.revoke", reason, by, environnement=environment, client_id=client)
    with announced(settings.journal.folder, act, RegisterUnavailable):
        asyncio.run(_revoke(settings, own.tokens, environment, client, act.author))
    say(as_json, {"environment": environment, "client": client}, f"{environment}: the tokens of {client} are taken back")


async def _revoke(settings: Settings, tokens: Tokens, environment: str, client: str, author: str) -> None:
    lifetime_s = tokens.external.max_lifetime_s if tokens.external else tokens.lifetime_s
    register = register_of(settings, REGISTER, Untold())
    try:
        await register.open()
        revoked = RevokedInRegister(register, environment, tokens.revocation.max_age_s, tokens.revocation.on_stale)
        await revoked.revoke_client(client, author, datetime.now(UTC) + timedelta(seconds=lifetime_s + tokens.leeway_s + 60))
    finally:
        await register.close()
