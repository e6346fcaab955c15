"""`poterne token-key`: the ring of keys that sign access tokens. A rotation refuses no call."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from gateway_addons.adapters.identity import ring_files
from gateway_addons.adapters.identity.authorization_server import PUBLISHED_S
from gateway_addons.adapters.identity.key_ring import read_document
from gateway_addons.adapters.journal.acts import act_now, operator_name, record_act
from gateway_addons.commands.terminal import DEFAULT_CONFIG, AsJson, ConfigFile, fail, settings_of
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.settings.gateway import Settings
from gateway_addons.settings.values import EnvironmentName

_MOMENT = "%Y-%m-%d %H:%M:%S"
app = typer.Typer(help="The keys that sign access tokens: created, rotated, taken out.", no_args_is_help=True)

Environment = Annotated[EnvironmentName, typer.Option("--environment")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is written to the journal.")]
By = Annotated[str | None, typer.Option("--by", help="Who answers for it; else the user of this machine.")]


@app.command()
def create(environment: Environment = "production", config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Make the ring, with its first key. Before the first start."""
    folder, _ = _place(settings_of(config), environment)
    try:
        typer.echo(f"{environment}: key {ring_files.create_ring(folder, datetime.now(UTC))} signs now; {folder}")
    except OSError as e:
        fail(str(e))


@app.command()
def show(environment: Environment = "production", as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """The keys, since when each one signs and until when it is believed."""
    folder, _ = _place(settings_of(config), environment)
    try:
        entries = read_document(folder).keys
    except (OSError, ValueError) as e:
        fail(str(e))
    now = datetime.now(UTC)
    signer = max((e for e in entries if e.signs_from <= now), key=lambda e: e.signs_from, default=None)
    if as_json:
        typer.echo(json.dumps([e.model_dump(mode="json") | {"signs": e is signer} for e in entries], indent=1))
        return
    table = Table("key", "signs from", "believed until", "now")
    for entry in entries:
        end = entry.believed_until
        over = end is not None and end <= now
        state = "signs" if entry is signer else "over" if over else "published" if entry.signs_from > now else "believed"
        table.add_row(entry.kid, f"{entry.signs_from:{_MOMENT}}", f"{end:{_MOMENT}}" if end else "", state)
    Console().print(table)


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
    _say(as_json, entry.model_dump(mode="json"),
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
    _say(as_json, {"removed": kid, "signs": signer}, f"{environment}: {kid} is not believed any more; {signer} signs")


def _do[T](settings: Settings, environment: str, kind: str, reason: str, by: str | None, change: Callable[[], T],
           **about: str) -> T:
    if not reason.strip():
        fail("--reason must say why")
    act = act_now(kind, by or operator_name(), reason.strip(), {"environnement": environment} | about)
    try:
        record_act(settings.journal.folder, act.told("annonce"))
        try:
            done = change()
        except (OSError, ValueError) as e:
            record_act(settings.journal.folder, act.told("echec"))
            fail(str(e))
        record_act(settings.journal.folder, act.told("fait"))
    except JournalUnavailable as e:
        fail(str(e))
    return done


def _place(settings: Settings, environment: EnvironmentName) -> tuple[Path, float]:
    own = settings.environments.get(environment)
    if own is None or own.tokens.signing_keys_folder is None:
        fail(f"{environment} signs no tokens here: it is not set up, or believes an external authorization server")
    return own.tokens.signing_keys_folder, own.tokens.lifetime_s


def _say(as_json: bool, document: dict[str, Any], sentence: str) -> None:
    typer.echo(json.dumps(document, ensure_ascii=False, indent=1) if as_json else sentence)
