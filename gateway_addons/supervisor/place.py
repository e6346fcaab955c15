"""`state/run`: one supervisor at a time holds its lock, and its socket takes the operator's orders."""

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway_addons.supervisor.errors import StartFailed

SOCKET = "supervisor.sock"


@contextmanager
def held(run: Path) -> Iterator[None]:
    """Hold the place while the gateway runs; the kernel lets go of it when this process ends, however it ends.

    Raises:
        StartFailed: another gateway holds it, or the folder cannot be made.
    """
    try:
        run.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(run / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as e:
        raise StartFailed(f"state.folder: {run} cannot be used ({e.strerror})") from e
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        yield
    except BlockingIOError as e:
        raise StartFailed(f"another gateway (pid {os.read(lock, 20).decode().strip()}) runs with {run.parent}; "
                          "stop it first, or give this one a state.folder of its own") from e
    finally:
        os.close(lock)


def listen_for_orders(run: Path) -> socket.socket:
    """The socket that takes orders, for this user only."""
    with _short(run) as folder:
        (folder / SOCKET).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(folder / SOCKET))
        (run / SOCKET).chmod(0o600)
    return listener


def call_supervisor(run: Path) -> socket.socket:
    """A connection to the gateway that runs here. Raises `OSError` when none does."""
    with _short(run) as folder, contextlib.ExitStack() as failing:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        failing.callback(line.close)
        line.connect(str(folder / SOCKET))
        failing.pop_all()
    return line


@contextmanager
def _short(folder: Path) -> Iterator[Path]:
    """Another name of the folder that is short enough for a socket's path (107 bytes, unix(7))."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
