"""`poterne incident`: an incident from its opening to its closing, each step journaled (clauses 8-g1 to 8-g5, 6.6, 8-h2)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Column, Table

from gateway_addons.adapters.journal.acts import act_now, operator_name
from gateway_addons.adapters.journal.incident_register import incidents, record_incident_act
from gateway_addons.commands.incident_export import export, verify_export
from gateway_addons.commands.incident_view import due, short, tell
from gateway_addons.commands.incident_words import day_of, moment_of, word_of
from gateway_addons.commands.terminal import DEFAULT_CONFIG, AsJson, ConfigFile, fail, settings_of
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.incident.acts import document, next_id
from gateway_addons.core.incident.model import LINK_KINDS, PHASES, TYPES, Incident, IncidentError
from gateway_addons.core.incident.statistics import by_type, running

app = typer.Typer(help="Incidents of security: phases, deadlines, evidence (clause 8).", no_args_is_help=True)

PARIS = ZoneInfo("Europe/Paris")
IncidentId = Annotated[str, typer.Argument(help="INC-<year>-<number>")]
By = Annotated[str, typer.Option("--by", help="Who answers for it; the user of this machine is written beside it.")]


@app.command("open")
def open_(
    title: Annotated[str, typer.Argument(help="What happened, in one sentence.")],
    kind: Annotated[str, typer.Option("--type", help=f"One of: {', '.join(TYPES)}.")],
    began: Annotated[str | None, typer.Option("--began", help="When it began (ISO 8601; without a zone: Paris).")] = None,
    external: Annotated[bool, typer.Option("--cause-exterieure", help="Force majeure (15-a): for reports only.")] = False,
    by: By = "", as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Open an incident (8-g1)."""
    now = datetime.now(UTC)
    about = {"type": kind, "titre": title, "debut": moment_of(began, now), "cause_exterieure": word_of(external)}
    _record(config, "open", lambda known: {"incident": next_id(known, now), **about}, title, by, as_json=as_json)


