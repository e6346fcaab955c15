"""`poterne journal show|search|stats|export|index`: what happened, looked for by whatever is known of it."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from gateway_addons.adapters.journal.export import export, verify_export
from gateway_addons.adapters.journal.index import NAME, JournalIndex, Query
from gateway_addons.adapters.journal.key_files import load_key, load_public_key
from gateway_addons.adapters.journal.reader import Record
from gateway_addons.adapters.journal.verifier import journal_bytes
from gateway_addons.commands.journal_options import progress_bar
from gateway_addons.commands.terminal import DEFAULT_CONFIG, AsJson, ConfigFile, fail, settings_of
from gateway_addons.core.errors import JournalUnavailable

Since = Annotated[str | None, typer.Option("--from", help="From this moment on (RFC 3339, or a day, in UTC).")]
Until = Annotated[str | None, typer.Option("--to", help="Before this moment.")]
Contract = Annotated[str | None, typer.Option("--convention", help="The consumer's convention.")]
Siret = Annotated[str | None, typer.Option("--organisme", help="SIRET of an organisme that the entries concern.")]
Period = Annotated[str | None, typer.Option("--periode", help="Accounting period of the entries, such as 2026-03.")]
Code = Annotated[str | None, typer.Option("--code", help="The reason's code.")]
BY = "environment,contract,code"
Environment = Annotated[str | None, typer.Option("--environment")]


def show(identifier: Annotated[str, typer.Argument(help="A request id, or a correlation id.")], as_json: AsJson = False,
         config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Everything that the journal has of one call, or of all calls with one correlation id."""
    with _index(config, as_json) as index:
        found = list(index.find(Query(request_id=identifier))) or list(index.find(Query(correlation_id=identifier)))
        if not found:
            fail(f"no record of {identifier}")
    if as_json:
        typer.echo(json.dumps([told(r) for r in found], ensure_ascii=False, indent=1))
        return
    for record in found:
        _show(record)


