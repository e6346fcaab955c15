"""`poterne journal`: is it whole, and the key that seals it."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from gateway_addons.adapters.journal.acts import act_now, operator_name, record_act
from gateway_addons.adapters.journal.checkpoints import change_key
from gateway_addons.adapters.journal.key_files import (
    load_key,
    load_public_key,
    public_pem,
    write_new_key,
    write_new_pseudonym_key,
)
from gateway_addons.adapters.journal.restoring import restore
from gateway_addons.adapters.journal.verifier import Report, journal_bytes, verify
from gateway_addons.commands import journal_keeping, journal_reading, journal_replay
from gateway_addons.commands.journal_options import By, Reason, needed, progress_bar
from gateway_addons.commands.terminal import DEFAULT_CONFIG, AsJson, ConfigFile, fail, settings_of
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.settings.gateway import load
from gateway_addons.settings.values import SettingsError

app = typer.Typer(help="The journal: is it whole, what is in it, how long it is kept (terms of use, section 8; DICP I3, P2).",
                  no_args_is_help=True)
key = typer.Typer(help="The Ed25519 key that seals the journal.", no_args_is_help=True)
app.add_typer(key, name="key")
app.command()(journal_reading.show)
app.command()(journal_reading.search)
app.command()(journal_reading.stats)
app.command(name="export")(journal_reading.export_command)
app.command(name="check-export")(journal_reading.check_export)
app.command()(journal_replay.replay)
app.command(name="purge")(journal_keeping.purge_command)
app.command()(journal_keeping.hold)
app.command()(journal_keeping.release)
app.command(name="holds")(journal_keeping.list_holds)
app.command(name="index")(journal_reading.index_command)

WHOLE, FAULTY = 0, 1
"""What `verify` exits with; 2 when it could not check."""


@app.command(name="verify")
def verify_command(
    folder: Annotated[Path | None, typer.Argument(help="The journal's folder; without it, that of the settings.")] = None,
    public_key: Annotated[list[Path] | None, typer.Option("--public-key", help="PEM; without it, the settings' key.")] = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Check every line of every chain, offline. Exits with 0: whole; 1: faults; 2: could not be checked."""
    try:
        if folder is None or not public_key:
            settings = load(config).journal
            folder = folder or settings.folder
            keys = [load_public_key(f) for f in public_key] if public_key else [load_key(settings.signing_key_file).public]
        else:
            keys = [load_public_key(file) for file in public_key]
        with progress_bar(as_json) as progress:
            task = progress.add_task("verifying", total=journal_bytes(folder))
            report = verify(folder, keys, lambda count: progress.advance(task, count))
    except (SettingsError, JournalUnavailable, OSError) as e:
        fail(str(e))
    if as_json:
        typer.echo(json.dumps(_document(report), ensure_ascii=False, indent=1))
    else:
        _print(report)
    sys.exit(FAULTY if report.open_findings else WHOLE)


def _document(report: Report) -> dict[str, Any]:
    sealed = report.last_checkpoint.isoformat() if report.last_checkpoint else None
    return {
        "whole": not report.open_findings, "checkpoints": report.checkpoints, "last_checkpoint": sealed,
        "last_checkpoint_hash": report.last_checkpoint_hash, "keys": report.keys,
        "chains": [asdict(chain) | {"unsealed": chain.unsealed} for chain in report.chains],
    }


