"""`poterne journal replay`: what another revision would have decided of the calls that were recorded."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from gateway_addons.adapters.journal.key_files import masking_of
from gateway_addons.adapters.journal.replaying import replay as replay_period
from gateway_addons.adapters.policy.bundle import Content, Sources, read_bundle, read_sources
from gateway_addons.adapters.policy.contract_files import ContractFileError
from gateway_addons.adapters.policy.opa_binary import BundleError
from gateway_addons.adapters.policy.revision_store import RevisionStore, StoreError
from gateway_addons.commands.journal_reading import Since, Until, moment_of
from gateway_addons.commands.terminal import DEFAULT_CONFIG, AsJson, ConfigFile, fail, settings_of
from gateway_addons.core.contract.compile import ContractConflict
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.journal.replay import Replayed
from gateway_addons.settings.policy import Policy

CANNOT = (JournalUnavailable, BundleError, StoreError, ContractFileError, ContractConflict, OSError)
TITLES = {"allow_to_deny": "admitted then, refused now", "deny_to_allow": "refused then, admitted now",
          "other_reason": "refused for other reasons"}


def replay(
    policy: Annotated[str, typer.Option("--policy", help="A revision of the store, a bundle file, or a folder of Rego.")],
    contracts: Annotated[Path | None, typer.Option("--contracts", help="With a folder of Rego; else the settings'.")] = None,
    since: Since = None, until: Until = None,
    fail_on_flip: Annotated[bool, typer.Option("--fail-on-flip", help="Exit with 1 when any call is decided otherwise.")] = False,
    as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Decide a recorded period again under a candidate, with a real OPA, and list what flips, by consumer and reason."""
    settings = settings_of(config)
    started = time.perf_counter()
    try:
        content = _content(policy, contracts, settings.policy)
        with Progress(SpinnerColumn(), TextColumn("{task.completed:,.0f} calls decided again, {task.fields[rate]:,.0f}/s"),
                      console=Console(stderr=True), transient=True, disable=as_json) as progress:
            task = progress.add_task("replay", total=None, rate=0.0)

            def told(count: int) -> None:
                done = progress.tasks[0].completed + count
                progress.update(task, advance=count, rate=done / max(0.001, time.perf_counter() - started))

            result = replay_period(settings.journal.folder, content, settings.policy.opa_file, moment_of(since), moment_of(until),
                                   masking_of(settings.journal.personal_data), told)
    except CANNOT as e:
        fail(str(e))
    seconds = time.perf_counter() - started
    if as_json:
        typer.echo(json.dumps(_document(result, seconds), ensure_ascii=False, indent=1))
    else:
        _print(result, seconds)
    sys.exit(1 if fail_on_flip and result.flips else 0)


def _content(policy: str, contracts: Path | None, settings: Policy) -> Content:
    path = Path(policy)
    if path.is_dir():
        return read_sources(Sources(settings.opa_file, path, contracts or settings.contracts_folder, settings.readings_file,
                                    settings.schemas_folder, settings.exceptions_file))
    if path.is_file():
        return read_bundle(path)
    store = RevisionStore(settings.store_folder)
    return read_bundle(store.bundle(store.find(policy)))


def _document(result: Replayed, seconds: float) -> dict[str, Any]:
    return {
        "asked": result.asked, "unchanged": result.unchanged, "undecided": result.undecided, "skipped": result.skipped,
        "seconds": round(seconds, 2), **{name: result.counted(name) for name in TITLES},  # type: ignore[arg-type]
        "flips": [{"direction": key.direction, "contract": key.contract, "before": key.before, "after": key.after, "calls": count,
                   "examples": result.examples[key]} for key, count in result.flips.items()],
    }


def _print(result: Replayed, seconds: float) -> None:
    console = Console()
    table = Table("what", "convention", "reasons then", "reasons now", "calls", "such as")
    for key, count in sorted(result.flips.items(), key=lambda item: (item[0].direction, -item[1])):
        table.add_row(TITLES[key.direction], key.contract or "-", ", ".join(key.before) or "-", ", ".join(key.after) or "-",
                      str(count), result.examples[key][0])
    if result.flips:
        console.print(table)
    console.print(f"{result.asked} calls decided again in {seconds:.1f} s: {result.unchanged} as before, "
                  f"{result.counted('allow_to_deny')} refused that were admitted, "
                  f"{result.counted('deny_to_allow')} admitted that were refused", highlight=False)
    if result.undecided:
        console.print(f"[red]{result.undecided} got no answer from the candidate[/], and count as refused", highlight=False)
    for why, count in sorted(result.skipped.items()):
        console.print(f"{count} not asked: {why}", highlight=False)
