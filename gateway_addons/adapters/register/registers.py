"""The registers of this machine, as its settings say where they are kept."""

from gateway_addons.adapters.redis_client import connect
from gateway_addons.adapters.register.shared_register import SharedRegister
from gateway_addons.core.ports import RegisterWatch
from gateway_addons.settings.gateway import Settings


def register_of(settings: Settings, name: str, watch: RegisterWatch) -> SharedRegister:
    """The register of that name; its mirror is in `state.folder`. Nothing is read before `open`."""
    mirror = settings.state.folder / "registers" / name
    return SharedRegister(connect(settings.redis), name, mirror, timeout_s=settings.redis.timeout_s, watch=watch)
