"""Metrics of what each call does, kept as plain numbers and told to Prometheus when it asks.

The library's own take a lock and a walk over their bounds for each value, which was four per cent of what a call executes
(docs/performance.md). These belong to the loop's thread alone, which also makes the snapshot that is told.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end


class Tally(Collector):
    """A counter for each set of labels; as the library's `Counter`."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._about = name, documentation
        self._labels = labels
        self._counted: dict[tuple[str, ...], int] = {}
        registry.register(self)

    def count(self, *labels: str) -> None:
        """One more."""
        self._counted[labels] = self._counted.get(labels, 0) + 1

    def collect(self) -> Iterable[CounterMetricFamily]:
        """What was counted by now."""
        family = CounterMetricFamily(*self._about, labels=self._labels)
        for labels, counted in self._counted.items():
            family.add_metric(labels, counted)
        return (family,)


class Durations:
    """How often something took how long: counts between the bounds (seconds), each with its upper bound, and their sum."""

    __slots__ = ("_bounds", "counts", "sum_s")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """One that took so long."""
        self.sum_s += seconds
        self.counts[bisect_left(self._bounds, seconds)] += 1


class DurationsByLabel(Collector):
    """The same for each value of one label; as the library's `Histogram`."""

    def __init__(self, name: str, documentation: str, label: str, bounds: Sequence[float], registry: CollectorRegistry) -> None:
        self._about = name, documentation
        self._label = label
        self._names = [*map(floatToGoString, bounds), "+Inf"]
        self.of = defaultdict[str, Durations](lambda: Durations(bounds))
        """Those of each value, from when it is first asked for."""
        registry.register(self)

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """What was observed by now; a bucket holds all up to its bound."""
        family = HistogramMetricFamily(*self._about, labels=(self._label,))
        for value, seen in self.of.items():
            below, buckets = 0, []
            for name, count in zip(self._names, seen.counts, strict=True):
                below += count
                buckets.append((name, float(below)))
            family.add_metric((value,), buckets, seen.sum_s)
        return (family,)
