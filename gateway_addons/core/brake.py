"""The brake: who fails too often waits. Pure; the clock is an argument, memory is bounded.

A failure fills a caller's bucket by one; the bucket empties at a steady rate. While it is full its owner waits. A success
changes nothing, so nobody who fails buys himself free by succeeding now and then. What is refused because of the brake is
no new failure: the wait is over when it was said to be.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from gateway_addons.core.facts import Evidence


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


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a call is counted for: the source (`bounds.source_of`), and the SHA-256 of a certificate that was verified."""

    source: str
    certificate: str | None

    @property
    def waits_as(self) -> str:
        """Whose bucket makes this caller wait.

        A certificate that was verified is its own: others at the same address, behind the same balancer, do not wait for it,
        and it does not wait for them. Nobody can have many of them. Everyone else is his address.
        """
        return f"certificate {self.certificate}" if self.certificate else f"address {self.source}"

    @property
    def counted_as(self) -> tuple[str, ...]:
        """Which buckets his failures fill."""
        address = f"address {self.source}"
        return (address, self.waits_as) if self.certificate else (address,)


def is_authenticated(evidence: Evidence) -> bool:
    """Is this call by somebody who shows a verified certificate and a token bound to it? Such a call is never braked."""
    identity, certificate = evidence.identity, evidence.certificate
    return certificate.verified and identity.verified and certificate.sha256 is not None \
        and identity.certificate_sha256 == certificate.sha256


def is_failure(code: str | None, controls: Mapping[str, str] | None) -> bool:
    """Does a refusal with this reason count? Whoever came no further than that is not authenticated (AMB-3).

    `controls` are policy's verdicts, None when it was not asked. A fault of ours, or of what we depend on, never counts,
    nor does a wait; neither does a call whose certificate and identity (or client) passed, whatever else failed.
    """
    if code is None or code.startswith(("INF-DEP", "INF-GEN", "INF-INT", "INF-LIM")) or code in _OF_THE_KNOWN:
        return False
    if controls is None:
        return True
    return any(controls.get(control, "pass") != "pass" for control in ("certificate", "identity", "client"))


_OF_THE_KNOWN = frozenset({"700700", "INF-MNT-01", "900804", "INF-CLI-02"})
