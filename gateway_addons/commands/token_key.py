"""`poterne token-key`: the ring of keys that sign access tokens. A rotation refuses no call."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gateway_addons.adapters.identity import ring_files
from gateway_addons.adapters.identity.authorization_server import PUBLISHED_S
from gateway_addons.adapters.identity.key_ring import read_document
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
    show_table,
    told,
)
from gateway_addons.settings.gateway import Settings
from gateway_addons.settings.values import EnvironmentName

_MOMENT = "%Y-%m-%d %H:%M:%S"
app = typer.Typer(help="The keys that sign access tokens: created, rotated, taken out.", no_args_is_help=True)


@app.command()
def create(environment: Environment = "production", as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Make the ring, with its first key. Before the first start."""
    folder, _ = _place(settings_of(config), environment)
    with told(OSError):
        key = ring_files.create_ring(folder, datetime.now(UTC))
    say(as_json, {"environment": environment, "key": key, "folder": str(folder)}, f"{environment}: key {key} signs now; {folder}")


@app.command()
def show(environment: Environment = "production", as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """The keys, since when each one signs and until when it is believed."""
    folder, _ = _place(settings_of(config), environment)
    with told(OSError, ValueError):
        entries = read_document(folder).keys
    now = datetime.now(UTC)
    signer = max((e for e in entries if e.signs_from <= now), key=lambda e: e.signs_from, default=None)
    table = Table("key", "signs from", "believed until", "now")
    for entry in entries:
        end = entry.believed_until
        over = end is not None and end <= now
        state = "signs" if entry is signer else "over" if over else "published" if entry.signs_from > now else "believed"
        table.add_row(entry.kid, f"{entry.signs_from:{_MOMENT}}", f"{end:{_MOMENT}}" if end else "", state)
    show_table(as_json, [e.model_dump(mode="json") | {"signs": e is signer} for e in entries], table)


@app.command()
def rotate(
    reason: Reason,
    lead_s: Annotated[float, typer.Option(min=2, max=7 * 86400, help="Seconds published before it signs.")] = 2 * PUBLISHED_S,
    environment: Environment = "production",
    by: By = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Add a key that signs after the lead; the one before is believed until its last token has ended."""
    settings = settings_of(config)
    folder, lifetime_s = _place(settings, environment)
    entry = _do(settings, environment, "token_key.rotate", reason, by,
                lambda: ring_files.rotate(folder, datetime.now(UTC), publish_for_s=lead_s, token_lifetime_s=lifetime_s))
    say(as_json, entry.model_dump(mode="json"),
         f"{environment}: key {entry.kid} is published and signs from {entry.signs_from:%H:%M:%S} UTC on")


@app.command()
def remove(
    kid: Annotated[str, typer.Argument(help="The key, as `token-key show` names it.")],
    reason: Reason,
    environment: Environment = "production",
    by: By = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Take a key out at once: no token that it signed is believed any more. For a key that others may know."""
    settings = settings_of(config)
    folder, _ = _place(settings, environment)
    signer = _do(settings, environment, "token_key.remove", reason, by,
                 lambda: ring_files.remove(folder, kid, datetime.now(UTC)), kid=kid)
    say(as_json, {"removed": kid, "signs": signer}, f"{environment}: {kid} is not believed any more; {signer} signs")


def _do[T](settings: Settings, environment: str, kind: str, reason: str, by: str | None, change: Callable[[], T],
           **about: str) -> T:
    act = operator_act(kind, reason, by, environnement=environment, **about)
    with announced(settings.journal.folder, act, OSError, ValueError):
        return change()


def _place(settings: Settings, environment: EnvironmentName) -> tuple[Path, float]:
    own = settings.environments.get(environment)
    if own is None or own.tokens.signing_keys_folder is None:
        fail(f"{environment} signs no tokens here: it is not set up, or believes an external authorization server")
    return own.tokens.signing_keys_folder, own.tokens.lifetime_s
