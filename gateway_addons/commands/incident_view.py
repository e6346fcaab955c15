"""How an incident is shown."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Column, Table

from gateway_addons.core.incident.acts import document
from gateway_addons.core.incident.model import Incident

PARIS = ZoneInfo("Europe/Paris")


def tell(incident: Incident, *, as_json: bool) -> None:
    """The incident on the terminal, or as JSON."""
    told = document(incident)
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
        return
    console = Console()
    plain = {k: v for k, v in told.items() if not isinstance(v, list | dict) and v is not None}
    console.print(Panel("\n".join(f"{k} : {v}" for k, v in plain.items()), title=f"{incident.id}  {incident.title}"))
    for name in ("violation", "verification_remise_en_service"):
        if told[name]:
            console.print(Panel("\n".join(f"{k} : {v}" for k, v in told[name].items()), title=name))
    notes = Table(Column("when", no_wrap=True), "phase", "by", "text")
    for entry in incident.notes:
        notes.add_row(short(entry.at), entry.phase, entry.author, entry.text)
    links = Table("link", "reference")
    for one in incident.links:
        links.add_row(one.kind, one.reference)
    for table in (notes, links):
        if table.row_count:
            console.print(table)


def short(moment: datetime) -> str:
    """A moment in Paris, to the minute."""
    return moment.astimezone(PARIS).strftime("%Y-%m-%d %H:%M")


def due(moment: datetime | None) -> str:
    """A deadline, or nothing."""
    return short(moment) if moment else ""
