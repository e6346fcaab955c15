"""`poterne switch`: cut or restrict a consumer on every gateway within a second, and give service back (clauses 8-g, 12)."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from gateway_addons.adapters.journal.acts import act_now, operator_name, record_act
from gateway_addons.adapters.register.notice_folder import NoticeFolder
from gateway_addons.adapters.register.registers import register_of
from gateway_addons.adapters.register.shared_register import Reach
from gateway_addons.adapters.register.switch_board import REGISTER
from gateway_addons.adapters.register.switch_desk import NoSuchSwitch, SwitchDesk
from gateway_addons.commands.switch_target import Given, certificate_names, moment_of, names_in, touched_by, with_digest
from gateway_addons.commands.switch_view import addresses, notice_table, say, say_put, switch_table, where
from gateway_addons.commands.terminal import DEFAULT_CONFIG, AsJson, ConfigFile, fail, settings_of
from gateway_addons.core.errors import JournalUnavailable, RegisterUnavailable
from gateway_addons.core.register import Entry
from gateway_addons.core.switch import notice as written
from gateway_addons.core.switch.order import (
    MOTIFS,
    Kind,
    Motif,
    Order,
    OrderError,
    Verification,
    check,
    check_restore,
    target,
)
from gateway_addons.settings.values import EnvironmentName

app = typer.Typer(help="Cut, restrict and restore consumers, on every worker of every gateway.", no_args_is_help=True)

CANNOT = (RegisterUnavailable, JournalUnavailable, OrderError, NoSuchSwitch, OSError)

Convention = Annotated[str | None, typer.Option("--convention", help="The contract's id.")]
Certificate = Annotated[str | None, typer.Option("--certificate", help="Its SHA-256, or its key's; or a PEM file.")]
Address = Annotated[str | None, typer.Option("--ip", help="An address or a network (CIDR).")]
Client = Annotated[str | None, typer.Option("--client", help="The OAuth2 client's id.")]
Flux = Annotated[str | None, typer.Option("--flux", help="The flux.")]
All = Annotated[bool, typer.Option("--all", help="Everybody: the whole API.")]
In = Annotated[EnvironmentName | None, typer.Option("--environment", help="Only there; else in both environments.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is journaled.")]
Author = Annotated[str, typer.Option("--author", "--by", help="Who orders it; the user of this machine is written beside it.")]
Until = Annotated[str | None, typer.Option("--until", help="When it ends by itself (ISO 8601; without a zone: Paris).")]
Category = Annotated[Motif, typer.Option("--motif", help=f"12-a: {', '.join(MOTIFS)}.")]
NoContract = Annotated[bool, typer.Option("--sans-convention", help="It touches no contract known here: no notice is due.")]


@app.command()
def cut(
    reason: Why, convention: Convention = None, certificate: Certificate = None, ip: Address = None, client: Client = None,
    flux: Flux = None, everybody: All = False, environment: In = None, until: Until = None, motif: Category = "securite",
    author: Author = "", no_contract: NoContract = False, as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Let nothing of it pass any more: the next call is refused, also on connections that are open."""
    given = {"convention": convention, "certificate": certificate, "ip": ip, "client": client, "flux": flux, "all": everybody}
    _put(config, "cut", given, environment, {"motif": motif, "reason": reason, "author": author, "until": until},
         no_contract=no_contract, as_json=as_json)


