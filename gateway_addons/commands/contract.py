"""`poterne contract`: contracts from a first draft to the reasons for a verdict (docs/contracts.md)."""

import json
import subprocess
import sys
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from gateway_addons.adapters.policy import strict_yaml
from gateway_addons.adapters.policy.contract_files import (
    ContractFileError,
    Defect,
    conflicts,
    load_contract,
    read_contract,
)
from gateway_addons.commands import contract_new
from gateway_addons.commands.contract_sources import Sources, contract_file, contract_paths, moment, short, sources, telling
from gateway_addons.commands.contract_view import show_changes, show_checked, show_contract, show_due, show_explanation
from gateway_addons.core.contract.access import Droit
from gateway_addons.core.contract.calendar import paris_day
from gateway_addons.core.contract.call_question import CallQuestion, question_document
from gateway_addons.core.contract.changes import changes
from gateway_addons.core.contract.compliance import warnings
from gateway_addons.core.contract.due import HORIZON_DAYS, due_within
from gateway_addons.core.contract.finding import Finding
from gateway_addons.core.contract.gates import missing_conditions
from gateway_addons.core.contract.legal import Texte
from gateway_addons.core.contract.model import Contract
from gateway_addons.core.contract.sample_call import NoSuchCall
from gateway_addons.core.contract.schema import contract_schema_text
from gateway_addons.core.reasons import REASONS

app = typer.Typer(help="Contracts: new, check, show, diff, due, explain.", no_args_is_help=True)
app.command("new")(contract_new.new)

