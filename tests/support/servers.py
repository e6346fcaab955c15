"""Real servers for tests, on free ports of 127.0.0.1, stopped at the end; `make setup` provides their programs."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.demo.ports import free_port as free_port

ROOT = Path(__file__).resolve().parents[2]
REDIS = ROOT / ".tools/bin/redis-server"
OPA = ROOT / ".tools/bin/opa"
START_S = 15.0


@dataclass(frozen=True)
class RedisServer:
    """A running Redis."""

    url: str
    process: subprocess.Popen[bytes]


@contextmanager
def redis_server(folder: Path, port: int | None = None, more: tuple[str, ...] = ()) -> Iterator[RedisServer]:
    """A real redis-server with a password and without a memory of its own."""
    port = port or free_port()
    process = subprocess.Popen(
        [str(REDIS), "--port", str(port), "--bind", "127.0.0.1", "--requirepass", "essai", "--save", "", "--dir", str(folder),
         *more],
        stdout=subprocess.DEVNULL)
    try:
        await_port(port, process)
        yield RedisServer(f"redis://:essai@127.0.0.1:{port}/0", process)
    finally:
        process.terminate()
        process.wait(timeout=START_S)


def await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody listens, or fail when the process ended or time is up."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(f"nobody listens on {port}")
