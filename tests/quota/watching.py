"""A `QuotaWatch` that remembers."""

from dataclasses import dataclass, field
from typing import Literal

from gateway_addons.core.decision import QuotaToCharge
from gateway_addons.core.ports import QuotaCharge


@dataclass
class Watching:
    """What was told, in order."""

    charges: list[QuotaCharge] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    recoveries: int = 0

    def charged(self, quota: QuotaToCharge, charge: QuotaCharge) -> None:
        self.charges.append(charge)

    def failed(self, why: str, choice: Literal["refuse", "local"]) -> None:
        self.failures.append((why, choice))

    def recovered(self) -> None:
        self.recoveries += 1


def to_charge(limit: int, window_s: int = 60, key: str = "production:C") -> QuotaToCharge:
    return QuotaToCharge(key=key, limit=limit, window_s=window_s)
