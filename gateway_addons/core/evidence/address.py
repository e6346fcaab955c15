"""Control C2: the address the call comes from (clause 4-C2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from gateway_addons.core.facts import AddressFacts
from gateway_addons.core.source import Address, ToldBy, TrustedProxies, forwarded_source, plain


@dataclass(frozen=True, slots=True)
class ObservedAddress:
    """What is known of where a call comes from, before anything is believed.

    `peer` is the TCP peer as the socket tells it. `source` is the peer again, or what a trusted balancer's PROXY header said;
    `told_by` says which. `forwarded` are the field values of the one header that `proxies` may write.
    """

    peer: str | None
    source: str | None
    told_by: ToldBy = "peer"
    proxies: TrustedProxies | None = None
    forwarded: tuple[str, ...] = ()


def observed_peer(peer: str | None) -> ObservedAddress:
    """The TCP peer and nothing else: no proxy is trusted, so `Forwarded` and `X-Forwarded-For` are not even read."""
    return ObservedAddress(peer, peer)


def address_facts(observed: ObservedAddress | str | None) -> AddressFacts:
    """The facts of control C2. A plain `str` is the TCP peer.

    `failure` is `absent`, or `malformed`: the peer's address is none, or a trusted proxy does not tell where the call comes
    from. An IPv4-mapped IPv6 address is told as IPv4, and a zone (`%eth0`) is left out.
    """
    if not isinstance(observed, ObservedAddress):
        observed = observed_peer(observed)
    if not observed.peer or not observed.source:
        return AddressFacts(source=None, peer=None, failure="absent", told_by=observed.told_by)
    try:
        address, told_by = _source(observed, _parsed(observed.source))
    except ValueError:
        return AddressFacts(source=None, peer=observed.peer, failure="malformed", told_by=observed.told_by)
    return AddressFacts(source=str(address), peer=observed.peer, failure=None, told_by=told_by)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Address:
    """Raises `ValueError`."""
    return plain(ip_address(text.partition("%")[0]))


def _source(observed: ObservedAddress, nearest: Address) -> tuple[Address, ToldBy]:
    """Raises `SourceRefused`, a `ValueError`."""
    proxies = observed.proxies
    if proxies is None or not proxies.trusts(nearest):
        return nearest, observed.told_by
    values: Sequence[str] = observed.forwarded
    told_by: ToldBy = "forwarded" if proxies.header == "forwarded" else "x_forwarded_for"
    return forwarded_source(nearest, values, proxies), told_by


