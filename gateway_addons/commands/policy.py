"""`poterne policy`: revisions of policies and contracts, from the files to the OPA that decides (docs/policy.md)."""

import asyncio
import getpass
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.table import Table

from gateway_addons.adapters.policy.activation import ActivationFailed
from gateway_addons.adapters.policy.api_files import ApiFileError
from gateway_addons.adapters.policy.bundle_server import serve_bundles
from gateway_addons.adapters.policy.contract_files import ContractFileError
from gateway_addons.adapters.policy.opa_binary import BundleError
from gateway_addons.adapters.policy.opa_config import opa_config
from gateway_addons.adapters.policy.policy_desk import GuardRefused, PolicyDesk
from gateway_addons.adapters.policy.policy_keys import make_keys
from gateway_addons.adapters.policy.revision_store import StoreError
from gateway_addons.admin.json_log import configure_logging
from gateway_addons.commands.told import fail, told
from gateway_addons.core.contract.compile import ContractConflict
from gateway_addons.core.errors import JournalUnavailable, PolicyUnavailable
from gateway_addons.core.guard.judge import Finding
from gateway_addons.settings.gateway import Settings, load
from gateway_addons.settings.values import SettingsError

app = typer.Typer(help="Revisions of policies and contracts: check, build, activate, roll back.", no_args_is_help=True)

ConfigFile = Annotated[Path, typer.Option("--config", help="gateway.yaml", envvar="POTERNE_CONFIG")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Author = Annotated[str, typer.Option("--author", help="Who does it; written down.", default_factory=getpass.getuser)]
DEFAULT_CONFIG = Path("config/gateway.yaml")
MAX_ROWS = 40
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
        typer.echo(json.dumps(report.document(), ensure_ascii=False, indent=1))
    else:
        if report.findings:
            show_findings(False, report.findings)
        typer.echo(f"guard: {report.contracts} contracts of {report.shapes} shapes, {report.rights} rights, "
                   f"{report.facts} facts: {report.questions} calls that must be refused, {len(report.open)} findings; "
                   f"{report.seconds} s")
        for name, codes in report.uncallable.items():
            typer.echo(f"  no call of {name} is allowed at any of its dates: {', '.join(codes)}")
    if report.open:
        raise typer.Exit(1)


@app.command()
def build(author: Author, as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Make a signed revision of the files as they are now; it does not decide anything before it is activated."""
    with told(*CANNOT, status=1):
        revision = _desk(config).build(author)
    say(as_json, {"revision": str(revision)}, f"built {revision}; `poterne policy activate {revision.sequence}` makes it decide")


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
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    table = Table("revision", "built", "by", "from", "contracts", "offered", "what became of it")
    for row in rows:
        table.add_row(*(str(row[key]) for key in ("revision", "at", "author", "source", "contracts", "offered", "outcome")))
    Console().print(table)


@app.command()
def serve(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Give OPA the active revision, over loopback, until SIGTERM."""
    settings = _settings(config)
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
        typer.echo(yaml.safe_dump(opa_config(_settings(config).policy, persistence), sort_keys=False), nl=False)


@app.command()
def keys(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Make the pair that signs bundles, and OPA's token; files that are there are never overwritten."""
    policy = _settings(config).policy
    if policy.signing.signing_key_file is None:
        fail("policy.signing.signing_key_file is not set")
    with told(OSError):
        make_keys(policy.signing.signing_key_file, policy.signing.verification_key_file, policy.bundles.token_file)
    typer.echo(f"{policy.signing.signing_key_file} (keep it where revisions are built), "
               f"{policy.signing.verification_key_file}, {policy.bundles.token_file}")


def say(as_json: bool, document: Any, text: str) -> None:
    """The result, for programs or for people."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=1) if as_json else text)


def _settings(config: Path) -> Settings:
    with told(SettingsError):
        return load(config)


def _desk(config: Path) -> PolicyDesk:
    return PolicyDesk(_settings(config), lambda what: typer.echo(f"  {what}", err=True))


@contextmanager
def _guarded(as_json: bool) -> Iterator[None]:
    """Show the guard's findings instead of a sentence."""
    try:
        yield
    except GuardRefused as e:
        show_findings(as_json, e.findings)
        fail(str(e), 1)


def show_findings(as_json: bool, findings: Sequence[Finding]) -> None:
    """Each kind of finding once, with how many contracts it is about."""
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=1))
        return
    counted = Counter((f.question, f.control, f.what, f.exception or "") for f in findings)
    table = Table("question", "control", "calls", "what is wrong", "exception")
    for (question, control, what, exception), number in counted.most_common(MAX_ROWS):
        table.add_row(question, control, str(number), what, exception)
    Console(stderr=True).print(table)
