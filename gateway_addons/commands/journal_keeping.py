"""`poterne journal purge|hold|release|holds`: how long records are kept, and what stops their removal (clause 5.1)."""

import json
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from gateway_addons.adapters.journal.acts import act_now, operator_name, record_act
from gateway_addons.adapters.journal.holds import HOLD, RELEASE, holds, told_until
from gateway_addons.adapters.journal.index import NAME, JournalIndex
from gateway_addons.adapters.journal.purge import Judged, plan, purge
from gateway_addons.commands.journal_options import By, Reason, needed
from gateway_addons.commands.journal_reading import moment_of
from gateway_addons.commands.terminal import DEFAULT_CONFIG, AsJson, ConfigFile, fail, settings_of
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.facts import rfc3339
from gateway_addons.core.journal.act import Act


def purge_command(
    reason: Reason, by: By = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")] = False,
    scheduled: Annotated[bool, typer.Option("--scheduled", help="A timer runs it: the act is a robot's.")] = False,
    as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Remove the segments that are older than journal.retention; a signed line keeps the chain verifiable."""
    settings, why = settings_of(config), needed(reason)
    author = by or operator_name()
    try:
        judged = plan(settings.journal, datetime.now(UTC))
        due = [one for one in judged if one.why == "due"]
        if due and not dry_run:
            act = act_now("journal.purge", author, why, {"segments": str(len(due))}, "lot" if scheduled else "humain")
            record_act(settings.journal.folder, act.told("annonce"))
            purge(settings.journal, due, author, why)
            index = JournalIndex(settings.journal.folder, settings.state.folder / "journal" / NAME)
            for one in due:
                index.forget(one.chain, one.span.name)
            record_act(settings.journal.folder, act.told("fait"))
    except JournalUnavailable as e:
        fail(str(e))
    if as_json:
        typer.echo(json.dumps([{"chain": j.chain, "segment": j.span.name, "first": j.span.first_seq, "last": j.span.last_seq,
                                "why": j.why, "removed": j.why == "due" and not dry_run} for j in judged], indent=1))
    else:
        _print(judged, dry_run)


def hold(
    since: Annotated[str, typer.Option("--from", help="From this moment on (RFC 3339, or a day).")],
    reason: Reason, by: By = None,
    until: Annotated[str | None, typer.Option("--to", help="Before this moment; without it, whatever comes.")] = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Stop the removal of a period's records, until `release`: a dispute, an inquiry, an incident."""
    start, end = moment_of(since), moment_of(until)
    if start is None or (end is not None and end <= start):
        fail("--to must come after --from")
    about = {"du": rfc3339(start)} | ({"au": rfc3339(end)} if end else {})
    act = act_now(HOLD, by or operator_name(), needed(reason), about)
    _record(config, act)
    typer.echo(f"held; `poterne journal release {act.id}` ends it")


def release(identifier: Annotated[str, typer.Argument(help="The hold's id; `poterne journal holds` lists them.")],
            reason: Reason, by: By = None, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """End a hold."""
    try:
        standing = holds(settings_of(config).journal.folder)
    except JournalUnavailable as e:
        fail(str(e))
    if identifier not in standing:
        fail(f"no hold {identifier} stands; `poterne journal holds` lists them")
    _record(config, act_now(RELEASE, by or operator_name(), needed(reason), {"gel": identifier}))
    typer.echo("released")


def list_holds(as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """The holds that stand."""
    try:
        standing = holds(settings_of(config).journal.folder)
    except JournalUnavailable as e:
        fail(str(e))
    if as_json:
        typer.echo(json.dumps([asdict(h) for h in standing.values()], ensure_ascii=False, indent=1, default=str))
        return
    table = Table("id", "from", "to", "by", "why")
    for one in standing.values():
        table.add_row(one.id, f"{one.start:%Y-%m-%d}", told_until(one.end), one.author, one.reason)
    Console().print(table)


def _record(config: Path, act: Act) -> None:
    try:
        record_act(settings_of(config).journal.folder, act)
    except JournalUnavailable as e:
        fail(str(e))


def _print(judged: list[Judged], dry_run: bool) -> None:
    counts = Counter(one.why for one in judged)
    table = Table("chain", "segment", "lines", "written", "verdict")
    for one in judged:
        if one.why in {"due", "held", "not sealed"}:
            verdict = ("would be removed" if dry_run else "removed") if one.why == "due" else one.why
            table.add_row(one.chain, one.span.name, f"{one.span.first_seq} to {one.span.last_seq}",
                          f"{one.span.begun:%Y-%m-%d} to {one.span.ended:%Y-%m-%d}", verdict)
    if table.row_count:
        Console().print(table)
    kept = counts["young"] + counts["last"] + counts["not sealed"]
    typer.echo(f"{counts['due']} {'due' if dry_run else 'removed'}, {counts['held']} held, {kept} kept")
