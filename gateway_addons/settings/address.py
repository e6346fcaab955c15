"""Which balancers and proxies in front of a listener are believed (control C2)."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from gateway_addons.settings.values import Frozen, Seconds


def _network(value: str) -> str:
    try:
        network = ip_network(value, strict=True)
    except ValueError as e:
        raise ValueError(f"not a network in CIDR form, host bits zero ({e})") from e
    if network.version == 6 and network.network_address.ipv4_mapped:
        raise ValueError("an IPv4-mapped network: write it as IPv4")
    if network.prefixlen == 0:
        raise ValueError("a network of every address: whoever calls would be believed")
    return value


TrustedNetwork = Annotated[str, AfterValidator(_network)]


class _From(Frozen):
    """Those who are believed, by network."""

    trusted: tuple[TrustedNetwork, ...] = Field(min_length=1)

    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Parsed."""
        return tuple(ip_network(network) for network in self.trusted)


class ProxyProtocol(_From):
    """The balancers that pass TLS through and say by the PROXY protocol, version 1 or 2, from where.

    `required`: a balancer's connection without header is refused; `optional` serves it as its own. `direct` is what
    happens to a peer that is none of them: refused, or served by its own address. A header from it is refused in any case.
    """

    header: Literal["required", "optional"] = "required"
    direct: Literal["refuse", "serve"] = "refuse"
    timeout_s: Seconds = 3.0


class Forwarded(_From):
    """The HTTP proxies whose header says from where a call comes; no other header is read."""

    header: Literal["forwarded", "x-forwarded-for"]
