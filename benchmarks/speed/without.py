"""One worker of Poterne without a supervisor and, when asked, without one of its parts: what does that part cost?

Only here, never in the gateway: what is left out is asked once, for the first call, and its answer is used for all others.

    python -m benchmarks.speed.without --config FILE --writer worker-900 [--off policy] [--port N]
"""

import functools
import inspect
import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.speed.counter import INTO, count_on_signal
from gateway_addons.adapters.identity.access_tokens import AccessTokenVerifier
from gateway_addons.adapters.identity.assertion_keys import AssertionKeys
from gateway_addons.adapters.journal.journal_writer import JournalWriter
from gateway_addons.adapters.policy.opa import OpaPolicy
from gateway_addons.adapters.quota.guarded_quota import GuardedQuota
from gateway_addons.addons.trace import Trace
from gateway_addons.admin.supervised import Station
from gateway_addons.core import pipeline
from gateway_addons.core.evidence.certificate import certificate_facts
from gateway_addons.run import run_worker
from gateway_addons.settings.gateway import load, read


def first_answer(asked: Callable[..., Any]) -> Callable[..., Any]:
    """The real answer once, the same one ever after."""
    kept: list[Any] = []
    if inspect.iscoroutinefunction(asked):

        @functools.wraps(asked)
        async def later(*given: Any, **named: Any) -> Any:
            if not kept:
                kept.append(await asked(*given, **named))
            return kept[0]

        return later

    @functools.wraps(asked)
    def now(*given: Any, **named: Any) -> Any:
        if not kept:
            kept.append(asked(*given, **named))
        return kept[0]

    return now


async def _written(*_: Any, **__: Any) -> None:
    return None


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _policy() -> None:
    OpaPolicy.decide = first_answer(OpaPolicy.decide)  # type: ignore[method-assign]


def _quota() -> None:
    GuardedQuota.charge = first_answer(GuardedQuota.charge)  # type: ignore[method-assign]


def _journal() -> None:
    JournalWriter.announce = JournalWriter.conclude = _written  # type: ignore[method-assign]


def _token() -> None:
    AccessTokenVerifier.verify = first_answer(AccessTokenVerifier.verify)  # type: ignore[method-assign]


def _certificate() -> None:
    setattr(pipeline, "certificate_facts", first_answer(certificate_facts))  # noqa: B010 - not an exported name


def _assertion() -> None:
    AssertionKeys.sign = first_answer(AssertionKeys.sign)  # type: ignore[method-assign]


def _log() -> None:
    Trace.call = _nothing  # type: ignore[method-assign]


PARTS: dict[str, Callable[[], None]] = {
    "policy": _policy,
    "quota": _quota,
    "journal": _journal,
    "token": _token,
    "certificate": _certificate,
    "assertion": _assertion,
    "log": _log,
}


def main(
    config: Annotated[Path, typer.Option()],
    writer: Annotated[str, typer.Option()],
    port: Annotated[int, typer.Option()],
    off: Annotated[list[str] | None, typer.Option()] = None,
) -> None:
    """Serve production on a port until SIGTERM."""
    if counted := os.environ.get(INTO):
        count_on_signal(Path(counted))
    for part in off or ():
        PARTS[part]()
    listening: dict[str, list[socket.socket]] = {}
    for name in load(config).environments:
        listening[name] = [socket.create_server(("127.0.0.1", port if name == "production" else 0), backlog=1024)]
    ours, theirs = socket.socketpair()
    ours.sendall(json.dumps({"settings": read(config)}).encode() + b"\n")
    threading.Thread(target=_swallow, args=(ours,), daemon=True).start()
    run_worker(config, Station(0, writer, theirs, listening))


def _swallow(line: socket.socket) -> None:
    while told := line.recv(65536):
        print(told.decode(errors="replace").strip(), flush=True)


if __name__ == "__main__":
    typer.run(main)
