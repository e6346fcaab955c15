"""The Redis that holds the quota windows, and what happens while it fails."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from gateway_addons.settings.values import Frozen, NodeAddress, Seconds


class Sentinel(Frozen):
    """Redis Sentinel: who knows the master called `master`; `password` is the sentinels' own."""

    master: Annotated[str, Field(min_length=1)]
    nodes: tuple[NodeAddress, ...] = Field(min_length=1)
    password: str | None = None


class Cluster(Frozen):
    """Redis Cluster: the nodes that are asked for the others."""

    nodes: tuple[NodeAddress, ...] = Field(min_length=1)


class Redis(Frozen):
    """The Redis that holds the quota windows.

    With `sentinel` or `cluster`, `url` gives user, password, database and TLS, and its host is not used.
    """

    url: Annotated[str, StringConstraints(pattern=r"^(redis|rediss|unix)://")]
    timeout_s: Seconds = 0.5
    sentinel: Sentinel | None = None
    cluster: Cluster | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "Redis":
        if self.sentinel and self.cluster:
            raise ValueError("sentinel and cluster exclude each other")
        return self


class Quota(Frozen):
    """What happens while Redis does not charge the windows, and when a consumer is warned (clause 9.2).

    `refuse` answers 503; `local` charges a window of this worker's own, of `local_share` of each limit (1 / number of all
    workers of all gateways keeps the sum within the limit). `warn_at` is the share of use from which answers and metrics
    warn.
    """

    on_failure: Literal["refuse", "local"] = "refuse"
    local_share: Annotated[float, Field(gt=0, le=1)] = 0.25
    warn_at: Annotated[float, Field(gt=0, le=1)] = 0.8
