"""An OPA for the guard alone: a candidate's policies and data on a private socket, asked in batches, gone afterwards."""

import http.client
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import local
from types import TracebackType
from typing import Any, Self

from gateway_addons.adapters.policy.bundle import Content
from gateway_addons.adapters.policy.opa_binary import BundleError

START_LIMIT_S = 60.0
ANSWER_LIMIT_S = 120.0
IN_FLIGHT = 2
GUARD_RULES = """package guard

decision[i] := answer if {
	some i, question in input.questions
	answer := data.poterne.decision with input as question
}

token[i] := answer if {
	some i, question in input.questions
	answer := data.poterne.token.decision with input as question
}
"""

type Answers = list[dict[str, Any] | None]


class GuardOpa:
    """Started on entry, stopped on exit."""

    def __init__(self, binary: Path, content: Content) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="poterne-guard-")
        self._folder = Path(self._scratch.name)
        self._binary, self._content = binary.absolute(), content
        self._threads = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="guard")
        self._own = local()
        self._connections: list[UnixConnection] = []

    def __enter__(self) -> Self:
        rules = self._folder / "rules"
        for name, text in {**self._content.modules, "guard.rego": GUARD_RULES.encode()}.items():
            if not name.startswith("system/"):
                (rules / name).parent.mkdir(parents=True, exist_ok=True)
                (rules / name).write_bytes(text)
        document = {**self._content.data, "revision": "r-00000000-guard"}
        (rules / "data.json").write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        with (self._folder / "opa.log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [str(self._binary), "run", "--server", "--addr", f"unix://{self._folder}/opa.sock", "--skip-version-check",
                 "--log-level", "error", "--disable-telemetry", "rules"],
                stdout=log, stderr=log, cwd=self._folder, env={**os.environ, "GOGC": "400"})
        try:
            self._await_start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._threads.shutdown(cancel_futures=True)
        for connection in self._connections:
            connection.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._scratch.cleanup()

    def patch(self, operations: Sequence[dict[str, Any]]) -> None:
        """Change the data: JSON patch (RFC 6902) below `data`. Raises `BundleError`."""
        status, answer = self._request("PATCH", "/v1/data", operations)
        if status != http.client.NO_CONTENT:
            raise BundleError(f"the guard's OPA refused data: {answer!r}")

    def ask(self, kind: str, questions: Sequence[dict[str, Any]]) -> "Future[Answers]":
        """The answers to a batch, in order; None where OPA has none. Raises `BundleError` when OPA is gone."""
        return self._threads.submit(self._ask, kind, list(questions))

    def _ask(self, kind: str, questions: list[dict[str, Any]]) -> Answers:
        status, answer = self._request("POST", f"/v1/data/guard/{kind}", {"input": {"questions": questions}})
        if status == http.client.OK:
            found = answer.get("result", {})
            return [found.get(str(number)) for number in range(len(questions))]
        if len(questions) == 1:
            return [None]  # OPA cannot evaluate it; the gateway would refuse for that
        return [one for question in questions for one in self._ask(kind, [question])]

    def _await_start(self) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if self._request("GET", "/health", None)[0] == http.client.OK:
                    return
            except BundleError:
                time.sleep(0.05)
        raise BundleError(f"the guard's OPA did not start: {(self._folder / 'opa.log').read_text(errors='replace')[-2000:]}")

    def _request(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        connection = self._connection()
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Content-Type": "application/json" if method != "PATCH" else "application/json-patch+json"})
            answer = connection.getresponse()
            raw = answer.read()
        except (OSError, http.client.HTTPException) as e:
            connection.close()
            raise BundleError(f"the guard's OPA does not answer: {e!r}") from e
        return answer.status, json.loads(raw) if raw[:1] == b"{" else raw

    def _connection(self) -> "UnixConnection":
        """The thread's own."""
        found: UnixConnection | None = getattr(self._own, "connection", None)
        if found is None:
            found = self._own.connection = UnixConnection(str(self._folder / "opa.sock"))
            self._connections.append(found)
        return found


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("guard", timeout=ANSWER_LIMIT_S)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(ANSWER_LIMIT_S)
        self.sock.connect(self._path)
