"""Exact arithmetic of sliding windows, for when they are kept in this process; time is an argument."""

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Literal

from gateway_addons.core.decision import QuotaToCharge
from gateway_addons.core.ports import QuotaCharge, WindowUse

MAX_WINDOWS = 10_000
"""How many windows a process keeps at most; the one not used for longest is forgotten."""


def is_warning(charge: QuotaCharge | WindowUse, warn_at: float) -> bool:
    """Is `warn_at` (a share of 1) of the limit used?"""
    return charge.limit - charge.remaining >= warn_at * charge.limit


def never_fits(quota: QuotaToCharge, body_bytes: int) -> bool:
    """Is the body alone more than a window of bytes may ever hold? Waiting would not help: the lot must be split."""
    return any(window.unit == "bytes" and body_bytes > window.limit for window in quota.extra)


class _Window:
    """What was let pass in the last `window_us`: times and amounts, and no more of them than tell when there is room."""

    def __init__(self) -> None:
        self._passed: deque[tuple[int, int]] = deque()
        self.used = 0

    def forget(self, before_us: int) -> None:
        """Leave out what has left the window."""
        while self._passed and self._passed[0][0] <= before_us:
            self.used -= self._passed.popleft()[1]

    def add(self, now_us: int, amount: int, limit: int) -> None:
        """Count; the oldest go whose leaving alone would make no room."""
        if amount == 0 or limit == 0:
            return
        self._passed.append((now_us, amount))
        self.used += amount
        while self.used - self._passed[0][1] >= limit:
            self.used -= self._passed.popleft()[1]

    def newest_us(self) -> int | None:
        """When something was let pass last."""
        return self._passed[-1][0] if self._passed else None

    def room_at_us(self, amount: int, limit: int, window_us: int, now_us: int) -> int:
        """When so much fits; where it never does, when all has left."""
        used, at = self.used, now_us
        for passed_us, passed in self._passed:
            if used + amount <= limit:
                break
            used, at = used - passed, passed_us + window_us
        return at if used + amount <= limit or self._passed else now_us + window_us


@dataclass(frozen=True, slots=True)
class _Asked:
    """One window that a call is charged to, with the share of its limit and what the call weighs in it."""

    window: _Window
    limit: int
    window_us: int
    amount: int

    def remaining(self) -> int:
        return max(0, self.limit - self.window.used)

    def reset_s(self, now_us: int) -> float:
        """Until the whole window is free; a share that is too small for one call never has anything to give."""
        newest = self.window.newest_us() if self.limit > 0 else now_us
        return 0.0 if newest is None else (newest + self.window_us - now_us) / 1_000_000


class LocalWindows:
    """The share of each window that is this worker's: at most `share` of its limit, rounded down, on this process's clock."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._windows: OrderedDict[tuple[str, str], _Window] = OrderedDict()

    def note(self, quota: QuotaToCharge, now_us: int, body_bytes: int = 0) -> None:
        """Count a call that was let pass on another's word, so that a failure right after does not double it."""
        for name, limit, window_us, unit in self._asked(quota):
            window = self._window(quota.key, name)
            window.forget(now_us - window_us)
            window.add(now_us, _amount(unit, body_bytes), limit)

    def charge(self, quota: QuotaToCharge, now_us: int, body_bytes: int = 0) -> QuotaCharge:
        """Count this call if it fits into the share of each of its windows; `now_us` never goes back."""
        asked = [_Asked(self._window(quota.key, name), limit, window_us, _amount(unit, body_bytes))
                 for name, limit, window_us, unit in self._asked(quota)]
        for one in asked:
            one.window.forget(now_us - one.window_us)
        accepted = all(one.window.used + one.amount <= one.limit for one in asked)
        if accepted:
            for one in asked:
                one.window.add(now_us, one.amount, one.limit)
        retry_us = max(one.window.room_at_us(one.amount, one.limit, one.window_us, now_us) for one in asked) - now_us
        extra = tuple(WindowUse(w.name, w.unit, one.limit, w.window_s, one.remaining(), one.reset_s(now_us))
                      for w, one in zip(quota.extra, asked[1:], strict=True))
        first = asked[0]
        return QuotaCharge(accepted, first.limit, quota.window_s, first.remaining(), first.reset_s(now_us),
                           retry_us / 1_000_000, now_us, "local", extra)

    def _asked(self, quota: QuotaToCharge) -> list[tuple[str, int, int, Literal["calls", "bytes"]]]:
        extra = [(w.name, int(w.limit * self._share), w.window_s * 1_000_000, w.unit) for w in quota.extra]
        return [("", int(quota.limit * self._share), quota.window_s * 1_000_000, "calls"), *extra]

    def _window(self, key: str, name: str) -> _Window:
        window = self._windows.pop((key, name), None) or _Window()
        self._windows[key, name] = window
        if len(self._windows) > MAX_WINDOWS:
            self._windows.popitem(last=False)
        return window


def _amount(unit: Literal["calls", "bytes"], body_bytes: int) -> int:
    return body_bytes if unit == "bytes" else 1

