"""The TCP ports of one system: free ones, or seven in a row from a base."""

import socket
from contextlib import ExitStack
from dataclasses import dataclass

HOST = "127.0.0.1"
COUNT = 7


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
        wanted = [0] * COUNT if base is None else list(range(base, base + COUNT))
        return Ports(*[_free(held, port) for port in wanted])


def _free(held: ExitStack, port: int) -> int:
    listener = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(1)
    except (OSError, OverflowError) as e:
        raise PortTaken(f"port {port} cannot be used ({e}); give another PORT_BASE, or none for free ports") from e
    bound: int = listener.getsockname()[1]
    return bound