ConfigFile = Annotated[Path | None, typer.Option("--config", envvar="POTERNE_CONFIG", help="gateway.yaml, else the project.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
At = Annotated[str | None, typer.Option("--at", help="A day (noon in Paris) or a moment with its zone; now by default.")]
Paths = Annotated[list[Path] | None, typer.Argument(help="Files or folders; all contracts by default.")]
Name = Annotated[str, typer.Argument(metavar="CONTRACT", help="A file, or a contract's number or file's name.")]


@app.command()
def check(paths: Paths = None, as_json: AsJson = False, at: At = None, config: ConfigFile = None) -> None:
    """Every defect with file, line, place, clause and what to do; conditions that are missing; duties that are open.

    Ends with 1 for a file that cannot be used, and for a contract that says `active` and misses a condition.
    """
    with telling():
        found, now = sources(config), moment(at)
        results = [_checked(file, found, now) for file in contract_paths(paths or [], found)]
        _add_conflicts(results)
    if as_json:
        _print([{k: v for k, v in result.items() if k != "loaded"} for result in results])
    else:
        show_checked(results)
    wrong = any(r["errors"] or (r["gates"] and r["etat"] in {"active", "en_preavis"}) for r in results)
    sys.exit(1 if wrong else 0)


def _checked(file: Path, found: Sources, now: datetime) -> dict[str, Any]:
    result: dict[str, Any] = {"file": short(file), "contract": None, "etat": None, "errors": [], "gates": [], "warnings": [],
                              "loaded": None}
    try:
        contract = load_contract(Path(short(file)), found.apis)
    except ContractFileError as e:
        return result | {"errors": [_defect(d) for d in e.defects]}
    lines = strict_yaml.lines(file.read_text(encoding="utf-8"))
    readings = found.readings.of(contract.environment)
    return result | {
        "contract": contract.convention.id, "etat": contract.convention.etat, "loaded": contract,
        "gates": [_finding(f, lines) for f in missing_conditions(contract)],
        "warnings": [_finding(f, lines) for f in warnings(contract, readings, now)]}


def _add_conflicts(results: list[dict[str, Any]]) -> None:
    loaded = [(Path(r["file"]), r["loaded"]) for r in results if r["loaded"] is not None]
    for defect in conflicts(loaded):
        next(r for r in results if r["file"] == defect.file)["errors"].append(_defect(defect))


def _defect(defect: Defect) -> dict[str, Any]:
    return {"line": defect.line, "path": defect.path, "clause": defect.clause, "text": defect.text}


def _finding(finding: Finding, lines: dict[strict_yaml.Path, int]) -> dict[str, Any]:
    parts = tuple(int(p) if p.isdigit() else p for p in finding.path.split("."))
    line = next(lines[parts[:size]] for size in range(len(parts), -1, -1) if parts[:size] in lines)
    return {"line": line, "path": finding.path, "clause": finding.clause, "text": finding.to_do}


@app.command()
def show(name: Name, at: At = None, as_json: AsJson = False, config: ConfigFile = None) -> None:
    """A contract at a moment: its state as the real OPA sees it, rights, access, what falls due."""
    with telling():
        found, now = sources(config), moment(at)
        file, contract = contract_file(name, found)
        told = _shown(file, contract, found, now)
    if as_json:
        _print(told | {"today": str(told["today"]), "due": [asdict(item) | {"on": str(item.on)} for item in told["due"]]})
    else:
        show_contract(contract, told)


def _shown(file: Path, contract: Contract, found: Sources, now: datetime) -> dict[str, Any]:
    api = found.apis[contract.convention.api]
    health = next((r for r in api.routes if r.flux is None), None)
    question = CallQuestion(at=now, method="GET", path=health.path) if health else CallQuestion(at=now)
    answer = found.ask(file, contract, question_document(question, contract, api, now))
    today, texts = paris_day(now), {t.id: t for t in contract.cadre_juridique.textes}
    control = next(c for c in answer.controls if c.name == "contract")
    return {
        "contract": contract.convention.id, "file": str(file), "at": now.isoformat(), "today": today,
        "state": answer.decision["state"],
        "reasons": [{"code": r.code, "clause": r.clause, "message": REASONS[r.code].en} for r in control.reasons],
        "gates": [{"clause": g.clause, "path": g.path, "text": g.to_do} for g in missing_conditions(contract)],
        "rights": [r.model_dump(mode="json") | {"open": _is_open(r, texts[r.texte_id], today)} for r in contract.droits],
        "quota": contract.calls_per_minute,
        "due": due_within(contract, found.readings.of(contract.environment), now, 366)}


def _is_open(right: Droit, text: Texte, today: date) -> bool:
    """Within its deposit window, with its text in force (13-b)."""
    in_force = text.applicable_du <= today <= (text.applicable_au or today)
    return in_force and right.depot_du <= today <= right.depot_au


@app.command()
def diff(
    old: Annotated[str, typer.Argument(help="The older file; alone, it is compared with what git has of it.")],
    new: Annotated[str | None, typer.Argument(help="The newer file.")] = None,
    revision: Annotated[str, typer.Option("--git", help="The git revision to compare with, when one file is given.")] = "HEAD",
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """What changes for a consumer, in words: rights and access gained and lost, then everything else.

    Against what runs: `poterne policy diff`.
    """
    with telling():
        found = sources(config)
        if new is not None:
            pair = contract_file(old, found)[1], contract_file(new, found)[1]
        else:
            file, now = contract_file(old, found)
            pair = _in_git(file, revision, found), now
        told = changes(*pair)
    if as_json:
        _print([asdict(change) for change in told])
    else:
        show_changes(told)


def _in_git(file: Path, revision: str, found: Sources) -> Contract:
    done = subprocess.run(["git", "show", f"{revision}:./{file.name}"], cwd=file.resolve().parent, capture_output=True,  # noqa: S603, S607
                          text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise FileNotFoundError(f"git has no {file.name} in {revision}: {done.stderr.strip()}")
    return read_contract(Path(f"{file}@{revision}"), done.stdout, found.apis)


@app.command()
def due(
    paths: Paths = None,
    within: Annotated[int, typer.Option("--within", min=0, max=3660, help="How many days ahead.")] = HORIZON_DAYS,
    at: At = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """What falls due: renewals, questionnaires, certificates, texts, contacts, audits, ends, purges; and what is overdue."""
    with telling():
        found, now = sources(config), moment(at)
        readings, today = found.readings, paris_day(now)
        loaded = [load_contract(file, found.apis) for file in contract_paths(paths or [], found)]
        items = sorted(((contract.convention.id, item) for contract in loaded
                        for item in due_within(contract, readings.of(contract.environment), now, within)),
                       key=lambda pair: (pair[1].on, pair[0], pair[1].clause))
    if as_json:
        _print([{"contract": name, "on": str(item.on), "in_days": (item.on - today).days, "alert": item.alert(today),
                 "clause": item.clause, "path": item.path, "what": item.what} for name, item in items])
    else:
        show_due(items, today)


@app.command()
def explain(
    name: Name,
    call: Annotated[str | None, typer.Option("--call", help="YAML or JSON, a file or inline ({flux: comptable, exercice: 2026}), "
                                             "or flux:operation; by default a call that a right is for.")] = None,
    at: At = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Would this call pass, and why: every verdict of the real OPA, with the rule and the line. Ends with 1 for no."""
    with telling():
        found, now = sources(config), moment(at)
        file, contract = contract_file(name, found)
        question = question_of(call)
        document = question_document(question, contract, found.apis[contract.convention.api], now)
        answer = found.ask(file, contract, document)
    if as_json:
        _print({"allow": answer.allow, "controls": [asdict(c) for c in answer.controls], "decision": answer.decision,
                "input": document})
    else:
        show_explanation(answer, {code: reason.en for code, reason in REASONS.items()})
    sys.exit(0 if answer.allow else 1)


def question_of(call: str | None) -> CallQuestion:
    """The question that `--call` words. Raises `NoSuchCall`, `YamlDefect`, `OSError`."""
    if call is None:
        return CallQuestion()
    if not call.lstrip().startswith("{") and not Path(call).exists():
        flux, _, operation = call.partition(":")
        return CallQuestion(flux=flux or None, operation=operation or None)
    text = call if call.lstrip().startswith("{") else Path(call).read_text(encoding="utf-8")
    try:
        return CallQuestion.model_validate(strict_yaml.read(text))
    except ValidationError as e:
        places = "; ".join(f"{'.'.join(map(str, x['loc']))}: {x['msg']}" for x in e.errors(include_url=False))
        known = ", ".join(CallQuestion.model_fields)
        raise NoSuchCall(f"the call: {places}; a call may say {known}") from e


@app.command()
def schema(
    write: Annotated[Path | None, typer.Option("--write", help="The file; else standard output.")] = None,
    config: ConfigFile = None,
) -> None:
    """The JSON Schema of a contract, for editors, with the words of the APIs in `config/apis/`."""
    with telling():
        text = contract_schema_text(sources(config).apis.values())
        if write is not None:
            write.write_text(text, encoding="utf-8")
    if write is None:
        typer.echo(text, nl=False)


def _print(document: Any) -> None:
    typer.echo(json.dumps(document, ensure_ascii=False, indent=1, default=str))
