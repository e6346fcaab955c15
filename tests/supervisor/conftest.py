"""A real system whose settings a test changes, and clients that call it all the while."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deploy.demo.place import ROOT
from tests.e2e.conftest import PATIENCE_S, Consumer, Running, start

HEALTH = "/infinoe/v1/etatSante"


@dataclass
class Gateway:
    """The running gateway, as its operator has it."""

    running: Running

    @property
    def pid(self) -> int:
        pid: int = self.running.document["pids"]["gateway"][0]
        return pid

    @property
    def settings_file(self) -> Path:
        return Path(self.running.document["gateway_settings"])

    def change(self, **sections: Any) -> None:
        document = yaml.safe_load(self.settings_file.read_text()) | sections
        self.settings_file.write_text(yaml.safe_dump(document, sort_keys=False))

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "gateway_addons", *words, "--config", str(self.settings_file)], cwd=ROOT,
                              capture_output=True, text=True, timeout=120, check=False)

    def reload(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.command("reload", "--json").stdout)
        return answer

    def ready(self) -> tuple[int, dict[str, Any]]:
        answer = httpx.get(self.running.document["admin"] + "/health/ready", timeout=10)
        return answer.status_code, answer.json()

    def workers(self) -> dict[int, int]:
        """Process id by slot, of the workers that serve."""
        return {w["slot"]: w["pid"] for w in self.ready()[1]["workers"] if w["state"] == "serving"}

    def counted(self, metric: str) -> float:
        """The sum of all samples of a counter."""
        text = httpx.get(self.running.document["admin"] + "/metrics", timeout=10).text
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith((metric + "{", metric + " ")))

    def log(self) -> list[dict[str, Any]]:
        """The log of supervisor and workers."""
        text = (self.running.folder / "demo" / "logs" / "gateway.log").read_text()
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def logged(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.log() if line.get("event") == event]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Two workers on one port."""
    for running in start(tmp_path_factory.mktemp("workers")):
        gateway = Gateway(running)
        gateway.change(workers=2)
        assert gateway.reload()["done"] is True
        yield gateway


@pytest.fixture
def own_gateway(tmp_path: Path) -> Iterator[Gateway]:
    """One worker, in a system of its own."""
    for running in start(tmp_path):
        yield Gateway(running)


def until(what: Callable[[], bool], limit_s: float = 30.0) -> bool:
    deadline = time.monotonic() + limit_s
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@dataclass
class Load:
    """What came of the calls that were sent meanwhile: a status for each answer, a text for each failure."""

    statuses: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def send(self, consumer: Consumer, *, anew: bool) -> None:
        """Call again and again, on one connection or each time on a new one."""
        while not self.stop.is_set():
            try:
                if anew:
                    with httpx.Client(verify=consumer.http._transport._pool._ssl_context, timeout=PATIENCE_S) as client:  # type: ignore[attr-defined]
                        consumer = Consumer(consumer.environment, consumer.own, client, consumer.token)
                        self.statuses.append(consumer.call("GET", HEALTH).status_code)
                else:
                    self.statuses.append(consumer.call("GET", HEALTH).status_code)
            except httpx.HTTPError as e:
                self.failures.append(f"{type(e).__name__}: {e}")
            time.sleep(0.002)


@contextmanager
def load(running: Running, kept: int = 4, anew: int = 1) -> Iterator[Load]:
    """Clients that call while the block runs; each has a token before it begins."""
    found = Load()
    threads = []
    for number in range(kept + anew):
        consumer = running.consumer("charge")
        consumer.ask_token()
        threads.append(threading.Thread(target=found.send, args=(consumer,), kwargs={"anew": number >= kept}))
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        found.stop.set()
        for thread in threads:
            thread.join(timeout=PATIENCE_S)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


