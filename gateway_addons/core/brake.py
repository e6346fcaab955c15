"""The brake: who fails too often waits. Pure; the clock is an argument, memory is bounded.

A failure fills a caller's bucket by one; the bucket empties at a steady rate. While it is full its owner waits. A success
changes nothing, so nobody who fails buys himself free by succeeding now and then. What is refused because of the brake is
no new failure: the wait is over when it was said to be.
"""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address, ip_network


class Brake:
    """Counts failures by name. Of more than `max_names` the one that failed longest ago is forgotten."""

    def __init__(self, *, per_minute: float, burst: float, max_names: int) -> None:
        """`burst` failures at once are let through, `per_minute` in the long run."""
        self._per_s = per_minute / 60
        self._burst = burst
        self._max_names = max_names
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def failed(self, name: str, now_s: float) -> bool:
        """Count one failure at `now_s` (a steady clock); True when this one fills the bucket."""
        before = self._level(name, now_s)
        level = min(before + 1, self._burst + 1)
        self._buckets[name] = (level, now_s)
        self._buckets.move_to_end(name)
        while len(self._buckets) > self._max_names:
            self._buckets.popitem(last=False)
        return before < self._burst <= level

    def wait_s(self, name: str, now_s: float) -> float:
        """Seconds until this name may fail again; 0 when it may now."""
        over = self._level(name, now_s) + 1 - self._burst
        return over / self._per_s if over > 1e-9 else 0.0

    def _level(self, name: str, now_s: float) -> float:
        level, at = self._buckets.get(name, (0.0, now_s))
        return max(0.0, level - max(0.0, now_s - at) * self._per_s)


def network_of(address: str | None) -> str:
    """The name an address is counted under: itself, or its /64 (a host has that many IPv6 addresses); mapped ones are IPv4."""
    if address is None:
        return "unknown"
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped is not None else str(ip_network((parsed, 64), strict=False))
    return str(parsed)
