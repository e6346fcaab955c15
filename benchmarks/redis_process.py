"""A real Redis of its own for a benchmark, on a free port of loopback, and what the figures were taken on."""

import os
import platform
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.demo.ports import free_port

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
START_S = 15.0


@contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """The URL of a fresh redis-server, stopped at the end.

    Raises:
        RuntimeError: there is no redis-server (`make setup` provides it), or it does not start.
    """
    program = shutil.which("redis-server", path=f"{ROOT / '.tools/bin'}:{os.environ.get('PATH', '')}")
    if program is None:
        raise RuntimeError("no redis-server; run `make setup`")
    port = free_port()
    process = subprocess.Popen([program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
                               stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("redis-server does not start") from None
                time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(timeout=START_S)


def machine() -> dict[str, object]:
    """What a figure depends on."""
    return {"processors": os.cpu_count(), "architecture": platform.machine(), "python": platform.python_version()}
