"""Own counters and histograms are told to the last byte as the library's are."""

import random

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from gateway_addons.addons.tallies import DurationsByLabel, Tally

BOUNDS = (0.0005, 0.25, 1, 10)


def told(registry: CollectorRegistry) -> list[str]:
    """Without the times at which the library's were made, which nobody is shown."""
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]


def test_a_tally_is_told_as_a_counter() -> None:
    ours, librarys = CollectorRegistry(), CollectorRegistry()
    tally = Tally("calls", "Calls.", ("verdict", "reason"), ours)
    counter = Counter("calls", "Calls.", ("verdict", "reason"), registry=librarys)
    for labels in [("admis", ""), ("refuse", "900804"), ("admis", "")]:
        tally.count(*labels)
        counter.labels(*labels).inc()
    assert told(ours) == told(librarys)
    assert ours.get_sample_value("calls_total", {"verdict": "admis", "reason": ""}) == 2


def test_durations_are_told_as_a_histogram() -> None:
    ours, librarys = CollectorRegistry(), CollectorRegistry()
    durations = DurationsByLabel("seconds", "Seconds.", "stage", BOUNDS, ours)
    histogram = Histogram("seconds", "Seconds.", ("stage",), buckets=BOUNDS, registry=librarys)
    some = random.Random(5)
    for seconds in [0.0, *BOUNDS, 11.0, *(some.expovariate(1) for _ in range(200))]:
        for stage in ("policy", "quota"):
            durations.of[stage].observe(seconds)
            histogram.labels(stage).observe(seconds)
    assert told(ours) == told(librarys)
