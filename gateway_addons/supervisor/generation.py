"""Settings that were checked, as one thing that workers are started with."""

from dataclasses import dataclass

from gateway_addons.settings.gateway import Settings
from gateway_addons.settings.workers import worker_count


@dataclass(frozen=True, slots=True)
class Generation:
    """Settings that were checked, with the very text they were read from, and the number of workers they ask for."""

    settings: Settings
    text: str
    slots: int

    @classmethod
    def of(cls, settings: Settings, text: str) -> "Generation":
        """The generation of these settings on this machine."""
        return cls(settings, text, worker_count(settings.workers))