def _print(report: Report) -> None:
    console = Console()
    table = Table("chain", "segments", "lines", "last", "sealed to", "not sealed yet", "faults")
    for chain in report.chains:
        table.add_row(chain.chain, str(chain.segments), str(chain.lines), str(chain.last_seq), str(chain.sealed_seq),
                      str(chain.unsealed), f"[red]{len(chain.findings)}[/]" if chain.findings else "none")
    console.print(table)
    for chain in report.chains:
        if chain.torn_bytes:
            console.print(f"{chain.chain}: a crash tore the last line ({chain.torn_bytes} bytes); the next start says so")
        for finding in chain.findings:
            how = f"[yellow]{finding.kind}, declared by {finding.declared}[/]" if finding.declared else f"[red]{finding.kind}[/]"
            place = f"/{finding.segment}, line {finding.line} of the file, record {finding.seq}" if finding.segment else ""
            console.print(f"{how} {finding.chain}{place}: {finding.text}", highlight=False)
    last = f"{report.last_checkpoint:%Y-%m-%d %H:%M:%S} UTC, {report.last_checkpoint_hash}" if report.last_checkpoint else "none"
    console.print(f"{report.checkpoints} checkpoints, the last: {last}; keys {', '.join(report.keys)}", highlight=False)
    if report.open_findings:
        console.print("[red]The journal is not what was written.[/]")
    else:
        console.print("[green]The journal is whole[/]" + (" but for what was declared." if report.findings else "."))


@app.command(name="restore")
def restore_command(reason: Reason, by: By = None, as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """After a stop: verify, declare what is damaged under the key's signature, and let exchanges go on (DICP I3)."""
    journal = settings_of(config).journal
    act = act_now("journal.restore", by or operator_name(), needed(reason), {})
    try:
        with progress_bar(as_json) as progress:
            task = progress.add_task("verifying", total=journal_bytes(journal.folder))
            done = restore(journal, act, lambda count: progress.advance(task, count))
    except JournalUnavailable as e:
        fail(str(e))
    if as_json:
        typer.echo(json.dumps({"stopped_because": done.stopped_because, "declared": done.declared}, ensure_ascii=False))
        return
    typer.echo(f"stopped because: {done.stopped_because or 'it was not'}")
    typer.echo(f"declared as damaged: {', '.join(done.declared) or 'nothing'}")
    typer.echo("exchanges go on, within a second")


@key.command(name="new")
def new_key(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Make the key where the settings say; never over an existing one."""
    file = settings_of(config).journal.signing_key_file
    try:
        made = write_new_key(file)
    except OSError as e:
        fail(f"{file}: {e.strerror}")
    typer.echo(f"{file}: {made.id}; give its public half (`poterne journal key public`) to whoever verifies")


@key.command(name="pseudonyms")
def new_pseudonym_key(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Make the key of the pseudonyms where the settings say (journal.personal_data.key_file); never over an existing one."""
    file = settings_of(config).journal.personal_data.key_file
    if file is None:
        fail("journal.personal_data.key_file is not set")
    try:
        write_new_pseudonym_key(file)
    except OSError as e:
        fail(f"{file}: {e.strerror}")
    typer.echo(f"{file}: without it no pseudonym leads back to anybody, and nothing recorded can be decided again")


@key.command(name="public")
def public(out: Annotated[Path | None, typer.Option("--out", help="A file; without it, to standard output.")] = None,
           config: ConfigFile = DEFAULT_CONFIG) -> None:
    """The public half, for whoever verifies: keep a copy where the gateway's operators cannot write."""
    try:
        pem = public_pem(load_key(settings_of(config).journal.signing_key_file).public)
        if out is None:
            typer.echo(pem.decode(), nl=False)
        else:
            out.write_bytes(pem)
    except (JournalUnavailable, OSError) as e:
        fail(str(e))


@key.command(name="rotate")
def rotate(reason: Reason, by: By = None, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Put a new key in the place of the old one, which signs the new one last; also while the gateway runs."""
    journal = settings_of(config).journal
    act = act_now("journal.key_rotate", by or operator_name(), needed(reason), {})
    try:
        record_act(journal.folder, act.told("annonce"))
        old, new = change_key(journal.folder, journal.signing_key_file)
        record_act(journal.folder, act.told("fait", ancienne=old.id, nouvelle=new.id))
    except JournalUnavailable as e:
        fail(str(e))
    typer.echo(f"{old.id} is replaced by {new.id}; whoever has the old public key can go on verifying")
