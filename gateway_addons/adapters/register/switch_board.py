"""The switches that operators put, as a view on the shared register; implements `core.ports.Switches`."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Protocol

from gateway_addons.core.facts import AddressFacts, CertificateFacts, SwitchFacts
from gateway_addons.core.register import Entry

REGISTER = "switches"


class Register(Protocol):
    """The part of `shared_register.SharedRegister` that is used."""

    def entries(self) -> Mapping[str, Entry]:
        """The entries in force. Raises `RegisterUnavailable`."""


class SwitchBoard:
    """Leaves out what is surely another's, so that the question to policy stays short; policy decides on the rest."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._entries: Mapping[str, Entry] | None = None
        self._switches: tuple[tuple[SwitchFacts, IPv4Network | IPv6Network | None], ...] = ()

    def concerning(
        self, environment: str, certificate: CertificateFacts, address: AddressFacts, client_id: str | None, flux: str | None
    ) -> tuple[SwitchFacts, ...]:
        """All that are not surely another's. Raises `RegisterUnavailable` when none were ever read."""
        entries = self._register.entries()
        if entries is not self._entries:
            self._entries = entries
            self._switches = tuple(_known(key, entry.value) for key, entry in entries.items())
        if not self._switches:
            return ()
        known = {"certificate": {certificate.sha256, certificate.spki_sha256}, "client": {client_id}}
        return tuple(switch for switch, network in self._switches
                     if not (_of_another_environment(switch, environment) or _of_another(switch, known, flux)
                             or _elsewhere(network, address.source)))


def switch_facts(key: str, value: Mapping[str, Any]) -> SwitchFacts:
    """What policy is told of an entry; what is missing stays missing, and refuses there."""
    operations, flux = value.get("operations"), value.get("flux")
    return SwitchFacts(
        id=key, kind=value.get("kind", ""), environment=value.get("environment", ""), target=value.get("target", ""),
        value=value.get("value"), limit=value.get("limit"),
        operations=tuple(operations) if isinstance(operations, list) else operations,
        flux=tuple(flux) if isinstance(flux, list) else flux,
    )


def _known(key: str, value: Mapping[str, Any]) -> tuple[SwitchFacts, IPv4Network | IPv6Network | None]:
    switch = switch_facts(key, value)
    try:
        return switch, ip_network(str(switch.value), strict=False) if switch.target == "ip" else None
    except ValueError:
        return switch, None


def _of_another_environment(switch: SwitchFacts, environment: str) -> bool:
    return switch.environment in {"production", "sandbox"} and switch.environment != environment


def _of_another(switch: SwitchFacts, known: Mapping[str, set[str | None]], flux: str | None) -> bool:
    """By certificate or client, when those of this call are known; by flux."""
    if switch.target == "flux":
        return isinstance(switch.value, str) and switch.value != flux
    own = known.get(switch.target)
    return own is not None and None not in own and isinstance(switch.value, str) and switch.value not in own


def _elsewhere(network: IPv4Network | IPv6Network | None, source: str | None) -> bool:
    if network is None or source is None:
        return False
    try:
        return ip_address(source) not in network
    except ValueError:
        return False
