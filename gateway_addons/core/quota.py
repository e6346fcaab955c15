"""Exact arithmetic of a sliding window, for when it is kept in this process; time is an argument."""

from collections import OrderedDict, deque

from gateway_addons.core.decision import QuotaToCharge
from gateway_addons.core.ports import QuotaCharge

MAX_WINDOWS = 10_000
"""How many windows a process keeps at most; the one not used for longest is forgotten."""


def is_warning(charge: QuotaCharge, warn_at: float) -> bool:
    """Is `warn_at` (a share of 1) of the limit used?"""
    return charge.limit - charge.remaining >= warn_at * charge.limit


class LocalWindows:
    """The share of each window that is this worker's: at most `share` of the limit, rounded down, in any window of its own clock.

    A window holds the times of the last calls that were let pass, and never more of them than its share.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._windows: OrderedDict[str, deque[int]] = OrderedDict()

    def note(self, quota: QuotaToCharge, now_us: int) -> None:
        """Count a call that was let pass on another's word, so that a failure right after does not double it."""
        limit = int(quota.limit * self._share)
        if limit > 0:
            self._window(quota.key, limit).append(now_us)

    def charge(self, quota: QuotaToCharge, now_us: int) -> QuotaCharge:
        """Count this call if fewer than the share were let pass in the last window; `now_us` never goes back."""
        limit, window_us = int(quota.limit * self._share), quota.window_s * 1_000_000
        if limit == 0:  # too small a limit to be shared: nobody may pass
            return QuotaCharge(False, 0, quota.window_s, 0, quota.window_s, quota.window_s, now_us, "local")
        times = self._window(quota.key, limit)
        while times and times[0] <= now_us - window_us:
            times.popleft()
        accepted = len(times) < limit
        if accepted:
            times.append(now_us)
        wait_us = times[0] + window_us - now_us if len(times) == limit else 0
        return QuotaCharge(
            accepted=accepted, limit=limit, window_s=quota.window_s, remaining=limit - len(times),
            reset_s=(times[-1] + window_us - now_us) / 1_000_000, retry_s=wait_us / 1_000_000, at_us=now_us, source="local",
        )

    def _window(self, key: str, limit: int) -> deque[int]:
        times = self._windows.pop(key, None)
        if times is None or times.maxlen != limit:
            times = deque(times or (), maxlen=limit)
        self._windows[key] = times
        if len(self._windows) > MAX_WINDOWS:
            self._windows.popitem(last=False)
        return times
