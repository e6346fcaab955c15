"""`poterne replay`: crafted requests against a running gateway over mutual TLS, judged case by case (docs/replay.md)."""

import asyncio
import base64
import json
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.progress import Progress

from gateway_addons.replay.case import Case, CaseError, Piece, read_case, read_folder
from gateway_addons.replay.judge import Result
from gateway_addons.replay.recorded import read_flows, read_har
from gateway_addons.replay.report import all_good, as_json, failures_table, summary_table, write_junit
from gateway_addons.replay.run import AT_A_TIME, replay, strays
from gateway_addons.replay.send import Target, client_context, send
from gateway_addons.replay.tap import Tap, listening_tap


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and what its placeholders stand for."""

    token_file: Path | None
    client_id: str | None
    client_secret_file: Path | None
    identifier: str
    lot_file: Path | None


def replay_cases(
    cases: Annotated[list[Path], typer.Argument(help="Folders of .http files, single .http, .har or mitmproxy flow files.")],
    gateway: Annotated[str, typer.Option("--gateway", help="https://host:port of the gateway.")],
    certificate: Annotated[Path, typer.Option("--certificate", help="Client certificate and chain, PEM.")],
    key: Annotated[Path, typer.Option("--key", help="Its key, PEM.")],
    authority: Annotated[Path, typer.Option("--authority", help="The authority of the gateway's certificate, PEM.")],
    address: Annotated[str | None, typer.Option("--address", help="host:port to connect to instead, keeping the name.")] = None,
    token_file: Annotated[Path | None, typer.Option("--token-file", help="For {{TOKEN}}: an access token.")] = None,
    client_id: Annotated[str | None, typer.Option("--client-id", help="Or ask /token for one, as this client.")] = None,
    client_secret_file: Annotated[Path | None, typer.Option("--client-secret-file")] = None,
    identifier: Annotated[str, typer.Option("--identifier", help="For {{ID_TELESERVICE}}.")] = "TS-INFINOE-0042",
    lot_file: Annotated[Path | None, typer.Option("--lot-file", help="For {{LOT}}: a lot this consumer may send, JSON.")] = None,
    tap: Annotated[str | None, typer.Option("--backend-tap", help="Listen at host:port, where the gateway forwards to, and "
                                            "compare what arrives with what was sent.")] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML.")] = None,
    as_json_: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    at_a_time: Annotated[int, typer.Option("--at-a-time", min=1, max=200)] = AT_A_TIME,
    timeout_s: Annotated[float, typer.Option("--timeout", min=0.1, max=600, help="Seconds a case may take.")] = 70.0,
) -> None:
    """Send every case and say whether it was refused, forwarded identically, or anything else. Exit 0 when all is well."""
    caller = Caller(token_file, client_id, client_secret_file, identifier, lot_file)
    try:
        target = _target(gateway, address, certificate, key, authority, timeout_s)
        found = [case for path in cases for case in _cases(path)]
        results, beside = asyncio.run(_run(found, target, caller, tap, at_a_time, quiet=as_json_))
    except (CaseError, OSError, ValueError) as e:
        _fail(str(e))
    if junit:
        write_junit(junit, results, beside)
    if as_json_:
        typer.echo(json.dumps(as_json(results, beside), ensure_ascii=False, indent=1))
    else:
        _print(results, beside, watched=tap is not None)
    if not results:
        _fail("no case was found: give a folder with .http files, or a .har or flow file")
    sys.exit(0 if all_good(results, beside) else 1)


def _cases(path: Path) -> Iterator[Case]:
    if path.is_dir():
        return read_folder(path)
    if path.suffix == ".http":
        return iter((read_case(path),))
    return read_har(path) if path.suffix == ".har" else read_flows(path)


def _target(gateway: str, address: str | None, certificate: Path, key: Path, authority: Path, timeout_s: float) -> Target:
    parts = urlsplit(gateway)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError(f"--gateway {gateway}: give https://host:port")
    host, port = _host_and_port(address) if address else (parts.hostname, parts.port or 443)
    return Target(host, port, parts.hostname, client_context(certificate, key, authority), timeout_s)


def _host_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"{text}: give host:port")
    return host.strip("[]"), int(port)


async def _run(
    cases: list[Case], target: Target, caller: Caller, tap_at: str | None, at_a_time: int, *, quiet: bool
) -> tuple[list[Result], list[str]]:
    async with AsyncExitStack() as stack:
        tap: Tap | None = None
        if tap_at:
            tap, _ = await stack.enter_async_context(listening_tap(*_host_and_port(tap_at)))
        values = await _values(target, caller)
        results: list[Result] = []
        progress = stack.enter_context(Progress(console=Console(stderr=True), disable=quiet, transient=True))
        task = progress.add_task("replaying", total=len(cases))
        async for result in replay(cases, target, values, tap, at_a_time):
            results.append(result)
            progress.advance(task)
        return sorted(results, key=lambda r: r.case.name), strays(tap) if tap else []


async def _values(target: Target, caller: Caller) -> dict[str, bytes]:
    values = {"HOST": target.server_name.encode(), "ID_TELESERVICE": caller.identifier.encode()}
    if caller.lot_file:
        values["LOT"] = caller.lot_file.read_bytes()
    if caller.token_file:
        values["TOKEN"] = caller.token_file.read_bytes().strip()
    elif caller.client_id and caller.client_secret_file:
        values["TOKEN"] = await _ask_for_a_token(target, caller.client_id, caller.client_secret_file.read_text().strip())
    return values


async def _ask_for_a_token(target: Target, client_id: str, secret: str) -> bytes:
    """A token by client credentials over the same mutual TLS (RFC 6749 section 4.4)."""
    body = b"grant_type=client_credentials"
    basic = base64.b64encode(f"{client_id}:{secret}".encode())
    request = (b"POST /token HTTP/1.1\r\nHost: %s\r\nAuthorization: Basic %s\r\n"
               b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n"
               % (target.server_name.encode(), basic, len(body))) + body
    received = await send(target, (Piece(0, request),))
    try:
        return str(json.loads(received.answers[0][1])["access_token"]).encode()
    except (IndexError, ValueError, KeyError) as e:
        told = received.answers[0][1][:200].decode("utf-8", "replace") if received.answers else "no answer"
        raise ValueError(f"/token gave no token to {client_id}: {told}") from e


def _print(results: list[Result], beside: list[str], *, watched: bool) -> None:
    console = Console()
    console.print(summary_table(results, watched=watched))
    if any(not r.good for r in results):
        console.print(failures_table(results))
    for call in beside:
        console.print(f"[bold red]the backend received what belongs to no case:[/] {call!r}")


def _fail(why: str) -> NoReturn:
    typer.echo(f"poterne: {why}", err=True)
    sys.exit(2)
