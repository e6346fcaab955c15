"""What the operator sees of the quota: use, warnings, and an alert while Redis does not charge.

Labels are the environment and the contract of a window's key, which policy makes from known contracts only.
"""

from dataclasses import dataclass
from typing import Literal

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.tallies import Tally
from gateway_addons.core.decision import QuotaToCharge
from gateway_addons.core.ports import QuotaCharge, WindowUse
from gateway_addons.core.quota import is_warning


@dataclass(slots=True)
class _Contract:
    """One window of a contract, and its last charge: what its gauges tell when they are read."""

    environment: str
    contract: str
    last: QuotaCharge


class QuotaTrace:
    """Counts charges and failures; logs each change once; implements `core.ports.QuotaWatch`."""

    def __init__(self, registry: CollectorRegistry, warn_at: float) -> None:
        self._warn_at = warn_at
        self._log = structlog.get_logger("poterne.quota")
        of_contract = ("environment", "contract")
        self._charges = Tally("poterne_quota_charges", "Charges, by verdict and by the window that was charged.",
                              (*of_contract, "verdict", "window"), registry)
        self._used = Gauge("poterne_quota_used_ratio", "Share of the limit in use at the last charge, 0 to 1.", of_contract,
                           registry=registry)
        self._limit = Gauge("poterne_quota_limit_calls", "The limit at the last charge, in calls.", of_contract,
                            registry=registry)
        of_limit = (*of_contract, "limit")
        self._extra_used = Gauge("poterne_quota_extra_used_ratio", "Share of an extra limit in use at the last charge, 0 to 1.",
                                 of_limit, registry=registry)
        self._extra_warned = Counter("poterne_quota_extra_warnings",
                                     "Times that the use of an extra limit rose to the share from which it warns.", of_limit,
                                     registry=registry)
        self._warned = Counter("poterne_quota_warnings", "Times that the use rose to the share from which it warns.",
                               of_contract, registry=registry)
        self._failures = Counter("poterne_quota_failures", "Charges that Redis did not make, by what was done instead.",
                                 ("choice",), registry=registry)
        self._degraded = Gauge("poterne_quota_degraded", "1 while Redis does not charge the windows.", registry=registry)
        self._degraded.set(0)
        self._warning: set[tuple[str, str]] = set()
        self._down = False
        self._contracts: dict[str, _Contract] = {}

    def charged(self, quota: QuotaToCharge, charge: QuotaCharge) -> None:
        """Count it, and warn once when the use rises to the share."""
        about = self._contracts.get(quota.key) or self._met(quota.key, charge)
        about.last = charge
        labels = about.environment, about.contract
        self._charges.count(*labels, "accepted" if charge.accepted else "refused", charge.source)
        if self._rises(quota.key, "", charge):
            self._warned.labels(*labels).inc()
            self._log.warning("quota_warning", environment=labels[0], contract=labels[1], limit=charge.limit,
                              remaining=charge.remaining, window=charge.source)
        for window in charge.extra:
            self._extra_used.labels(*labels, window.name).set(_used(window))
            if self._rises(quota.key, window.name, window):
                self._extra_warned.labels(*labels, window.name).inc()
                self._log.warning("quota_warning", environment=labels[0], contract=labels[1], limit=window.limit,
                                  remaining=window.remaining, window=charge.source, name=window.name, unit=window.unit)

    def _met(self, key: str, charge: QuotaCharge) -> _Contract:
        """The first charge of a contract: from now on its gauges are there."""
        environment, _, contract = key.partition(":")
        about = self._contracts[key] = _Contract(environment, contract, charge)
        self._used.labels(environment, contract).set_function(lambda: _used(about.last))
        self._limit.labels(environment, contract).set_function(lambda: about.last.limit)
        return about

    def _rises(self, key: str, name: str, window: QuotaCharge | WindowUse) -> bool:
        """Has the use just come to the share from which it warns?"""
        if not is_warning(window, self._warn_at):
            self._warning.discard((key, name))
            return False
        rises = (key, name) not in self._warning
        self._warning.add((key, name))
        return rises

    def failed(self, why: str, choice: Literal["refuse", "local"]) -> None:
        """Count it; the alert is logged when it begins."""
        self._failures.labels(choice).inc()
        self._degraded.set(1)
        if not self._down:
            self._down = True
            self._log.error("quota_degraded", why=why, choice=choice)

    def recovered(self) -> None:
        """Log the end of the alert."""
        self._degraded.set(0)
        self._down = False
        self._log.warning("quota_recovered")


def _used(window: QuotaCharge | WindowUse) -> float:
    return (window.limit - window.remaining) / window.limit if window.limit else 1
