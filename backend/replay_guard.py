"""No assertion serves twice: identifiers seen are remembered for as long as the assertion could be accepted."""

from backend.errors import Refusal

MAX_REMEMBERED = 500_000
SWEEP_EVERY = 4_096


class ReplayGuard:
    """Identifiers (`jti`) seen by this process; assertions issued before it began are refused, for they may have been seen.

    Not thread-safe: used from the event loop only, where a check and its entry are one step.
    """

    def __init__(self, not_before: int) -> None:
        """`not_before` is the first whole second of which this process, alone on its database, judges every assertion."""
        self._not_before = not_before
        self._expiries: dict[str, int] = {}
        self._since_sweep = 0

    def admit(self, jti: str, issued_at: int, useless_after: int, now: float) -> None:
        """Remember `jti` until `useless_after` (Unix seconds).

        Raises:
            Refusal: 900901 seen before or issued before this process; INF-APP-02 too many are remembered to go on safely.
        """
        if issued_at < self._not_before or jti in self._expiries:
            raise Refusal("900901")
        self._since_sweep += 1
        if self._since_sweep >= SWEEP_EVERY:
            self._since_sweep = 0
            self._expiries = {known: end for known, end in self._expiries.items() if end >= now}
        if len(self._expiries) >= MAX_REMEMBERED:
            raise Refusal("INF-APP-02")
        self._expiries[jti] = useless_after
