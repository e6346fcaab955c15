"""Control C2: the address the call comes from (clause 4-C2)."""

from ipaddress import IPv6Address, ip_address

from gateway_addons.core.facts import AddressFacts


def address_facts(peer: str | None) -> AddressFacts:
    """The facts of control C2.

    `peer` is the TCP peer as the socket tells it, never a header: no proxy is trusted, so `Forwarded` and
    `X-Forwarded-For` are not even read.
    """
    if not peer:
        return AddressFacts(source=None, peer=None, failure="absent")
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return AddressFacts(source=None, peer=peer, failure="malformed")
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return AddressFacts(source=str(address.ipv4_mapped), peer=peer, failure=None)
    return AddressFacts(source=str(address), peer=peer, failure=None)
