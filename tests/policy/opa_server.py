"""A real `opa run --server` on a unix socket, with the bundle the gateway would be given."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gateway_addons.adapters.policy.opa_config import base_config
from gateway_addons.core.contract.compile import compile_contracts
from gateway_addons.core.contract.model import Contract
from gateway_addons.core.contract.readings import EnvironmentReadings, environment_data

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 20


def opa_binary() -> Path:
    """The OPA of the project, or the one that `POTERNE_OPA` names."""
    return Path(os.environ.get("POTERNE_OPA", ROOT / ".tools" / "bin" / "opa"))


@contextmanager
def served(contracts: Iterable[tuple[str, Contract]], readings: EnvironmentReadings) -> Iterator["OpaServer"]:
    """OPA with these contracts, read like this in both environments."""
    data = {"contracts": compile_contracts(contracts), "revision": "r-test", "exceptions": {"production": [], "sandbox": []},
            "readings": dict.fromkeys(("production", "sandbox"), environment_data(readings))}
    with tempfile.TemporaryDirectory(prefix="poterne-data-") as scratch:
        root = Path(scratch) / "bundle"
        shutil.copytree(ROOT / "policies", root, ignore=shutil.ignore_patterns("*_test.rego"))
        (root / "data.json").write_text(json.dumps(data), encoding="utf-8")
        bundle = Path(scratch) / "bundle.tar.gz"
        subprocess.run([str(opa_binary()), "build", "--bundle", str(root), "--output", str(bundle)], check=True, timeout=60)
        with OpaServer(bundle) as server:
            yield server


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("opa", timeout=20)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(20)
        self.sock.connect(self._path)


class OpaServer:
    """Started on entry, stopped on exit; asked over one kept connection."""

    def __init__(self, bundle: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="poterne-opa-")
        self._socket = str(Path(self._folder.name) / "opa.sock")
        self._log = Path(self._folder.name) / "opa.log"
        settings = Path(self._folder.name) / "opa.json"
        settings.write_text(json.dumps(base_config()), encoding="utf-8")
        self._command = [
            str(opa_binary()), "run", "--server", "--addr", f"unix://{self._socket}", "--unix-socket-perm", "660",
            "--authorization=basic", "--config-file", str(settings),
            "--disable-telemetry", "--log-level", "error", "--bundle", str(bundle)]

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd=self._folder.name)
        self._connection = _UnixConnection(self._socket)
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if self.request("GET", "/health?bundles=true")[0] == 200:
                    return self
            except OSError:
                self._connection.close()
            time.sleep(0.05)
        raise RuntimeError(f"OPA did not start: {self._log.read_text()}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection.close()
        self._process.terminate()
        self._process.wait(10)
        self._folder.cleanup()

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        try:
            self._connection.request(method, path, None if body is None else json.dumps(body),
                                     {"Content-Type": "application/json"})
            answer = self._connection.getresponse()
            raw = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise
        return answer.status, json.loads(raw) if raw[:1] in (b"{", b"[") else raw

    def decide(self, document: Any) -> dict[str, Any]:
        return self._result("/v1/data/poterne/decision", document)

    def decide_token(self, document: Any) -> dict[str, Any]:
        return self._result("/v1/data/poterne/token/decision", document)

    def _result(self, path: str, document: Any) -> dict[str, Any]:
        status, answer = self.request("POST", path, {"input": document})
        assert status == 200, (status, answer)
        result: dict[str, Any] = answer["result"]
        return result
