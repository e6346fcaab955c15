"""Somebody loads the addons into a stock engine: it ends before it listens, and says what is in the way."""

import contextlib
import importlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mitmproxy import options
from mitmproxy.addons import block, core, errorcheck, onboarding, proxyserver
from mitmproxy.master import Master

from gateway_addons.addons.own_engine import EXIT_CODE, NEEDED_ADDONS, SAFE_OPTIONS, in_the_way
from tests.support.rig import Rig, running_rig
from tests.support.servers import ROOT, free_port

ADDON_FILES = sorted((ROOT / "gateway_addons/addons").glob("[!_]*.py"))
LOADABLE = [*ADDON_FILES, ROOT / "gateway_addons/plugin.py", ROOT / "gateway_addons/run.py"]
BIN = Path(sys.executable).parent
END_S = 60.0


WEAKENED = tuple(word for option in (
    "ssl_insecure=true", "ignore_hosts=.*", "tcp_hosts=.*", "upstream_cert=false", "map_local=|a|/tmp", "map_remote=|a|b", "modify_body=/a/b", "modify_headers=/a/b/c",
    "block_list=/~a/404", "stream_large_bodies=1", "rawtcp=true", "request_client_cert=true", "validate_inbound_headers=false") for word in ("--set", option))
"""Options by which somebody might lead around a gate: each is named."""


def stock(program: str, script: Path, port: int, folder: Path, *more: str) -> subprocess.Popen[str]:
    """A stock engine as somebody would start it, reachable as an open proxy if it comes to that."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    command = [str(BIN / program), "--listen-host", "127.0.0.1", "--listen-port", str(port), "--set", f"confdir={folder / 'conf'}",
               "-s", str(script), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


class Canary:
    """An HTTP server on the other side of the engine, as a backend is: it hears whatever the engine forwards."""

    def __init__(self) -> None:
        self.heard = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.heard += 1
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                connection.close()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def canary() -> Iterator[Canary]:
    heard = Canary()
    yield heard
    heard.close()


def send_until_it_ends(process: subprocess.Popen[str], port: int, canary: Canary) -> None:
    """Ask the engine to forward, again and again, until the process ends, the canary hears it, or time is up."""
    deadline = time.monotonic() + END_S
    while process.poll() is None and not canary.heard and time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=0.5) as client:
                client.sendall(f"GET http://127.0.0.1:{canary.port}/ HTTP/1.1\r\nHost: 127.0.0.1:{canary.port}\r\n\r\n".encode())
                client.recv(100)
        except OSError:
            time.sleep(0.02)


@pytest.mark.parametrize("file", [pytest.param(f, id=f.stem) for f in LOADABLE])
def test_every_module_that_could_be_taken_for_an_addon_has_the_hook(file: Path) -> None:
    module = importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    assert hasattr(module, "load"), "add: from gateway_addons.addons.own_engine import load as load"
    assert module.load is importlib.import_module("gateway_addons.addons.own_engine").load


@pytest.mark.parametrize(("program", "name", "more"), [
    ("mitmdump", "addons/gate.py", ()), ("mitmdump", "addons/listener.py", ("--mode", "socks5")),
    ("mitmdump", "addons/tls.py", WEAKENED), ("mitmdump", "plugin.py", ()),
    ("mitmweb", "addons/gate.py", ("--no-web-open-browser", "--set", "web_port=0"))],
    ids=["as it is", "another mode", "weakened by options", "plugin.py", "mitmweb"])
def test_a_stock_engine_ends_before_it_listens(program: str, name: str, more: tuple[str, ...], tmp_path: Path, canary: Canary) -> None:
    port = free_port()
    process = stock(program, ROOT / "gateway_addons" / name, port, tmp_path, *more)
    try:
        send_until_it_ends(process, port, canary)
        assert canary.heard == 0
        said = process.communicate(timeout=END_S)[0]
        assert process.returncode == EXIT_CODE, said
        for what in ("in the way", "onboarding", "poterne run --config", *(f"option {o.partition('=')[0]}=" for o in more if "=" in o and "web" not in o)):
            assert what in said
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("text", ["def broken(:\n", "raise RuntimeError('planted')\n", "import a_module_that_is_not_there\n"])
def test_a_file_that_is_broken_before_the_start_leaves_no_open_engine(text: str, tmp_path: Path, canary: Canary) -> None:
    """The engine's own check ends it then; this keeps the check in sight when the engine's version moves."""
    script, port = tmp_path / "gate.py", free_port()
    shutil.copy(ROOT / "gateway_addons/addons/gate.py", script)
    script.write_text(text + script.read_text())
    process = stock("mitmdump", script, port, tmp_path)
    try:
        send_until_it_ends(process, port, canary)
        assert canary.heard == 0
        assert process.returncode not in (None, 0)
    finally:
        process.kill()
        process.communicate()


def test_a_script_of_somebodys_own_around_the_gate_ends_too(tmp_path: Path, canary: Canary) -> None:
    script, port = tmp_path / "mine.py", free_port()
    script.write_text("from gateway_addons.addons.gate import Gate\naddons = [Gate({}, None, None)]\n")
    process = stock("mitmdump", script, port, tmp_path)
    try:
        send_until_it_ends(process, port, canary)
        assert canary.heard == 0
        assert process.returncode == EXIT_CODE
    finally:
        process.kill()
        process.communicate()


def test_a_running_stock_engine_that_is_given_the_addon_ends(tmp_path: Path, canary: Canary) -> None:
    """The file is harmless at the start and becomes the gate while the engine runs: the reload ends it."""
    script, port = tmp_path / "later.py", free_port()
    script.write_text("")
    process = stock("mitmdump", script, port, tmp_path)
    try:
        send_until_it_ends(process, port, canary)
        assert canary.heard, "a stock engine forwards: what these tests look for can be seen"
        script.write_text("from gateway_addons.addons.own_engine import load\n")
        os.utime(script, (time.time() + 5, time.time() + 5))
        process.communicate(timeout=END_S)
        assert process.returncode == EXIT_CODE
    finally:
        process.kill()
        process.communicate()


async def test_the_gateway_does_not_look_at_its_files_while_it_runs(tmp_path: Path) -> None:
    """Nothing of the own engine reloads: no script loader, no watcher; an edited file changes nothing until the next start."""
    async with running_rig(tmp_path) as rig:
        assert _names(rig) >= NEEDED_ADDONS | {"gate", "trace"}
        assert _names(rig) & {"scriptloader", "script"} == set()
        assert [what for what in in_the_way(rig.master) if what.startswith("option")] == []
        assert "scripts" not in rig.master.options


def _names(rig: Rig) -> set[str]:
    return set(rig.master.addons.lookup)


async def test_what_is_in_the_way_is_told_by_name() -> None:
    master = Master(options.Options(), with_termlog=False)
    master.addons.add(core.Core(), proxyserver.Proxyserver(), errorcheck.ErrorCheck(), onboarding.Onboarding(), block.Block())
    told = "\n".join(in_the_way(master))
    assert "addons block, onboarding" in told
    assert "connection_strategy='eager'" in told
    master.options.update(**{k: v for k, v in SAFE_OPTIONS.items() if k in master.options})
    assert "option" not in "\n".join(in_the_way(master))