@app.command()
def restrict(
    reason: Why, convention: Convention = None, certificate: Certificate = None, ip: Address = None, client: Client = None,
    everybody: All = False, environment: In = None,
    limit: Annotated[int | None, typer.Option("--appels-par-minute", help="At most so many calls of the contract.")] = None,
    operations: Annotated[str | None, typer.Option("--operations", help="Only these: creer,modifier,supprimer.")] = None,
    flux: Annotated[str | None, typer.Option("--flux", help="Only these flux, with commas between.")] = None,
    until: Until = None, motif: Category = "securite", author: Author = "", no_contract: NoContract = False,
    as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Lower its quota, or leave it only some operations or flux (8-g3)."""
    given = {"convention": convention, "certificate": certificate, "ip": ip, "client": client, "all": everybody}
    left = {"limit": limit, "operations": names_in(operations), "flux": names_in(flux)}
    _put(config, "restrict", given, environment, {"motif": motif, "reason": reason, "author": author, "until": until, **left},
         no_contract=no_contract, as_json=as_json)


@app.command()
def restore(
    switch: Annotated[str | None, typer.Argument(help="SW-... of `poterne switch list`; or name the target.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is journaled.")] = "retour au service",
    convention: Convention = None, certificate: Certificate = None, ip: Address = None, client: Client = None,
    flux: Flux = None, everybody: All = False, environment: In = None,
    removed: Annotated[bool, typer.Option("--element-malveillant-supprime", help="8-g4: the malicious element is gone.")] = False,
    fixed: Annotated[bool, typer.Option("--vulnerabilites-corrigees", help="8-g4: the vulnerabilities are corrected.")] = False,
    who: Annotated[str, typer.Option("--par", help="8-g4: who verified it.")] = "",
    at: Annotated[str | None, typer.Option("--le", help="8-g4: when (ISO 8601; without a zone: Paris).")] = None,
    author: Author = "", as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Give service back, once what 8-g4 asks for was verified."""
    given = {"convention": convention, "certificate": certificate, "ip": ip, "client": client, "flux": flux, "all": everybody}
    now, by = datetime.now(UTC), author.strip() or operator_name()
    verification = Verification(removed, fixed, who, moment_of(at)) if at and (removed or fixed or who) else None

    async def lifted(desk: SwitchDesk) -> dict[str, Reach]:
        named = desk.named(switch, None if switch else target(environment, with_digest(given)))
        for entry in named.values():
            check_restore(str(entry.value.get("motif", "securite")), verification, now)
        return {key: await desk.lift(key, act_now("switch.restore", by, reason, _told(entry)), verification, by)
                for key, entry in named.items()}

    for key, reach in _at_desk(config, lifted).items():
        say(as_json, {"id": key, "shared": reach.shared, "durable": reach.durable}, f"{key} ended {where(reach)}")


@app.command("list")
def list_(as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """The switches in force, as this machine knows them."""
    async def told(desk: SwitchDesk) -> tuple[dict[str, Entry], list[tuple[Any, dict[str, Any]]]]:
        return dict(desk.entries()), desk.due()

    entries, notices = _at_desk(config, told)
    unsent = {key: sum(n["interrupteur"] == key and not n["envoye_le"] for _, n in notices) for key in entries}
    if as_json:
        typer.echo(json.dumps([{"id": key, **entry.value, "until": entry.expires_at and entry.expires_at.isoformat(),
                                "notices_unsent": unsent[key]} for key, entry in entries.items()], ensure_ascii=False, indent=1))
    elif not entries:
        typer.echo("no switch is in force")
    else:
        Console().print(switch_table(entries, unsent))


@app.command()
def notices(
    switch: Annotated[str | None, typer.Argument(help="Only those of this switch.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were sent.")] = False,
    text: Annotated[bool, typer.Option("--text", help="The whole text of each, ready to be sent.")] = False,
    as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """The written notices of clause 12 that are still to be sent, with their recipients."""
    async def due(desk: SwitchDesk) -> list[tuple[Any, dict[str, Any]]]:
        desk.entries()
        return desk.due(switch)

    found = [n for _, n in _at_desk(config, due) if everything or not n["envoye_le"]]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
    elif not found:
        typer.echo("no notice is to be sent")
    elif text:
        for one in found:
            typer.echo(f"À : {addresses(one)}\nObjet : {one['objet']}\n\n{one['texte']}")
    else:
        Console().print(notice_table(found))


@app.command()
def notified(
    switch: Annotated[str, typer.Argument(help="SW-...")],
    message_id: Annotated[str, typer.Option("--message-id", help="Message-ID of the e-mail.")],
    contract: Annotated[str | None, typer.Option("--convention", help="Only this contract's; else all of the switch.")] = None,
    at: Annotated[str | None, typer.Option("--le", help="When it was sent; nothing means now.")] = None,
    author: Author = "", config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write down that a notice was sent (12-b): how long it took is measured from the switch."""
    moment = moment_of(at) if at else datetime.now(UTC)
    by = author.strip() or operator_name()

    async def told(desk: SwitchDesk) -> int:
        chosen = [(f, n) for f, n in desk.due(switch) if not n["envoye_le"] and contract in {None, n["convention"]}]
        for file, one in chosen:
            about = {"interrupteur": switch, "convention": str(one["convention"]), "message_id": message_id,
                     "envoye_le": moment.isoformat()}
            act = act_now("switch.notice", by, "avis écrit (12-b)", about)
            desk.sent(file, one, act, moment, message_id)
        return len(chosen)

    if not (count := _at_desk(config, told)):
        fail("no notice of that switch and contract is to be sent; `poterne switch notices --all` shows them")
    typer.echo(f"{count} notices of {switch}: sent")


# --- the steps ---


def _put(config: Path, kind: Kind, given: Given, environment: str | None, words: dict[str, Any],
         *, no_contract: bool, as_json: bool) -> None:
    settings, now = settings_of(config), datetime.now(UTC)
    author = words.pop("author").strip() or operator_name()
    until = words.pop("until")
    try:
        order = Order(kind=kind, target=target(environment, with_digest(given)), at=now, author=author,
                      until=moment_of(until) if until else None, **words)
        check(order)
        touched, unreadable = touched_by(settings, order.target, certificate_names(given), no_contract=no_contract)
    except (OrderError, OSError) as e:
        fail(str(e))

    def notices_of(switch_id: str) -> list[dict[str, Any]]:
        return [*(written.notice(switch_id, order, c) for c in touched),
                *(written.unreadable_notice(switch_id, order, file) for file in unreadable)]

    act = act_now(f"switch.{kind}", author, order.reason, {})
    put = _at_desk(config, lambda desk: desk.put(order, act, notices_of))
    say_put(put, order, as_json=as_json)


def _at_desk[T](config: Path, work: Callable[[SwitchDesk], Awaitable[T]]) -> T:
    settings = settings_of(config)

    async def done() -> T:
        register = register_of(settings, REGISTER, _Silent())
        try:
            await register.open()
            return await work(SwitchDesk(register, NoticeFolder(settings.state.folder / "notices"),
                                         lambda act: record_act(settings.journal.folder, act)))
        finally:
            await register.close()

    try:
        return asyncio.run(done())
    except CANNOT as e:
        fail(str(e))


class _Silent:
    """A command tells what failed by its outcome."""

    def failed(self, *_: object) -> None:
        """Nothing."""

    def recovered(self, *_: object) -> None:
        """Nothing."""

    def refreshed(self, *_: object) -> None:
        """Nothing."""


def _told(entry: Entry) -> dict[str, str]:
    names = {"cible": "target", "valeur": "value", "environnement": "environment", "categorie": "motif"}
    told = {name: entry.value.get(own) for name, own in names.items()}
    return {name: str(value) for name, value in told.items() if value is not None}
