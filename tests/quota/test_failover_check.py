"""The checker of a failover's history finds each way in which a promoted replica could be wrong."""

from collections import Counter

import pytest

from benchmarks.failover_check import Failover, check
from benchmarks.quota_history import Event

KEY, LIMIT, WINDOW_US, DEAD_US = "production:C", 2, 10, 100
CLEAN: list[Event] = [
    (KEY, True, 84), (KEY, True, 85), (KEY, False, 86), (KEY, True, 94), (KEY, True, 97), (KEY, False, 99),  # the master's
    (KEY, True, 101), (KEY, False, 103), (KEY, True, 104), (KEY, False, 106), (KEY, True, 111)]  # the promoted replica's
KNOWN = {KEY: [84, 85, 94]}  # it lacks 97

ZERO = {"more_than_limit_and_lost": 0, "replica_lacks_an_older_call": 0, "accepted_above_the_limit_beside_the_failover": 0,
        "accepted_above_the_limit": 0, "refused_below_the_limit": 0}


def of(events: list[Event], failover: Failover) -> dict[str, dict[str, int]]:
    told: dict[str, dict[str, int]] = check(events, {KEY: LIMIT}, WINDOW_US, failover)
    return told


def test_a_failover_that_lost_one_call() -> None:
    told = of(CLEAN, Failover(DEAD_US, KNOWN))
    assert told["lost"] == {KEY: 1}
    assert told["most_in_a_window"] == {KEY: 3}
    assert told["limit_and_lost"] == {KEY: 3}
    assert told["unanswered"] == {KEY: 0}
    assert told["violations"] == ZERO


@pytest.mark.parametrize(("events", "known", "found"), [
    pytest.param([(k, ok, 102 if at == 104 else at) for k, ok, at in CLEAN], [84, 85, 94],
                 {"more_than_limit_and_lost", "accepted_above_the_limit"},
                 id="one more than limit and lost"),
    pytest.param(CLEAN, [84, 94], {"replica_lacks_an_older_call"}, id="a hole in what the replica has"),
    pytest.param([*CLEAN, (KEY, True, 106), (KEY, True, 107)], [84, 85, 94],
                 {"more_than_limit_and_lost", "accepted_above_the_limit_beside_the_failover", "accepted_above_the_limit"},
                 id="too many after the failover"),
    pytest.param([*CLEAN, (KEY, False, 100)], [84, 85, 94], set[str](), id="the master refused by what it knew"),
    pytest.param([*CLEAN, (KEY, False, 115)], [84, 85, 94], {"refused_below_the_limit"}, id="refused for nothing, after"),
    pytest.param([*CLEAN, (KEY, False, 83)], [84, 85, 94], {"refused_below_the_limit"}, id="refused for nothing, before"),
    pytest.param([e for e in CLEAN if e[2] != 101], [84, 85, 94], {"refused_below_the_limit"},
                 id="refused after, though only a lost call fills the window"),
])
def test_what_is_wrong_is_found(events: list[Event], known: list[int], found: set[str]) -> None:
    told = of(events, Failover(DEAD_US, {KEY: known}))
    assert {name for name, number in told["violations"].items() if number} == found


def test_a_charge_whose_answer_was_lost_fills_its_place() -> None:
    events = [e for e in CLEAN if e[2] != 101]
    told = of(events, Failover(DEAD_US, KNOWN, {KEY: Counter([94, 101])}))
    assert told["unanswered"] == {KEY: 1}
    assert told["violations"] == ZERO


def test_a_replica_that_knows_nothing_lost_the_whole_window() -> None:
    told = of(CLEAN, Failover(DEAD_US, {}))
    assert told["lost"] == {KEY: 4}  # all that is left of the history within the window and the second that its list lives longer
