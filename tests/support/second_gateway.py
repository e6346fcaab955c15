"""Another gateway beside a running system: its own machine as far as files go, the same OPA, Redis, backends and keys."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from deploy.demo.place import ROOT
from tests.e2e.conftest import Consumer, Running
from tests.support.servers import free_port

START_S = 60.0
HOST = "127.0.0.1"


@dataclass
class SecondGateway:
    """Its settings, its process, and where it listens."""

    running: Running
    settings_file: Path
    ports: dict[str, int]
    admin: str
    process: subprocess.Popen[bytes]

    def consumer(self, name: str, environment: str = "production") -> Consumer:
        """The same consumer, at this gateway's door."""
        there = self.running.consumer(name, environment)
        base = f"https://localhost:{self.ports[environment]}"
        there.environment = there.environment | {"base_url": base, "token_url": base + "/token"}
        return there

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`poterne` on this machine."""
        return subprocess.run([sys.executable, "-m", "gateway_addons", *words, "--config", str(self.settings_file)], cwd=ROOT,
                              capture_output=True, text=True, timeout=120, check=False)


@contextmanager
def second_gateway(running: Running, folder: Path, *, await_ready: bool = True, **sections: Any) -> Iterator[SecondGateway]:
    """Started with the same settings but for its ports and folders; `sections` replace whole sections."""
    document = yaml.safe_load(Path(running.document["gateway_settings"]).read_text())
    ports = {name: free_port() for name in document["environments"]}
    admin = free_port()
    document |= {"admin": {"host": HOST, "port": admin}, "state": {"folder": str(folder / "state")},
                 "journal": document["journal"] | {"folder": str(folder / "journal")}}
    for name, port in ports.items():
        document["environments"][name]["listen"]["port"] = port
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "gateway.yaml"
    file.write_text(yaml.safe_dump(document | sections, sort_keys=False))
    with (folder / "gateway.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "gateway_addons", "run", "--config", str(file)], cwd=ROOT, stdout=log,
                                   stderr=log)
    try:
        one = SecondGateway(running, file, ports, f"http://{HOST}:{admin}", process)
        _await(one, "/health/ready" if await_ready else "/health/live", folder / "gateway.log")
        yield one
    finally:
        process.terminate()
        process.wait(START_S)


def _await(gateway: SecondGateway, path: str, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and gateway.process.poll() is None:
        try:
            answer = httpx.get(gateway.admin + path, timeout=5)
            serving = path == "/health/ready" or any(w["state"] == "serving" for w in httpx.get(
                gateway.admin + "/health/ready", timeout=5).json()["workers"])
            if answer.status_code == 200 and serving:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"the second gateway did not start: {log.read_text()[-3000:]}")
