"""The registers of this machine, as its settings say where they are kept."""

from typing import Literal

from gateway_addons.adapters.redis_client import connect
from gateway_addons.adapters.register.shared_register import SharedRegister
from gateway_addons.core.ports import RegisterWatch
from gateway_addons.settings.gateway import Settings


class Untold:
    """A command's watch over a register: what fails is an exception there, and no metric."""

    def failed(self, register: str, copy: Literal["redis", "mirror"], why: str) -> None:
        """Nothing."""

    def recovered(self, register: str, copy: Literal["redis", "mirror"]) -> None:
        """Nothing."""

    def refreshed(self, register: str, entries: int) -> None:
        """Nothing."""


def register_of(settings: Settings, name: str, watch: RegisterWatch) -> SharedRegister:
    """The register of that name; its mirror is in `state.folder`. Nothing is read before `open`."""
    mirror = settings.state.folder / "registers" / name
    return SharedRegister(connect(settings.redis), name, mirror, timeout_s=settings.redis.timeout_s, watch=watch)
