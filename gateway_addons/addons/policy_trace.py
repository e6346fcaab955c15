"""What the operator sees of the questions to policy: how many calls were answered without one of their own."""

from collections.abc import Iterator
from typing import Protocol

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end


class Counts(Protocol):
    """How many decisions were used again, and how many questions were put ahead of their second."""

    kept: int
    ahead: int


class Answers(Protocol):
    """Whoever counts them."""

    @property
    def answered(self) -> Counts:
        """The counts so far."""


class PolicyTrace(Collector):
    """Two counters, read when somebody looks: a call pays nothing for them."""

    def __init__(self, policy: Answers) -> None:
        self._policy = policy

    def collect(self) -> Iterator[Metric]:
        """prometheus-client's word."""
        counts = self._policy.answered
        yield CounterMetricFamily("poterne_policy_decisions_kept",
                                  "Calls decided by a decision that was asked for in the same second.", counts.kept)
        yield CounterMetricFamily("poterne_policy_questions_ahead",
                                  "Questions put to policy shortly before the second that they are about.", counts.ahead)
