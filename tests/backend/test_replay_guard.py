"""What is remembered, for how long, and how much of it."""

import pytest

from backend import replay_guard
from backend.errors import Refusal
from backend.replay_guard import ReplayGuard


@pytest.mark.parametrize(("issued_at", "admitted"), [(99, False), (100, True), (101, True)])
def test_nothing_issued_before_this_process(issued_at: int, admitted: bool) -> None:
    guard = ReplayGuard(not_before=100)
    if admitted:
        guard.admit("a", issued_at, 165, 102.0)
    else:
        with pytest.raises(Refusal, match="900901"):
            guard.admit("a", issued_at, 165, 102.0)


def test_an_identifier_is_remembered_for_as_long_as_it_could_serve() -> None:
    guard = ReplayGuard(not_before=0)
    guard.admit("a", 1, 66, 1.0)
    for number in range(replay_guard.SWEEP_EVERY):
        guard.admit(str(number), 1, 66, 65.9)
    with pytest.raises(Refusal, match="900901"):
        guard.admit("a", 1, 66, 66.0)


def test_memory_is_bounded_and_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_guard, "MAX_REMEMBERED", 10)
    monkeypatch.setattr(replay_guard, "SWEEP_EVERY", 4)
    guard = ReplayGuard(not_before=0)
    for number in range(10):
        guard.admit(str(number), 1, 66, 1.0)
    with pytest.raises(Refusal, match="INF-APP-02"):
        guard.admit("one more", 1, 66, 1.0)
    for number in range(100, 110):
        guard.admit(str(number), 70, 135, 70.0)
