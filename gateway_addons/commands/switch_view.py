"""How `poterne switch` tells what it did and what is in force."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import typer
from rich.table import Column, Table

from gateway_addons.adapters.register.shared_register import Reach
from gateway_addons.adapters.register.switch_desk import Put
from gateway_addons.core.register import Entry
from gateway_addons.core.switch.order import Order

PARIS = ZoneInfo("Europe/Paris")


def where(reach: Reach) -> str:
    """Who knows, in words."""
    if not reach.shared:
        return ("on this machine within a second; Redis does not answer: the other gateways will know when it is back, from this "
                "machine's workers")
    return "on every gateway within a second" + ("" if reach.durable else "; this machine's own copy could not be written")


def say_put(put: Put, order: Order, *, as_json: bool) -> None:
    """The switch that was put, with all that is not as it should be."""
    if put.unfinished:
        typer.echo(f"poterne: {put.id} is in force, but: {put.unfinished}", err=True)
    if not put.reach.shared:
        typer.echo(f"poterne: {put.id} is in force {where(put.reach)}", err=True)
    what = "cut" if order.kind == "cut" else "restricted"
    say(as_json, {"id": put.id, "shared": put.reach.shared, "durable": put.reach.durable, "notices": list(put.notices),
                   "unfinished": put.unfinished},
         f"{put.id}: {order.target.told()} {what} {where(put.reach)}\n"
         f"{len(put.notices)} notices are to be sent: `poterne switch notices {put.id} --text`")


def say(as_json: bool, document: dict[str, Any], sentence: str) -> None:
    """One document or one sentence."""
    typer.echo(json.dumps(document, ensure_ascii=False) if as_json else sentence)


def switch_table(entries: Mapping[str, Entry], unsent: Mapping[str, int]) -> Table:
    """The switches in force."""
    table = Table(Column("switch", no_wrap=True), "kind", "target", "environment", "leaves", "until", "reason", "by",
                  "notices to send")
    for key, entry in entries.items():
        value = entry.value
        limit = f"{value['limit']}/min" if value.get("limit") else ""
        left = [limit, *(value.get("operations") or ()), *(value.get("flux") or ())]
        table.add_row(
            key, str(value.get("kind")), f"{value.get('target')} {value.get('value') or ''}".strip(),
            str(value.get("environment") or "both"), " ".join(filter(None, left)) or "-",
            entry.expires_at.astimezone(PARIS).strftime("%Y-%m-%d %H:%M") if entry.expires_at else "-",
            str(value.get("reason")), entry.by, str(unsent[key]))
    return table


def notice_table(found: Sequence[dict[str, Any]]) -> Table:
    """Notices with their recipients, and how long it took to send them (12-b)."""
    table = Table(Column("switch", no_wrap=True), "contract", "to", "written", "sent", "minutes to send")
    for one in found:
        table.add_row(one["interrupteur"], one["convention"] or f"unreadable: {one['fichier']}", addresses(one),
                      one["cree_le"][:16], (one["envoye_le"] or "-")[:16], delay(one))
    return table


def addresses(one: dict[str, Any]) -> str:
    """Whom a notice is for."""
    return ", ".join(d["courriel"] for d in one["destinataires"]) or "unknown"


def delay(one: dict[str, Any]) -> str:
    """Minutes from the switch to the e-mail."""
    if not one["envoye_le"]:
        return "-"
    took = datetime.fromisoformat(one["envoye_le"]) - datetime.fromisoformat(one["cree_le"])
    return f"{took.total_seconds() / 60:.0f}"
