"""How the contract commands show what they found: tables for persons; every number and word is also in the JSON."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway_addons.core.contract.changes import Change
from gateway_addons.core.contract.due import Due
from gateway_addons.core.contract.model import Contract
from gateway_addons.core.explanation import Explanation

VERDICTS = {"pass": "[green]pass[/]", "fail": "[red]fail[/]", "not_evaluated": "[dim]not evaluated[/]"}
SIGNS = {"gained": "[green]+[/]", "lost": "[red]-[/]", "changed": "[yellow]~[/]"}


def screen() -> Console:
    """Where tables go; wide enough for a clause, a place and a sentence when nobody looks at it."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=160)


def show_checked(results: Sequence[Mapping[str, Any]]) -> None:
    """What `check` found: files first, then each finding with its line."""
    console = screen()
    table = Table("file", "contract", "state decided", "errors", "gates not met", "warnings", box=None)
    for result in results:
        counts = [len(result[kind]) for kind in ("errors", "gates", "warnings")]
        colours = ("red", "yellow", "dim")
        table.add_row(escape(result["file"]), result["contract"] or "-", result["etat"] or "-",
                      *(f"[{colour}]{count}[/]" if count else "0" for count, colour in zip(counts, colours, strict=True)))
    console.print(table)
    for result in results:
        for kind, colour in (("errors", "red"), ("gates", "yellow"), ("warnings", "dim")):
            for found in result[kind]:
                console.print(f"[{colour}]{kind[:-1]:<8}[/] {escape(result['file'])}:{found['line']}  {found['path']}  "
                              f"clause {found['clause'] or '-'}: {escape(found['text'])}", soft_wrap=True)


def show_contract(contract: Contract, told: Mapping[str, Any]) -> None:
    """One contract: its state, who may call how, rights, what falls due."""
    console = screen()
    console.print(f"[bold]{contract.convention.id}[/]  {escape(contract.organisme.nom)}  ({contract.convention.environnement}, "
                  f"API {contract.convention.api})")
    colour = {"active": "green", "en_preavis": "yellow"}.get(told["state"], "red")
    console.print(f"at {told['at']}: [{colour}]{told['state']}[/]" + "".join(
        f"\n  {reason['code']} clause {reason['clause']}: {escape(reason['message'])}" for reason in told["reasons"]))
    for gate in told["gates"]:
        console.print(f"  [yellow]missing[/] clause {gate['clause']}: {escape(gate['text'])} ({gate['path']})")
    rights = Table("flux", "operations", "SIRET", "budgets", "exercices", "périodes", "sent", "text", "today", box=None)
    for right in told["rights"]:
        rights.add_row(right["flux"], ", ".join(right["operations"]), right["siret"], ", ".join(right["budgets"]) or "-",
                       ", ".join(map(str, right["exercices"])) or "-", ", ".join(right["periodes"]) or "-",
                       f"{right['depot_du']} to {right['depot_au']}", right["texte_id"],
                       "[green]open[/]" if right["open"] else "[red]closed[/]")
    console.print(rights)
    access = contract.acces
    console.print(f"quota {contract.calls_per_minute} calls a minute; addresses {', '.join(access.adresses_ip)}; "
                  f"identifiers {', '.join(access.identifiants_techniques)}; "
                  f"clients {', '.join(c.client_id for c in access.clients_oauth2)}")
    for certificate in access.certificats:
        named = escape(certificate.empreinte_sha256 or certificate.cle_publique_sha256 or certificate.sujet)
        console.print(f"certificate {named} {certificate.du} to {certificate.au}")
    show_due([(contract.convention.id, item) for item in told["due"]], told["today"], console)


def show_due(items: Iterable[tuple[str, Due]], today: date, console: Console | None = None) -> None:
    """Deadlines, the earliest first."""
    table = Table("due", "in days", "alert", "clause", "contract", "what", "place", box=None)
    for contract, item in items:
        left, alert = (item.on - today).days, item.alert(today)
        table.add_row(str(item.on), f"[red]{left}[/]" if left < 0 else str(left),
                      "-" if alert is None else f"[yellow]-{alert}[/]", item.clause, contract, escape(item.what), item.path)
    (console or screen()).print(table if table.row_count else "nothing falls due")


def show_changes(changes: Sequence[Change]) -> None:
    """Rights and access gained and lost, then what else changed."""
    console = screen()
    for change in changes:
        console.print(f"{SIGNS[change.kind]} {change.kind:<7} {change.path}  {escape(change.words)}", soft_wrap=True)
    if not changes:
        console.print("no difference")


def show_explanation(found: Explanation, messages: Mapping[str, str]) -> None:
    """Every control's verdict, with rule and line."""
    console = screen()
    console.print("[green]this call would pass[/]" if found.allow else "[red]this call would be refused[/]")
    for control in found.controls:
        console.print(f"  {control.name:<12}{VERDICTS[control.verdict]}" + "".join(
            f"   {step.rule}  {step.file}:{step.line}" for step in control.held_at))
        for reason in control.reasons:
            console.print(f"    {reason.code}  clause {reason.clause}: {escape(messages[reason.code])}", soft_wrap=True)
            for step in reason.given_at:
                console.print(f"      given by {step.rule}  {step.file}:{step.line}", soft_wrap=True)
        for step in control.failed_at:
            place = f"{'  ' * step.depth}{step.rule}  {step.file}:{step.line}"
            console.print(f"      {place}  [dim]{escape(step.text)}[/]", soft_wrap=True)
