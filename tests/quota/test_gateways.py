"""Three windows over two whole gateways of two workers each, real clients over mutual TLS: not one violation, in either direction."""

from pathlib import Path

from benchmarks.quota_gateways import measure


def test_the_quota_is_exact_over_two_gateways(tmp_path: Path) -> None:
    told = measure(tmp_path, seconds=20, window_s=6, clients=12, limit=15)
    assert told["violations"] == {"accepted_above_the_limit": 0, "refused_below_the_limit": 0}
    assert told["windows"] >= 3
    assert told["refused"] > 0
    assert set(told["answers"]) == {200, 429}
    assert told["charges"] == sum(told["answers"].values())
