"""The metrics of many workers read as those of one gateway."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway_addons.admin.metrics_snapshot import Family, snapshot
from gateway_addons.supervisor.counts import FleetCounts
from gateway_addons.supervisor.window import worst


def worker(calls: int, connections: int) -> list[Family]:
    registry = CollectorRegistry()
    Counter("calls", "Calls.", ("verdict",), registry=registry).labels("admis").inc(calls)
    Gauge("open_connections", "Open.", registry=registry).set(connections)
    seconds = Histogram("seconds", "Seconds.", buckets=(0.1, 2.5, 10), registry=registry)
    for _ in range(calls):
        seconds.observe(1)
    return [Family.of(family.document()) for family in snapshot(registry)]


def test_counters_and_buckets_are_summed_gauges_keep_their_worker() -> None:
    text = FleetCounts().text({"worker-0": worker(3, 5), "worker-1": worker(4, 6)}, {"serving": 2}).decode()
    assert 'calls_total{verdict="admis"} 7.0' in text
    assert 'open_connections{worker="worker-0"} 5.0' in text
    assert 'open_connections{worker="worker-1"} 6.0' in text
    assert 'seconds_bucket{le="2.5"} 7.0' in text
    assert text.index('seconds_bucket{le="2.5"}') < text.index('seconds_bucket{le="10.0"}') < text.index('seconds_bucket{le="+Inf"}')
    assert "_created" not in text
    assert 'poterne_workers{state="serving"} 2.0' in text


def test_what_a_worker_counted_stays_counted_when_it_is_gone() -> None:
    counts = FleetCounts()
    counts.departed(worker(3, 5))
    counts.departed(worker(2, 5))
    text = counts.text({"worker-1": worker(4, 6)}, {}).decode()
    assert 'calls_total{verdict="admis"} 9.0' in text
    assert "worker-0" not in text, "its gauges are gone with it"


def test_a_dependency_is_as_bad_as_the_worst_worker_finds_it() -> None:
    up, down = {"up": True, "since": "2026-01-02"}, {"up": False, "since": "2026-01-01"}
    assert worst([{"opa": up}, {"opa": down}, {"opa": up, "redis": up}]) == {"opa": down, "redis": up}
