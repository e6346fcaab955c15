"""A worker's metrics as plain values, so that the supervisor can add them up over all workers."""

from dataclasses import dataclass
from typing import Any, Self

from prometheus_client import CollectorRegistry

type Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: `kind` is Prometheus's (counter, gauge, histogram); a sample is its full name, its labels, its value."""

    name: str
    kind: str
    help: str
    samples: dict[tuple[str, Labels], float]

    def document(self) -> dict[str, Any]:
        """As it crosses to the supervisor."""
        return {"name": self.name, "kind": self.kind, "help": self.help,
                "samples": [[name, labels, value] for (name, labels), value in self.samples.items()]}

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """What `document` made."""
        samples = {(name, tuple((k, v) for k, v in labels)): float(value) for name, labels, value in document["samples"]}
        return cls(document["name"], document["kind"], document["help"], samples)


def snapshot(registry: CollectorRegistry) -> list[Family]:
    """Everything that is registered, now; without the `_created` times, which have no sum."""
    return [
        Family(metric.name, metric.type, metric.documentation,
               {(s.name, tuple(sorted(s.labels.items()))): s.value for s in metric.samples if not s.name.endswith("_created")})
        for metric in registry.collect()
    ]