def search(
    since: Since = None, until: Until = None, contract: Contract = None, siret: Siret = None, period: Period = None,
    code: Code = None, environment: Environment = None,
    act: Annotated[str | None, typer.Option("--act", help="An act or event, such as quota.reset or 'crl.*'.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000)] = 200,
    as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """The records that fit everything given, in the order of time; with --json one on each line."""
    query = Query(moment_of(since), moment_of(until), None, None, contract, siret, period, code, environment, act, limit)
    with _index(config, as_json) as index:
        if as_json:
            for record in index.find(query):
                typer.echo(json.dumps(told(record), ensure_ascii=False))
            return
        rows = [_row(record) for record in index.find(query)]
    _table(rows)
    if len(rows) == limit:
        typer.echo(f"the first {limit}; --limit shows more, --from and --to less")


def stats(
    since: Since = None, until: Until = None, contract: Contract = None, siret: Siret = None, period: Period = None,
    code: Code = None, environment: Environment = None,
    by: Annotated[str, typer.Option("--by", help="Some of environment, contract, code, day, hour; with commas.")] = BY,
    as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """How many calls, how many of them went on to the backend, and their mean duration."""
    groups = tuple(part for part in by.split(",") if part)
    if unknown := set(groups) - {"environment", "contract", "code", "day", "hour"}:
        fail(f"--by knows environment, contract, code, day and hour, not {', '.join(sorted(unknown))}")
    query = Query(moment_of(since), moment_of(until), None, None, contract, siret, period, code, environment)
    with _index(config, as_json) as index:
        rows = index.stats(query, groups)
    names = [*groups, "calls", "forwarded", "mean_ms"]
    if as_json:
        typer.echo(json.dumps([dict(zip(names, row, strict=True)) for row in rows], ensure_ascii=False, indent=1))
        return
    table = Table(*groups, *(Column(name, justify="right") for name in names[len(groups):]))
    for row in rows:
        table.add_row(*("-" if value is None else str(value) for value in row))
    Console().print(table)


def export_command(
    out: Annotated[Path, typer.Argument(help="The file to make; never over an existing one.")],
    contract: Annotated[str, typer.Option("--convention", help="The consumer's convention.")],
    since: Since = None, until: Until = None, as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """All records of one consumer in one signed file (5.2-f, 6.4); `poterne journal check-export` verifies it."""
    journal = settings_of(config).journal
    try:
        made = export(journal.folder, out, contract, moment_of(since), moment_of(until), load_key(journal.signing_key_file))
    except JournalUnavailable as e:
        fail(str(e))
    _exported(out, made, as_json)


def check_export(
    file: Annotated[Path, typer.Argument(help="The exported file.")],
    public_key: Annotated[list[Path], typer.Option("--public-key", help="PEM.")],
    as_json: AsJson = False,
) -> None:
    """Is an exported file whole, and signed by a known key? Exits with 2 when not."""
    try:
        made = verify_export(file, [load_public_key(one) for one in public_key])
    except JournalUnavailable as e:
        fail(str(e))
    _exported(file, made, as_json)


def index_command(
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Throw the index away, and make it anew from the journal.")] = False,
    as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Bring the index up to date; every look into the journal does that by itself."""
    with _index(config, as_json, rebuild=rebuild):
        pass
    if not as_json:
        typer.echo("the index is up to date")


@contextmanager
def _index(config: Path, quiet: bool, *, rebuild: bool = False) -> Iterator[JournalIndex]:
    """The index, brought up to date."""
    settings = settings_of(config)
    folder = settings.journal.folder
    index = JournalIndex(folder, settings.state.folder / "journal" / NAME)
    try:
        with progress_bar(quiet) as progress:
            task = progress.add_task("indexing what is new", total=journal_bytes(folder))
            index.update(lambda count: progress.advance(task, count), rebuild=rebuild)
        yield index
    except JournalUnavailable as e:
        fail(str(e))


def moment_of(text: str | None) -> datetime | None:
    """A moment as an operator writes it; without a zone it is UTC."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{text!r} is no moment; write 2026-03-31 or 2026-03-31T16:00:00Z")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def told(record: Record) -> dict[str, Any]:
    """A record for programs."""
    return {"kind": record.kind, "writer": record.writer, "segment": record.segment, "seq": record.seq, "hash": record.hash,
            "interrupted": record.interrupted, "open": record.open, **record.fields}


def _exported(file: Path, made: Any, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(made), ensure_ascii=False))
    else:
        typer.echo(f"{file}: {made.calls} calls and {made.acts} acts of {made.contract}, whole and signed")


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    """Without the columns that say nothing of these records: acts and events have no answer."""
    columns = (Column("time (UTC)", no_wrap=True), Column("environment"), Column("convention"), Column("what", overflow="fold"),
               Column("answer"), Column("ms"), Column("request", no_wrap=True))
    told = [n for n in range(len(columns)) if not rows or any(row[n] for row in rows)]
    table = Table(*(columns[n] for n in told))
    for row in rows:
        table.add_row(*(row[n] for n in told))
    Console().print(table)


def _row(record: Record) -> tuple[str, ...]:
    fields = record.fields
    about = fields.get("sujet") or {}
    what = f"{fields.get('methode')} {fields.get('chemin')}" if record.kind == "appel" else " ".join(filter(None, (
        str(fields.get("acte") or fields.get("evenement") or record.kind), about.get("nom"), about.get("etat"))))
    answer = "interrupted" if record.interrupted else "open" if record.open else str(fields.get("statut") or "")
    if code := fields.get("codeErreur"):
        answer += f" {code}"
    contract = fields.get("convention") or about.get("convention")
    environment = fields.get("environnement") or about.get("environnement")
    return (f"{record.at:%Y-%m-%d %H:%M:%S}", environment or "", contract or "", what, answer,
            str(fields.get("dureeMs") or ""), fields.get("requestId") or fields.get("acteId") or "")


def _show(record: Record) -> None:
    table = Table(Column(style="bold"), Column(overflow="fold"), show_header=False,
                  title=f"{record.kind} {record.fields.get('requestId', '')}", title_justify="left")
    for name, value in told(record).items():
        if name != "entree":
            table.add_row(name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    Console().print(table)
