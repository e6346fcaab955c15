"""The worker's own window is exact on its clock, and never above its share."""

from hypothesis import given
from hypothesis import strategies as st

from gateway_addons.core.quota import MAX_WINDOWS, LocalWindows
from tests.quota.watching import to_charge

WINDOW_US = 60_000_000


@given(limit=st.integers(1, 40), share=st.sampled_from([0.1, 0.25, 0.5, 1.0]),
       steps=st.lists(st.tuples(st.booleans(), st.sampled_from([0, 1, 5_000_000, WINDOW_US - 1, WINDOW_US])), max_size=80))
def test_exact(limit: int, share: float, steps: list[tuple[bool, int]]) -> None:
    windows, now, passed, mine = LocalWindows(share), 0, list[int](), int(limit * share)
    for noted, pause in steps:
        now += pause
        if noted:
            windows.note(to_charge(limit), now)
            passed.append(now)
            continue
        counted = [t for t in passed if t > now - WINDOW_US]
        told = windows.charge(to_charge(limit), now)
        assert told.accepted == (len(counted) < mine)
        if told.accepted:
            passed.append(now)
        counted = [t for t in passed if t > now - WINDOW_US]
        assert told.remaining == max(0, mine - len(counted))
        if mine and told.remaining == 0:
            assert told.retry_s == (counted[-mine] + WINDOW_US - now) / 1_000_000


def test_memory_is_bounded() -> None:
    windows = LocalWindows(1)
    for i in range(MAX_WINDOWS + 10):
        windows.charge(to_charge(5, key=str(i)), 0)
    assert len(windows._windows) == MAX_WINDOWS
