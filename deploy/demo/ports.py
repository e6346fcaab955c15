"""The TCP ports of one system: free ones, or seven in a row from a base.

Free ones are taken from below those that the kernel gives to outgoing connections: between the moment a port is chosen and the
one at which its server listens, any client of this machine might get it otherwise.
"""

import random
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
COUNT = 7
LOWEST, WIDE_ENOUGH, TRIES = 11_000, 5_000, 200
_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")
_given: set[int] = set()
"""What this process has handed out: a server of an earlier choice may not listen yet, or just have ended."""


class PortTaken(Exception):
    """A port that was asked for is in use."""


@dataclass(frozen=True)
class Ports:
    """One port for each listener, in the order they are numbered from the base."""

    production: int
    sandbox: int
    admin: int
    redis: int
    backend_production: int
    backend_sandbox: int
    bundles: int

    def listener(self, environment: str) -> int:
        """The gateway's port of an environment."""
        return self.production if environment == "production" else self.sandbox

    def backend(self, environment: str) -> int:
        """The backend's port of an environment."""
        return self.backend_production if environment == "production" else self.backend_sandbox


def choose(base: int | None) -> Ports:
    """Seven ports that nobody listens on now.

    Raises:
        PortTaken: one of the seven from `base` is in use, or cannot be used.
    """
    with ExitStack() as held:
        if base is None:
            return Ports(*[free_port() for _ in range(COUNT)])
        return Ports(*[_hold(held, port) for port in range(base, base + COUNT)])


def free_port() -> int:
    """A port that nobody listens on now, that this process has not handed out before, and that no outgoing connection gets.

    Raises:
        PortTaken: there is none.
    """
    first_outgoing = int(_OUTGOING.read_text(encoding="ascii").split()[0]) if _OUTGOING.exists() else 0
    below = range(LOWEST, first_outgoing)
    chance = random.SystemRandom()
    for _ in range(TRIES):
        with ExitStack() as held:
            try:
                port = _hold(held, chance.choice(below) if len(below) >= WIDE_ENOUGH else 0)
            except PortTaken:
                continue
        if port not in _given:
            _given.add(port)
            return port
    raise PortTaken("no free port was found")


def _hold(held: ExitStack, port: int) -> int:
    listener = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(1)
    except (OSError, OverflowError) as e:
        raise PortTaken(f"port {port} cannot be used ({e}); give another PORT_BASE, or none for free ports") from e
    bound: int = listener.getsockname()[1]
    return bound
