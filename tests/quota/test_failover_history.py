"""Whole gateways while the master of their Redis is killed and its replica promoted: every interval is checked."""

from pathlib import Path

from benchmarks.quota_failover import measure

FAR_BEYOND_THE_TIMEOUT_S = 8.0
"""No call waits longer than `redis.timeout_s`, half a second, for its charge; the rest is a busy machine."""


def test_the_quota_across_a_killed_master_and_a_promoted_replica(tmp_path: Path) -> None:
    """The replica is cut off just before, so that something is lost, and the measure of it is tested too."""
    told = measure(tmp_path, seconds=17, window_s=4, clients=12, limit=15, lag_s=0.3)
    assert set(told["violations"].values()) == {0}, told
    assert set(told["answers"]) == {200, 429, 503}
    assert told["slowest_503_s"] < FAR_BEYOND_THE_TIMEOUT_S
    assert sum(told["lost"].values()) > 0
    for key, limit in told["limit_and_lost"].items():
        assert told["most_in_a_window"][key] <= limit == 15 + told["lost"][key]
    assert told["charges_after_the_failover"] > 2 * 15
    assert told["alerts"]["quota_degraded"] == told["alerts"]["quota_recovered"] > 0
    assert told["charges"] == sum(number for status, number in told["answers"].items() if status != 503)
