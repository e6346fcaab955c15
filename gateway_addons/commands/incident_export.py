"""`poterne incident export` and `verify-export`: one signed, masked bundle of evidence that is verified offline (8-f, 8-g2)."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from gateway_addons.adapters.journal.acts import act_now, operator_name
from gateway_addons.adapters.journal.evidence_bundle import Made, Request, write_bundle
from gateway_addons.adapters.journal.evidence_check import verify_bundle
from gateway_addons.adapters.journal.incident_register import incidents, record_incident_act
from gateway_addons.adapters.journal.key_files import load_key, load_public_key
from gateway_addons.commands.incident_words import moment_of
from gateway_addons.commands.terminal import DEFAULT_CONFIG, AsJson, ConfigFile, fail, settings_of
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.incident.acts import document
from gateway_addons.core.incident.model import Incident, IncidentError
from gateway_addons.core.journal.evidence import EvidenceRefused
from gateway_addons.detection.circumstances import circumstances
from gateway_addons.settings.gateway import Settings

Several = list[str] | None


def export(
    incident: Annotated[str, typer.Argument(help="INC-<year>-<number>")],
    out: Annotated[Path, typer.Option("--out", help="The bundle, a ZIP file that is not there yet.")],
    since: Annotated[str | None, typer.Option("--from", help="Nothing means an hour before the incident began.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Nothing means its end, or now.")] = None,
    contract: Annotated[Several, typer.Option("--convention", help="Only its calls; may be repeated.")] = None,
    certificate: Annotated[Several, typer.Option("--certificate", help="sha256:...; may be repeated.")] = None,
    address: Annotated[Several, typer.Option("--ip", help="May be repeated.")] = None,
    unmasked: Annotated[bool, typer.Option("--unmasked", help="With addresses and names: for an authority that asks.")] = False,
    by: Annotated[str, typer.Option("--by", help="Who answers for it.")] = "",
    as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write the evidence of an incident: records with their proof, timeline, perimeter, contracts and revisions; signed."""
    settings = settings_of(config)
    found = _incident(settings, incident)
    now, author = datetime.now(UTC), by.strip() or operator_name()
    scope = {"convention": tuple(contract or ()), "certificat": tuple(certificate or ()), "ip": tuple(address or ())}
    request = Request(
        since=_moment(since, found.began_at - timedelta(hours=1)), until=_moment(until, found.ended_at or now), by=author,
        scope=scope, masked=not unmasked, documents={"incident.json": document(found)},
        extra=_extra(settings, masked=not unmasked))
    if request.since >= request.until:
        fail("--from is not before --to")
    made = _written(settings, request, out)
    about = {"incident": incident, "empreinte": made.sha256, "fichier": out.name, "masque": "non" if unmasked else "oui"}
    try:
        record_incident_act(settings.journal.folder, lambda _: act_now("incident.export", author, f"export {out.name}", about))
    except (IncidentError, JournalUnavailable) as e:
        out.unlink(missing_ok=True)
        fail(f"the export could not be journaled, and was taken back: {e}")
    if as_json:
        typer.echo(json.dumps({"file": str(out), "sha256": made.sha256, "calls": made.calls, "acts": made.acts,
                               "unsealed": made.unsealed}))
        return
    typer.echo(f"{out}: {made.calls} calls, {made.acts} acts and events, sha256 {made.sha256}")
    if made.unsealed:
        typer.echo(f"not sealed by a checkpoint yet: {', '.join(made.unsealed)}; export again in a while for the whole proof")


def verify_export(
    bundle: Annotated[Path, typer.Argument(help="The ZIP file.")],
    key: Annotated[list[Path], typer.Option("--key", help="A public key of the journal, PEM; may be repeated.")],
    as_json: AsJson = False,
) -> None:
    """Verify a bundle of evidence with the public key alone. Status 1 when it does not prove what it says."""
    try:
        keys = [load_public_key(file) for file in key]
    except JournalUnavailable as e:
        fail(str(e))
    try:
        proven = verify_bundle(bundle, keys)
    except EvidenceRefused as e:
        typer.echo(json.dumps({"good": False, "why": str(e)}) if as_json else f"poterne: NOT proven: {e}", err=not as_json)
        sys.exit(1)
    told: dict[str, Any] = {"good": True, "key": proven.key, "records": proven.records, "shown": proven.shown_lines,
                            "withheld": proven.withheld_lines, "unsealed": list(proven.unsealed),
                            "masked": proven.manifest["masque"]}
    if as_json:
        typer.echo(json.dumps(told))
        return
    Console().print(f"proven: {proven.records} records, signed by {proven.key}; {proven.shown_lines} lines shown, "
                    f"{proven.withheld_lines} withheld")
    if proven.unsealed:
        typer.echo(f"signed by the bundle only, not sealed by a checkpoint yet: {', '.join(proven.unsealed)}")


def _incident(settings: Settings, name: str) -> Incident:
    try:
        found = incidents(settings.journal.folder).get(name)
    except (IncidentError, JournalUnavailable) as e:
        fail(str(e))
    if found is None:
        fail(f"no incident {name}; `poterne incident list` shows them")
    return found


def _extra(settings: Settings, *, masked: bool) -> dict[str, bytes]:
    try:
        return circumstances(settings, masked=masked)
    except OSError as e:
        fail(f"contracts and revisions cannot be read: {e}")


def _written(settings: Settings, request: Request, out: Path) -> Made:
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.completed:,} lines read"), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("export", total=None)
            return write_bundle(settings.journal.folder, request, load_key(settings.journal.signing_key_file), out,
                                lambda lines: bar.advance(task, lines))
    except (JournalUnavailable, OSError) as e:
        fail(str(e))


def _moment(text: str | None, otherwise: datetime) -> datetime:
    return datetime.fromisoformat(moment_of(text, otherwise))
