"""The whole of Poterne on this machine, with nginx in place of the backend, and what every contestant is called with."""

import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import yaml

from benchmarks.speed import bodies
from benchmarks.speed.measure import Load
from benchmarks.speed.tools import ROOT, Tools
from deploy.demo.place import places
from deploy.demo.system import System

PATH = "/infinoe/v1/ecritures/comptables"
CONSUMER = "charge"
ANSWER = json.dumps(
    {
        "accuse": {
            "numeroAccuse": "INF-2026-0000001",
            "correlationId": "123e4567-e89b-12d3-a456-426655440000",
            "operation": "creer",
            "horodatage": "2026-11-24T08:00:00+01:00",
            "empreinteLot": "sha256:" + "ab" * 32,
            "ecritures": [{"identifiant": "E-000000", "version": 1}],
        }
    }
)
"""A receipt as the backend gives it: the gateway lets nothing pass that is not this API's."""

START_LIMIT_S = 60.0


class Stage:
    """Everything that the contestants share: PKI, contracts, OPA, Redis, nginx as the upstream."""

    def __init__(self, folder: Path, tools: Tools, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.tools = tools
        self._place = places(folder)[0]
        self._system = System(self._place, say)
        self._own: list[subprocess.Popen[bytes]] = []
        self.upstream_port = free_port()
        self.document: dict[str, Any] = {}
        self.upstream: list[int] = []
        self.bodies: dict[str, str] = {}

    def start(self) -> None:
        """Start Poterne, put nginx in place of its backend, get a token and make the bodies."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.document = self._system.start(None)
        self.upstream = self.nginx(
            "upstream", f"listen 127.0.0.1:{self.upstream_port} backlog=4096;", f"return 200 '{ANSWER}';"
        )
        self.settings = yaml.safe_load(Path(self.document["gateway_settings"]).read_text())
        self.settings["environments"]["production"]["backend"]["url"] = f"http://127.0.0.1:{self.upstream_port}"
        self.settings["limits"] = {"max_connections_per_address": 2000} | self.settings.get("limits", {})
        self.write_settings()
        self.command("reload")
        bodies.widen(self.contracts / "production" / f"{CONSUMER}.yaml")
        self.command("policy", "activate", "--author", "bench", "--reason", "more budgets, for unlike calls")
        self.bodies = bodies.write(self.folder / "bodies", self.consumer["siret"])
        self.renew_token()

    # --- what there is ---

    @property
    def contracts(self) -> Path:
        """The contracts that are in force here: the demonstration's, one of them with more budgets."""
        return self._place.config / "contracts"

    @property
    def environment(self) -> dict[str, Any]:
        """Production, as `demo.json` tells it."""
        found: dict[str, Any] = self.document["environments"]["production"]
        return found

    @property
    def consumer(self) -> dict[str, Any]:
        """The consumer that all calls come from."""
        found: dict[str, Any] = self.environment["consumers"][CONSUMER]
        return found

    @property
    def port(self) -> int:
        """Poterne's."""
        return int(self.environment["base_url"].rpartition(":")[2])

    @property
    def trust(self) -> dict[str, Any]:
        """The `clients` section of the settings."""
        found: dict[str, Any] = self.settings["environments"]["production"]["clients"]
        return found

    @property
    def server(self) -> dict[str, Any]:
        """The `server` section."""
        found: dict[str, Any] = self.settings["environments"]["production"]["server"]
        return found

    @property
    def tokens(self) -> dict[str, Any]:
        """The `tokens` section."""
        found: dict[str, Any] = self.settings["environments"]["production"]["tokens"]
        return found

    def pids(self, role: str) -> list[int]:
        """Processes of the system."""
        found = self.document["pids"][role]
        return found if isinstance(found, list) else [found]

    def load(self, cpus: str = "") -> Load:
        """What the load generator is told."""
        own = self.consumer
        return Load(
            self.tools.loadgen,
            Path(self.environment["ca_file"]),
            f"{own['cert_file']}:{own['key_file']}",
            self.folder / "tokens",
            PATH,
            (f"ID_Teleservice: {own['id_teleservice'][0]}", "Content-Type: application/json"),
            self.bodies,
            cpus,
        )

    # --- doing ---

    def command(self, *words: str, settings: Path | None = None) -> str:
        """A command of Poterne's. Raises `RuntimeError` when it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "gateway_addons", *words, "--config", str(settings or self.document["gateway_settings"])],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"poterne {' '.join(words)}: {done.stderr[-1500:]}")
        return done.stdout

    def write_settings(self, file: Path | None = None, **sections: Any) -> Path:
        """The settings as they are, or a variant of them in another file."""
        place = file or Path(self.document["gateway_settings"])
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch(mode=0o600)
        place.write_text(yaml.safe_dump(self.settings | sections, sort_keys=False))
        return place

    def renew_token(self) -> None:
        """A token that lives ten more minutes."""
        own = self.consumer
        context = ssl.create_default_context(cafile=self.environment["ca_file"])
        context.load_cert_chain(own["cert_file"], own["key_file"])
        with httpx.Client(verify=context, timeout=20) as client:
            answer = client.post(
                self.environment["token_url"],
                data={"grant_type": "client_credentials"},
                auth=(own["client_id"], own["client_secret"]),
            )
            answer.raise_for_status()
        (self.folder / "tokens").write_text(f"Bearer {answer.json()['access_token']}\n")

    def nginx(self, name: str, listen: str, location: str) -> list[int]:
        """An nginx of one worker; returns its processes."""
        folder = self.folder / f"nginx-{name}"
        folder.mkdir(parents=True, exist_ok=True)
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            "daemon off; worker_processes 1; pid nginx.pid; error_log error.log;\nevents { worker_connections 4096; }\n"
            f"http {{ access_log off; {temporary} keepalive_requests 1000000000;\n"
            " client_max_body_size 64m; client_body_buffer_size 2m;\n"
            f" upstream up {{ server 127.0.0.1:{self.upstream_port}; keepalive 64; keepalive_requests 1000000000; }}\n"
            f" server {{ {listen} location / {{ default_type application/json; {location} }} }} }}\n"
        )
        process = self.spawn([str(self.tools.nginx), "-p", str(folder), "-c", "nginx.conf"], f"nginx-{name}")
        time.sleep(0.5)
        return family(process.pid)

    def spawn(self, command: Sequence[str], name: str, tree: Path = ROOT, **environment: str) -> subprocess.Popen[bytes]:
        """Start a process of the benchmark's own; it is ended with the stage."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=tree, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | environment
            )
        self._own.append(process)
        return process

    def await_port(self, port: int, name: str) -> None:
        """Wait until somebody listens. Raises `RuntimeError`."""
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(0.1)
        log = self.folder / f"{name}.log"
        raise RuntimeError(f"{name} does not listen: {log.read_text(errors='replace')[-1500:] if log.exists() else ''}")

    def end(self, pids: Iterable[int]) -> None:
        """End some of the benchmark's own processes; those that idle cost a little, too."""
        wanted = set(pids)
        for process in [p for p in self._own if p.pid in wanted]:
            process.kill()
            process.wait()
            self._own.remove(process)

    def stop(self) -> None:
        """End everything."""
        for process in reversed(self._own):
            process.send_signal(signal.SIGTERM)
        for process in self._own:
            try:
                process.wait(timeout=8)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._system.stop()


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found = [pid]
    with contextlib.suppress(OSError):
        for child in children.read_text().split():
            found += family(int(child))
    return found


@contextlib.contextmanager
def staged(folder: Path, tools: Tools, say: Callable[[str], None]) -> Iterator[Stage]:
    """A stage that is ended however the block ends."""
    stage = Stage(folder, tools, say)
    try:
        stage.start()
        yield stage
    finally:
        stage.stop()
