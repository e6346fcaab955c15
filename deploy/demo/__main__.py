"""`python -m deploy.demo demo|up|down|status`: the commands behind `make demo`, `make up`, `make down`, `make status`."""

import json
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.demo import pki
from deploy.demo.cast import CastError
from deploy.demo.place import Place, PlaceBusy, places
from deploy.demo.ports import PortTaken
from deploy.demo.processes import StartFailed
from deploy.demo.system import System
from gateway_addons.adapters.policy.contract_files import ContractFileError
from gateway_addons.adapters.policy.opa_binary import BundleError
from gateway_addons.adapters.policy.policy_desk import GuardRefused
from gateway_addons.adapters.policy.revision_store import StoreError
from gateway_addons.core.contract.compile import ContractConflict

app = typer.Typer(help="The demonstration of Poterne, on real parts.", no_args_is_help=True, add_completion=False)

Var = Annotated[Path, typer.Option("--var", help="Folder of everything that is made; one for each system.")]
PortBase = Annotated[int | None, typer.Option("--port-base", min=1024, max=65000, help="Seven ports from here; else free ones.")]
CANNOT = (CastError, PlaceBusy, PortTaken, StartFailed, ContractFileError, ContractConflict, BundleError,
          GuardRefused, StoreError)


@app.command()
def up(var: Var = Path("var"), port_base: PortBase = None) -> None:
    """Start the system and leave it running."""
    place, _ = places(var)
    with told(), place.exclusively():
        system = System(place, _progress())
        if place.handout.exists() and len(system.running()) == len(system.known()) > 0:
            print(f"Already running: {place.handout}")
            return
        document = system.start(port_base)
        system.leave()
    for name, environment in document["environments"].items():
        print(f"  {name:<10} {environment['base_url']}   ({', '.join(environment['consumers'])})")
    print(f"  {'operator':<10} {document['admin']}/health/ready")
    print(f"Running. How to use it: {place.handout}    To stop it: make down")


@app.command()
def demo(
    var: Var = Path("var"),
    port_base: PortBase = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the table's rows here too.")] = None,
) -> None:
    """Start the system, send the guided tour of real calls, stop; 1 when a call differs from what is expected."""
    from deploy.demo.tour.guide import guide  # the tour's clients are only needed here

    _, place = places(var)
    with told(), place.exclusively():
        system = System(place, _progress())
        try:
            document = system.start(port_base)
            differing = guide(document, Console(), json_file)
        finally:
            system.stop()
    sys.exit(1 if differing else 0)


@app.command()
def down(var: Var = Path("var")) -> None:
    """Stop what `up`, or a `demo` that was cut short, left running."""
    for place in places(var):
        if place.folder.exists() or System(place, print).left_behind():
            print(f"  {place.folder.name:<5} {_stop(place)}")


@app.command()
def status(var: Var = Path("var")) -> None:
    """Say what is running."""
    for place in places(var):
        system = System(place, print)
        found = [*system.running(), *system.left_behind()]
        for process in found:
            print(f"  {place.folder.name:<5} {process.name:<20} pid {process.pid}")
        if not found:
            print(f"  {place.folder.name:<5} nothing is running")


@app.command()
def certificate(
    name: Annotated[str, typer.Argument(help="The files' name.")],
    subject: Annotated[str, typer.Option("--subject", help="As RFC 4514 writes it; the OU names the SIRET: OU=0002 <SIRET>.")],
    environment: Annotated[str, typer.Option("--environment")] = "sandbox",
    var: Var = Path("var"),
) -> None:
    """Issue one more client certificate of the running system's throw-away PKI, for a consumer that comes later."""
    place, _ = places(var)
    try:
        files = pki.issue_another(place.pki(environment), name, subject, datetime.now(UTC))
    except (OSError, ValueError) as e:
        print(f"no certificate: {e} (is the system up, and the subject as in RFC 4514?)", file=sys.stderr)
        sys.exit(2)
    print(f"{files.certificate}\n{files.key}")


@app.command()
def shell(environment: Annotated[str, typer.Option("--environment")] = "sandbox", var: Var = Path("var")) -> None:
    """Print what a shell needs to use the running system: `eval "$(python -m deploy.demo shell)"`."""
    place, _ = places(var)
    try:
        own = json.loads(place.handout.read_text(encoding="utf-8"))["environments"][environment]
    except (OSError, KeyError) as e:
        print(f"nothing is running in {place.folder}: make up ({e})", file=sys.stderr)
        sys.exit(2)
    values = {"POTERNE_CONFIG": place.gateway_settings, "CONTRACTS": place.config / "contracts" / environment,
              "CLIENTS": place.pki(environment) / "clients", "BASE_URL": own["base_url"], "CA_FILE": own["ca_file"]}
    for name, value in values.items():
        print(f"export {name}={shlex.quote(str(value))}")


def _stop(place: Place) -> str:
    try:
        with place.exclusively():
            stopped = System(place, print).stop()
            place.handout.unlink(missing_ok=True)
    except PlaceBusy:
        return "is in use by a running command, which stops its own processes"
    return f"stopped {stopped} processes" if stopped else "nothing was running"


@contextmanager
def told() -> Iterator[None]:
    """Turn what cannot be done into a sentence and status 2, and a signal into an orderly end."""

    def interrupt(number: int, _frame: object) -> None:
        raise KeyboardInterrupt(number)

    previous = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    except CANNOT as e:
        print(f"\n{e}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("\nInterrupted; what had been started is stopped.", file=sys.stderr)
        sys.exit(130)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _progress() -> Callable[[str], None]:
    started = time.monotonic()

    def say(what: str) -> None:
        print(f"  {time.monotonic() - started:6.1f} s  {what}", flush=True)

    return say


if __name__ == "__main__":
    app()
