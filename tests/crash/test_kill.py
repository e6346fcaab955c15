"""Gateways killed with SIGKILL at random moments under load: no write in the backend without an announcement before it, no
answer without a whole record, and the chain that many lives wrote verifies. `make crash` kills hundreds of times.
"""

import contextlib
import json
import os
import random
import re
import signal
import socket
import socketserver
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway_addons.adapters.journal.checkpoints import CheckpointMaker
from gateway_addons.adapters.journal.journal_writer import JournalWriter
from gateway_addons.adapters.journal.key_files import load_key, write_new_key
from gateway_addons.adapters.journal.reader import CALL, records
from gateway_addons.adapters.journal.segments import segments
from gateway_addons.adapters.journal.verifier import verify
from tests.journal.settings import journal_settings
from tests.support.rig import request

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("CRASH_KILLS", "6"))
CLIENTS = 6
ID = re.compile(rb"(?i)\r\nx-request-id: ([0-9a-f-]{36})\r\n")


class Backend(socketserver.ThreadingTCPServer):
    """Stores the id of every call that reaches it, durably; looks for its announcement first."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, database: Path, journal: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.journal = journal
        self.database = sqlite3.connect(database, check_same_thread=False, isolation_level=None)
        self.database.execute("pragma synchronous = full")
        self.database.execute("create table calls (id text primary key, announced integer not null)")
        self.lock = threading.Lock()

    def store(self, request_id: str) -> None:
        mark = f'"type":"annonce","requestId":"{request_id}"'.encode()
        fields = f'"requestId":"{request_id}"'.encode()
        announced = any(mark in raw or (b'"type":"annonce"' in raw and fields in raw)
                        for file in reversed(segments(self.journal / "worker-0")) for raw in file.read_bytes().splitlines())
        with self.lock:
            self.database.execute("insert into calls values (?, ?)", (request_id, announced))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A gateway that was killed breaks off."""


class Handler(socketserver.StreamRequestHandler):
    server: Backend

    def handle(self) -> None:
        while True:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = self.rfile.readline(65536)
                if not line:
                    return
                head += line
            length = int(re.search(rb"(?i)content-length: ([0-9]+)", head)[1])  # type: ignore[index]
            if len(self.rfile.read(length)) < length:
                return
            found = ID.search(head)
            assert found is not None
            self.server.store(found[1].decode())
            self.wfile.write(b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 35\r\n\r\n{"accuse":{"numeroAccuse":"INF-1"}}')


class Load(threading.Thread):
    """Calls one gateway until it is gone; keeps the ids of the calls that were answered with 201."""

    def __init__(self, gateway: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self.gateway, self.answered = gateway, set[str]()

    def run(self) -> None:
        context = ssl.create_default_context(cafile=self.gateway["ca"])
        context.load_cert_chain(self.gateway["cert"], self.gateway["key"])
        with contextlib.suppress(OSError, ValueError), socket.create_connection(("127.0.0.1", self.gateway["port"]), timeout=20) as plain, \
                context.wrap_socket(plain, server_hostname="localhost") as client:
            while True:
                client.sendall(request())
                answer = b""
                while b'{"accuse"' not in answer and b'"erreur"' not in answer:
                    more = client.recv(65536)
                    if not more:
                        return
                    answer += more
                found = ID.search(answer)
                if answer.startswith(b"HTTP/1.1 201") and found is not None:
                    self.answered.add(found[1].decode())


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    server = Backend(tmp_path / "backend.sqlite", tmp_path / "journal")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
    server.database.close()


def test_no_write_without_an_announcement_before_it(tmp_path: Path, backend: Backend) -> None:
    write_new_key(tmp_path / "journal.key")
    settings = journal_settings(tmp_path / "journal", tmp_path / "journal.key")
    maker = CheckpointMaker(settings)
    answered: set[str] = set()
    chance = random.Random(20261124)
    (tmp_path / "scratch").mkdir()
    command = [sys.executable, "-m", "tests.crash.nursery", str(tmp_path / "journal"), str(tmp_path / "scratch"), str(backend.server_address[1])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        for number in range(KILLS):
            nursery.stdin.write(b"go\n")
            nursery.stdin.flush()
            gateway = json.loads(nursery.stdout.readline())
            clients = [Load(gateway) for _ in range(CLIENTS)]
            for client in clients:
                client.start()
            deadline = time.monotonic() + (0 if number % 5 == 4 else 20)  # some are killed before they served anybody
            while not any(client.answered for client in clients) and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.4))
            os.kill(gateway["pid"], signal.SIGKILL)
            for client in clients:
                client.join(timeout=30)
                answered |= client.answered
            if number % 3 == 0:
                maker.make()
        nursery.stdin.close()
        nursery.wait(timeout=30)
    journal = JournalWriter(settings, "worker-0")
    journal.open()
    journal.close()
    maker.make()
    stored = dict(backend.database.execute("select id, announced from calls"))
    assert stored
    assert all(stored.values()), "a write that was not announced before it"
    calls = [r for r in records(tmp_path / "journal") if r.kind == CALL]
    by_id = {r.fields["requestId"]: r for r in calls}
    assert len(by_id) == len(calls), "one record for each call"
    assert stored.keys() <= by_id.keys()
    assert answered <= stored.keys()
    assert {by_id[i].fields["statut"] for i in answered} <= {201}, "what was answered was concluded before"
    assert all(r.interrupted or r.fields["statut"] for r in calls)
    report = verify(tmp_path / "journal", [load_key(tmp_path / "journal.key").public])
    assert report.findings == []
    interrupted = sum(r.interrupted for r in calls)
    print(f"{KILLS} kills: {len(stored)} writes, {len(answered)} answers, {interrupted} interrupted, {len(calls)} records")  # noqa: T201
