"""What `poterne policy` shows: findings, changes, history."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from gateway_addons.adapters.policy.guard import GuardReport
from gateway_addons.commands.terminal import say
from gateway_addons.core.guard.judge import Finding
from gateway_addons.core.revision_diff import RevisionChange

MAX_ROWS = 40
SIGNS = {"gained": "[green]+[/]", "added": "[green]+[/]", "lost": "[red]-[/]", "removed": "[red]-[/]", "changed": "[yellow]~[/]"}


def show_findings(as_json: bool, findings: Sequence[Finding]) -> None:
    """Each kind of finding once, with the number of calls that it was found in."""
    if as_json:
        say(True, [asdict(finding) for finding in findings], "")
        return
    counted = Counter((f.question, f.control, f.what, f.exception or "") for f in findings)
    table = Table(Column("question", no_wrap=True), "control", "calls", "what is wrong", "exception")
    for (question, control, what, exception), number in counted.most_common(MAX_ROWS):
        table.add_row(question, control, str(number), what, exception)
    Console(stderr=True).print(table)


def show_report(report: GuardReport) -> None:
    """What the guard asked and found."""
    if report.findings:
        show_findings(False, report.findings)
    typer.echo(f"guard: {report.contracts} contracts of {report.shapes} shapes, {report.rights} rights, {report.facts} facts: "
               f"{report.questions} calls that must be refused, {len(report.open)} findings; {report.seconds} s")
    for name, codes in report.uncallable.items():
        typer.echo(f"  no call of {name} is allowed at any of its dates: {', '.join(codes)}")


def show_revision_changes(changes: Sequence[RevisionChange]) -> None:
    """One line for each change."""
    console = Console(highlight=False)
    for change in changes:
        console.print(f"{SIGNS[change.kind]} {change.kind:<7} {escape(change.where)}  {escape(change.words)}", soft_wrap=True)
    if not changes:
        console.print("no difference from what runs")


def show_history(rows: Sequence[Mapping[str, Any]]) -> None:
    """One row for each revision."""
    table = Table(Column("revision", no_wrap=True), Column("built", no_wrap=True), "by", "from", "contracts", "what became of it")
    for row in rows:
        table.add_row(row["revision"], row["at"][:19] + "Z", row["author"], row["source"], str(row["contracts"]), row["outcome"])
    Console().print(table)
