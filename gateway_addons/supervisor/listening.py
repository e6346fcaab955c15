"""The listening sockets. The supervisor owns them, so that they outlive every worker and a queued connection is not lost.

Each slot has a socket of its own for each environment, all on one port (SO_REUSEPORT, socket(7)): the kernel spreads new
connections over them. The workers that follow each other in a slot accept from the same socket. Only the
first slot's listens at once. The others are bound, and listen when their first worker serves: the kernel would hand them
connections that wait until that worker has started, while others could serve them.
"""

import socket
from collections.abc import Iterable

from gateway_addons.settings.gateway import Settings
from gateway_addons.settings.values import Listen, SettingsError

BACKLOG = 1024
"""Connections that the kernel holds while the first worker starts."""

type Address = tuple[str, str, int]
"""Environment, host and port as the settings have them (a port may be 0: the kernel chooses)."""


class ListeningSockets:
    """All sockets by address and slot."""

    def __init__(self) -> None:
        self._sockets: dict[Address, dict[int, socket.socket]] = {}

    def provide(self, settings: Settings, slots: int) -> None:
        """Open what is missing; what is there stays.

        Raises:
            SettingsError: an address cannot be used; nothing that this call opened is left.
        """
        opened: list[tuple[Address, int]] = []
        try:
            for address, listen in _addresses(settings):
                of_slot = self._sockets.setdefault(address, {})
                for slot in range(slots):
                    if slot not in of_slot:
                        of_slot[slot] = _listen(listen, next(iter(of_slot.values()), None))
                        opened.append((address, slot))
        except OSError as e:
            for address, slot in opened:
                self._sockets[address].pop(slot).close()
            raise SettingsError(f"environments.{address[0]}.listen {listen.host}:{listen.port} cannot be used ({e.strerror}); "
                                "give a free port, or end what listens there") from e

    def of_slot(self, settings: Settings, slot: int, slots: int) -> dict[str, list[socket.socket]]:
        """What the worker of a slot accepts from: its own, and its share of those that a larger number of slots left."""
        return {address[0]: [s for number, s in sorted(self._sockets[address].items()) if number % slots == slot]
                for address, _ in _addresses(settings)}

    def pause(self, settings: Settings, slot: int, slots: int) -> None:
        """Let the kernel hand new connections to the other slots until its next worker listens; those in its queue are reset.

        A port that the kernel chose stays as it is: a socket that pauses would lose it.
        """
        for address, listen in _addresses(settings):
            for number, listener in self._sockets[address].items():
                if listen.port and number % slots == slot and listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    listener.shutdown(socket.SHUT_RD)

    def keep_only(self, settings: Settings) -> None:
        """Close the sockets of addresses that are no longer in the settings."""
        wanted = {address for address, _ in _addresses(settings)}
        for address in self._sockets.keys() - wanted:
            _close(self._sockets.pop(address).values())

    def close(self) -> None:
        """Close all."""
        for of_slot in self._sockets.values():
            _close(of_slot.values())
        self._sockets.clear()


def _addresses(settings: Settings) -> list[tuple[Address, Listen]]:
    return [((name, own.listen.host, own.listen.port), own.listen) for name, own in settings.environments.items()]


def _listen(listen: Listen, first: socket.socket | None) -> socket.socket:
    """A bound socket, the first one for an address listening: nobody else may listen there, whoever he is."""
    found = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    family, wanted = found[0], found[4] if first is None else first.getsockname()
    if first is None and listen.port:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(wanted)  # without SO_REUSEPORT this fails beside any other listener, also one of this user's
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(wanted)
        if first is None:
            listener.listen(BACKLOG)  # from now on nobody else gets the port
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def _close(sockets: Iterable[socket.socket]) -> None:
    for listener in sockets:
        listener.close()
