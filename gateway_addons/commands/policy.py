"""`poterne policy`: revisions of policies and contracts, from the files to the OPA that decides (docs/policy.md)."""

import asyncio
import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
import yaml

from gateway_addons.adapters.policy.activation import ActivationFailed
from gateway_addons.adapters.policy.api_files import ApiFileError
from gateway_addons.adapters.policy.bundle_server import serve_bundles
from gateway_addons.adapters.policy.clause_table import ClauseGap, clause_table
from gateway_addons.adapters.policy.contract_files import ContractFileError
from gateway_addons.adapters.policy.opa_binary import BundleError
from gateway_addons.adapters.policy.opa_config import opa_config
from gateway_addons.adapters.policy.policy_desk import GuardRefused, PolicyDesk
from gateway_addons.adapters.policy.policy_keys import make_keys
from gateway_addons.adapters.policy.revision_store import StoreError
from gateway_addons.admin.json_log import configure_logging
from gateway_addons.commands.contract import question_of
from gateway_addons.commands.contract_sources import contract_file, moment, sources, telling
from gateway_addons.commands.contract_view import show_explanation
from gateway_addons.commands.policy_view import (
    show_findings,
    show_history,
    show_report,
    show_revision_changes,
)
from gateway_addons.commands.terminal import DEFAULT_CONFIG, AsJson, ConfigFile, fail, say, settings_of, told
from gateway_addons.core.contract.call_question import question_document
from gateway_addons.core.contract.compile import ContractConflict
from gateway_addons.core.errors import JournalUnavailable, PolicyUnavailable
from gateway_addons.core.reasons import REASONS

app = typer.Typer(help="Revisions of policies and contracts: check, build, activate, roll back.", no_args_is_help=True)

Author = Annotated[str, typer.Option("--author", help="Who does it; written down.", default_factory=getpass.getuser)]
CANNOT = (BundleError, ApiFileError, ContractFileError, ContractConflict, StoreError, PolicyUnavailable, JournalUnavailable,
          OSError)


