"""A real backend process on a free loopback port, with its own database file."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from deploy.demo.ports import free_port

START_TIMEOUT_S = 20.0
ROOT = Path(__file__).resolve().parents[2]


class BackendProcess:
    def __init__(self, directory: Path, jwks: Path, environment: str = "production", name: str = "backend") -> None:
        self.database = directory / f"{name}.sqlite3"
        self.log = directory / f"{name}.log"
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._command = [
            sys.executable, "-m", "backend", "serve", "--environment", environment, "--port", str(self.port),
            "--database", str(self.database), "--assertion-jwks", str(jwks),
            "--assertion-issuer", "poterne", "--assertion-audience", f"infinoe-backend-{environment}",
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=log, stderr=log)
        return self._process

    def start(self) -> "BackendProcess":
        process = self.spawn()
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            try:
                if httpx.get(f"{self.base_url}/health/live", timeout=1.0).status_code == 200:
                    return self
            except httpx.TransportError:
                time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"the backend did not start: {self.log.read_text()}")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(10)

    def stop(self) -> int:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
        return self._process.wait(30)
