"""The metrics of the gateway: counters and histograms are summed over the workers, gauges keep the worker they are of.

What a worker had counted before it ended stays in the sum, so that no counter ever falls.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gateway_addons.admin.metrics_snapshot import Family, Labels

SUMMED = ("counter", "histogram", "summary")


class FleetCounts:
    """The supervisor's own metrics, and the sum of what workers had counted when they ended."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._merged = _Merged()
        self._registry.register(self._merged)
        self._wanted = Gauge("poterne_workers", "Workers, by state.", ("state",), registry=self._registry)
        self._restarts = Counter("poterne_worker_restarts", "Restarts of crashed workers.", ("slot",), registry=self._registry)
        self._reloads = Counter("poterne_reloads", "Reloads of the settings.", ("outcome",), registry=self._registry)
        self._gone: list[Family] = []

    def departed(self, last: Sequence[Family]) -> None:
        """A worker has ended; these were its last counts."""
        self._gone = merge([self._gone, [family for family in last if family.kind in SUMMED]])

    def restarted(self, slot: int) -> None:
        """A crashed worker is being restarted."""
        self._restarts.labels(str(slot)).inc()

    def reloaded(self, outcome: str) -> None:
        """Settings were taken up, or refused."""
        self._reloads.labels(outcome).inc()

    def text(self, live: Mapping[str, Sequence[Family]], states: Mapping[str, int]) -> bytes:
        """Everything in Prometheus's text format; `live` are the workers' families by writer."""
        self._merged.families = merge([self._gone, *(label(writer, families) for writer, families in live.items())])
        for state in ("serving", "leaving", "starting"):
            self._wanted.labels(state).set(states.get(state, 0))
        return generate_latest(self._registry)


def label(writer: str, families: Sequence[Family]) -> list[Family]:
    """The same, with `worker` on every gauge."""
    return [family if family.kind in SUMMED else Family(family.name, family.kind, family.help, {
        (name, (*labels, ("worker", writer))): value for (name, labels), value in family.samples.items()})
        for family in families]


def merge(parts: Iterable[Sequence[Family]]) -> list[Family]:
    """One family for each name; samples of the same labels are added up."""
    merged: dict[str, Family] = {}
    for family in (f for part in parts for f in part):
        known = merged.setdefault(family.name, Family(family.name, family.kind, family.help, {}))
        for key, value in family.samples.items():
            known.samples[key] = known.samples.get(key, 0.0) + value
    return list(merged.values())


class _Merged(Collector):
    """Shows families that were put together elsewhere."""

    def __init__(self) -> None:
        self.families: list[Family] = []

    def collect(self) -> Iterator[Metric]:
        for family in self.families:
            metric = Metric(family.name, family.help, family.kind)
            for (name, labels), value in sorted(family.samples.items(), key=_order):
                metric.add_sample(name, dict(labels), value)
            yield metric


def _order(item: tuple[tuple[str, Labels], float]) -> tuple[Labels, str, float]:
    """Buckets of a histogram in their order: Prometheus demands rising `le`."""
    (name, labels), _ = item
    bound = dict(labels).get("le")
    rest = tuple(pair for pair in labels if pair[0] != "le")
    return rest, name, float(bound.replace("+Inf", "inf")) if bound else 0.0