@app.command()
def check(as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Read contracts and readings, and check the policies strictly; nothing is written."""
    with told(*CANNOT, status=1):
        content = _desk(config).check()
    counted = {name: len(room["by_id"]) for name, room in content.data["contracts"].items()}
    say(as_json, {"content": content.digest, "contracts": counted, "modules": len(content.modules)},
        f"in order: {counted['production']} contracts in production, {counted['sandbox']} in the sandbox, "
        f"{len(content.modules)} modules; content {content.digest}")


@app.command("test")
def run_tests(author: Author, as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Test the policies: OPA's unit tests with every line covered, then the guard over all contracts; 1 when either fails."""
    with told(*CANNOT, status=1):
        desk = _desk(config)
        desk.unit_tests()
        report = desk.guard(author)
    if as_json:
        say(True, report.document(), "")
    else:
        show_report(report)
    if report.open:
        raise typer.Exit(1)


@app.command()
def build(author: Author, as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Make a signed revision of the files as they are now; it does not decide anything before it is activated."""
    with told(*CANNOT, status=1):
        revision = _desk(config).build(author)
    say(as_json, {"revision": str(revision)}, f"built {revision}; `poterne policy activate {revision.sequence}` makes it decide")


@app.command()
def diff(
    revision: Annotated[str | None, typer.Argument(help="A revision that was built; else the files.")] = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """What would change against what runs: rules, and for each consumer rights and access gained and lost."""
    with told(*CANNOT, status=1):
        changes = _desk(config).changes(revision)
    if as_json:
        say(True, [asdict(change) for change in changes], "")
    else:
        show_revision_changes(changes)


@app.command()
def explain(
    contract: Annotated[str, typer.Argument(help="The contract that calls: its file, or its id.")],
    call: Annotated[str | None, typer.Option("--call", help="flux:operation, or YAML (perimeter, changed facts).")] = None,
    at: Annotated[str | None, typer.Option("--at", help="When (RFC 3339 or a day); else now.")] = None,
    revision: Annotated[str | None, typer.Option("--revision", help="A built revision; else the active one.")] = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Would this call pass in the revision that decides now, and why, with rule and line. Ends with 1 for no."""
    with telling(), told(*CANNOT):
        found = sources(config)
        _, loaded = contract_file(contract, found)
        document = question_document(question_of(call), loaded, found.apis[loaded.convention.api], moment(at))
        answer = _desk(config).explain(document, revision)
    if as_json:
        say(True, {"allow": answer.allow, "controls": [asdict(c) for c in answer.controls], "decision": answer.decision}, "")
    else:
        show_explanation(answer, {code: reason.en for code, reason in REASONS.items()})
    if not answer.allow:
        raise typer.Exit(1)


@app.command()
def activate(
    author: Author,
    revision: Annotated[str | None, typer.Argument(help="A revision that was built; else the files are built.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is journaled.")] = "changed contracts or policies",
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Make a revision decide: offered to OPA, waited for; taken back when OPA refuses it."""
    with told(ActivationFailed, *CANNOT, status=1), _guarded(as_json):
        active = asyncio.run(_desk(config).activate(revision, author, reason))
    say(as_json, asdict(active), f"{active.revision} decides now (before: {active.previous or 'none'})")


@app.command()
def rollback(
    author: Author,
    to: Annotated[str | None, typer.Argument(help="The revision whose content comes back; else the one before.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is journaled.")] = "rolled back",
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Bring the content of an old revision back, signed anew under a higher number."""
    with told(ActivationFailed, *CANNOT, status=1):
        active = asyncio.run(_desk(config).rollback(to, author, reason))
    say(as_json, asdict(active), f"{active.revision} decides now (before: {active.previous or 'none'})")


@app.command()
def status(as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """What OPA really serves, what it should serve, and why it refused what it refused; 1 when the two differ."""
    with told(*CANNOT):
        state = asyncio.run(_desk(config).status())
    lines = [f"offered  {state['offered'] or 'nothing yet'}", f"decides  {state['decides'] or 'unknown'}",
             f"seen     {state['highest_seen'] or 'no decision yet'}"]
    if state["problem"]:
        lines.append(f"problem  {state['problem']}")
    say(as_json, state, "\n".join(lines))
    if not state["in_order"]:
        raise typer.Exit(1)


@app.command()
def history(as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Every revision that was built, and what became of it."""
    with told(*CANNOT):
        rows = _desk(config).history()
    if as_json:
        say(True, rows, "")
    else:
        show_history(rows)


@app.command()
def clauses(
    write: Annotated[Path | None, typer.Option("--write", help="The file; else standard output.")] = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Each clause of the terms of use, with the rules that hold it, their tests and reason codes."""
    policy = settings_of(config).policy
    with told(ClauseGap, *CANNOT, status=1):
        page = clause_table(policy.opa_file, policy.rego_folder, policy.rego_folder.parent / "tests")
        if write:
            write.write_text(page, encoding="utf-8")
        else:
            typer.echo(page, nl=False)


@app.command()
def serve(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Give OPA the active revision, over loopback, until SIGTERM."""
    settings = settings_of(config)
    configure_logging()
    with told(OSError, ValueError):
        serve_bundles(_desk(config).store, settings.policy.bundles)


@app.command("opa-config")
def print_opa_config(
    persistence: Annotated[Path, typer.Option("--persistence", help="Where OPA keeps the last bundle over a restart.")],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Print the configuration of the OPA that the gateway asks: `opa run --server --config-file`."""
    with told(OSError):
        typer.echo(yaml.safe_dump(opa_config(settings_of(config).policy, persistence), sort_keys=False), nl=False)


@app.command()
def keys(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Make the pair that signs bundles, and OPA's token; files that are there are never overwritten."""
    policy = settings_of(config).policy
    if policy.signing.signing_key_file is None:
        fail("policy.signing.signing_key_file is not set")
    with told(OSError):
        make_keys(policy.signing.signing_key_file, policy.signing.verification_key_file, policy.bundles.token_file)
    typer.echo(f"{policy.signing.signing_key_file} (keep it where revisions are built), "
               f"{policy.signing.verification_key_file}, {policy.bundles.token_file}")


def _desk(config: Path) -> PolicyDesk:
    return PolicyDesk(settings_of(config), lambda what: typer.echo(f"  {what}", err=True))


@contextmanager
def _guarded(as_json: bool) -> Iterator[None]:
    """Show the guard's findings instead of a sentence."""
    try:
        yield
    except GuardRefused as e:
        show_findings(as_json, e.findings)
        fail(str(e), 1)
