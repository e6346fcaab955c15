"""Bounds over all connections of one worker: how many from one address, and how many bytes of bodies are held at once."""

import ipaddress
from collections import Counter
from functools import lru_cache


@lru_cache(maxsize=4096)
def source_of(address: str) -> str:
    """What counts as one source: an IPv4 address, or the /64 of an IPv6 address (one subscriber has a whole /64)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ipaddress.ip_network((parsed.packed[:8] + bytes(8), 64)))
    return str(parsed)


class ConnectionCounts:
    """Open connections, in all and for each source."""

    def __init__(self, limit: int, limit_of_a_source: int) -> None:
        self._limit, self._limit_of_a_source = limit, limit_of_a_source
        self._sources: Counter[str] = Counter()
        self._open = 0
        self.refused = 0

    def enter(self, source: str) -> bool:
        """Count one more, unless a limit is reached; who entered must `leave`."""
        if self._open >= self._limit or self._sources[source] >= self._limit_of_a_source:
            self.refused += 1
            return False
        self._open += 1
        self._sources[source] += 1
        return True

    def leave(self, source: str) -> None:
        """Count one less."""
        self._open -= 1
        self._sources[source] -= 1
        if self._sources[source] <= 0:
            del self._sources[source]


class BodyBudget:
    """Bytes of request bodies that may be held at once, by all connections; one source gets half of them at most.

    A connection reserves before it keeps what came, so the bound is on memory, not on what was announced: who announces
    much and sends nothing takes nothing from the others.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        self._sources: Counter[str] = Counter()

    def account(self, source: str) -> "BodyAccount":
        """The account of one connection."""
        return BodyAccount(self, source)

    def room_for(self, source: str) -> int:
        """How many bytes this source may still reserve."""
        return min(self.limit_bytes - self.held_bytes, self.limit_bytes // 2 - self._sources[source])

    def move(self, source: str, count: int) -> None:
        """Enter or give back bytes; only accounts do."""
        self.held_bytes += count
        self._sources[source] += count
        if self._sources[source] <= 0:
            del self._sources[source]


class BodyAccount:
    """What one connection holds of the budget."""

    def __init__(self, budget: BodyBudget, source: str) -> None:
        self._budget, self._source = budget, source
        self._held_bytes = 0

    def room(self) -> int:
        """How many bytes may still be reserved."""
        return self._budget.room_for(self._source)

    def reserve(self, count: int) -> bool:
        """Reserve bytes before they are kept; False, and nothing reserved, when there is no room."""
        if count > self.room():
            return False
        self._held_bytes += count
        self._budget.move(self._source, count)
        return True

    def free(self) -> None:
        """Give everything back; may be called again."""
        self._budget.move(self._source, -self._held_bytes)
        self._held_bytes = 0