@app.command()
def note(
    incident: IncidentId, text: Annotated[str, typer.Argument(help="What was done or found.")],
    phase: Annotated[str, typer.Option("--phase", help=f"One of: {', '.join(PHASES)}.")],
    complaint: Annotated[str | None, typer.Option("--depot-plainte", help="Reference of the complaint (8-g5).")] = None,
    by: By = "", as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write into the incident's file, in one of the phases of clause 8."""
    about = {"incident": incident, "phase": phase, "texte": text} | ({"depot_plainte": complaint} if complaint else {})
    _record(config, "note", lambda _: about, text, by, as_json=as_json)


@app.command()
def link(
    incident: IncidentId, kind: Annotated[str, typer.Argument(help=f"One of: {', '.join(LINK_KINDS)}.")],
    reference: Annotated[str, typer.Argument(help="Request id, alert id, switch id, contract id, revision, sha256:...")],
    by: By = "", as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Link a call, an alert, a switch, a contract, a revision or a certificate."""
    about = {"incident": incident, "lien": kind, "reference": reference}
    _record(config, "link", lambda _: about, f"{kind} {reference}", by, as_json=as_json)


@app.command()
def breach(
    incident: IncidentId,
    known: Annotated[str, typer.Option("--connaissance-le", help="When it became known: the 72 hours run from here (6.6-a).")],
    risk: Annotated[bool, typer.Option("--risque/--sans-risque", help="A risk for persons?")],
    high: Annotated[bool, typer.Option("--risque-eleve", help="A high one: the persons are told as well (6.6-b).")] = False,
    anonymised: Annotated[bool, typer.Option("--anonymisees", help="The data are irreversibly anonymised.")] = False,
    by: By = "", as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Say that personal data were breached (6.6)."""
    about = {"incident": incident, "connaissance_le": moment_of(known, datetime.now(UTC)), "risque": word_of(risk),
             "risque_eleve": word_of(high), "anonymisees": word_of(anonymised)}
    _record(config, "breach", lambda _: about, "violation de données personnelles", by, as_json=as_json)


@app.command()
def notified(
    incident: IncidentId,
    at: Annotated[str | None, typer.Option("--le", help="When the CNIL was told; nothing means now.")] = None,
    late: Annotated[str | None, typer.Option("--motif-retard", help="Why later than 72 hours.")] = None,
    by: By = "", as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Say that the CNIL was told of the breach (6.6-a)."""
    about = {"incident": incident, "notifiee_cnil_le": moment_of(at, datetime.now(UTC))}
    about |= {"motif_retard": late} if late else {}
    _record(config, "notified", lambda _: about, late or "notification à la CNIL", by, as_json=as_json)


@app.command()
def verify(
    incident: IncidentId,
    removed: Annotated[bool, typer.Option("--element-malveillant-supprime/--element-malveillant-present")],
    fixed: Annotated[bool, typer.Option("--vulnerabilites-corrigees/--vulnerabilites-ouvertes")],
    who: Annotated[str, typer.Option("--par", help="Who verified it.")],
    at: Annotated[str | None, typer.Option("--le", help="When; nothing means now.")] = None,
    by: By = "", as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write down the verification that goes before the return to service (8-g4)."""
    about = {"incident": incident, "element_malveillant_supprime": word_of(removed), "vulnerabilites_corrigees": word_of(fixed),
             "par": who, "le": moment_of(at, datetime.now(UTC))}
    _record(config, "verify", lambda _: about, "vérification avant remise en service", by, as_json=as_json)


@app.command()
def over(
    incident: IncidentId,
    at: Annotated[str | None, typer.Option("--fin", help="When it was over; nothing means now.")] = None,
    by: By = "", as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Say when the disturbance itself was over; the handling goes on (10-D counts until here)."""
    about = {"incident": incident, "fin": moment_of(at, datetime.now(UTC))}
    _record(config, "over", lambda _: about, "fin de la perturbation", by, as_json=as_json)


@app.command()
def close(
    incident: IncidentId,
    cause: Annotated[str, typer.Option("--cause", help="What caused it (8-g4).")],
    corrections: Annotated[str, typer.Option("--corrections", help="What was corrected.")],
    by: By = "", as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Close it; refused while a verification or a notification to the CNIL is owed."""
    about = {"incident": incident, "cause": cause, "corrections": corrections}
    _record(config, "close", lambda _: about, cause, by, as_json=as_json)


@app.command()
def show(incident: IncidentId, as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Everything that is known of one incident."""
    found = _known(config).get(incident)
    if found is None:
        fail(f"no incident {incident}; `poterne incident list` shows them")
    tell(found, as_json=as_json)


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """The incidents that are open, with the delays that run."""
    chosen = [i for i in _known(config).values() if everything or i.open]
    if as_json:
        typer.echo(json.dumps([document(i) for i in chosen], ensure_ascii=False, indent=1))
        return
    if not chosen:
        typer.echo("no incident" if everything else "no incident is open (--all shows closed ones)")
        return
    delays = {(clock.incident, clock.name): clock.due for clock in running(chosen)}
    table = Table(Column("incident", no_wrap=True), "type", "title", "opened", "state", "CNIL until", "interruption until")
    for one in chosen:
        table.add_row(one.id, one.type, one.title, short(one.opened_at), "open" if one.open else "closed",
                      due(delays.get((one.id, "cnil"))), due(delays.get((one.id, "interruption"))))
    Console().print(table)


@app.command()
def stats(
    since: Annotated[str | None, typer.Option("--from", help="First day (AAAA-MM-JJ); nothing means a year ago.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Last day; nothing means today.")] = None,
    as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Incidents by type over a period (8-h2)."""
    today = datetime.now(PARIS).replace(hour=0, minute=0, second=0, microsecond=0)
    start = day_of(since, today - timedelta(days=365))
    end = day_of(until, today) + timedelta(days=1)
    counts = by_type(_known(config).values(), start, end)
    if as_json:
        typer.echo(json.dumps([asdict(c) for c in counts], ensure_ascii=False, indent=1))
        return
    table = Table("type", "opened", "still open", "with breach", "mean handling, h", "interruption, h",
                  title=f"{start:%Y-%m-%d} to {end - timedelta(days=1):%Y-%m-%d}")
    for c in counts:
        table.add_row(c.type, str(c.opened), str(c.still_open), str(c.with_breach),
                      "-" if c.handling_h is None else f"{c.handling_h:.1f}", f"{c.interruption_h:.1f}")
    Console().print(table if counts else "no incident in this period")


app.command()(export)
app.command("verify-export")(verify_export)


# --- the steps ---


def _record(config: Path, verb: str, about: Callable[[Mapping[str, Incident]], Mapping[str, str]], reason: str, by: str,
            *, as_json: bool) -> None:
    settings = settings_of(config)
    author = by.strip() or operator_name()
    try:
        changed = record_incident_act(
            settings.journal.folder, lambda known: act_now(f"incident.{verb}", author, reason, about(known)))
    except (IncidentError, JournalUnavailable) as e:
        fail(str(e))
    if as_json:
        tell(changed, as_json=True)
    else:
        typer.echo(f"{changed.id}: {verb} written to the journal")


def _known(config: Path) -> dict[str, Incident]:
    try:
        return incidents(settings_of(config).journal.folder)
    except (IncidentError, JournalUnavailable) as e:
        fail(str(e))
