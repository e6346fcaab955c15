"""Where a call comes from, when the TCP peer is a balancer or a proxy of ours: whose word counts, and up to where.

A header is the word of whoever wrote it. Each proxy appends the address it was called from, so the entries are believed
from the right, as long as the one who wrote them is trusted: the source is the rightmost address that is not a trusted proxy.
Everything further left is the caller's own invention (RFC 7239 section 8.1).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network

ToldBy = Literal["peer", "proxy_v1", "proxy_v2", "forwarded", "x_forwarded_for"]
MAX_ENTRIES = 16
MAX_BYTES = 2048

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110 section 5.6.2
_PAIR = re.compile(rf'({_TOKEN})=({_TOKEN}|"(?:[\t !#-\[\]-~]|\\[\t -~])*")')
_NODE = re.compile(r"(?:(?P<v4>[0-9.]{7,15})|\[(?P<v6>[0-9A-Fa-f:.]{2,45})\])(?::(?P<port>[0-9]{1,5}))?")
_BARE_V6 = re.compile(r"[0-9A-Fa-f:.]{2,45}")


class SourceRefused(ValueError):
    """What a trusted proxy passed on does not say where the call comes from."""


@dataclass(frozen=True)
class TrustedProxies:
    """The HTTP proxies whose `header` is believed, and none but that one header."""

    networks: tuple[Network, ...]
    header: Literal["forwarded", "x-forwarded-for"]

    def trusts(self, address: Address) -> bool:
        """Is this one of ours?"""
        return any(address in network for network in self.networks)


def plain(address: Address) -> Address:
    """An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) as the IPv4 address it is. 6to4, Teredo and NAT64 addresses stay
    what they are: the address in them is not the one that called.
    """
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def forwarded_source(peer: Address, values: Sequence[str], proxies: TrustedProxies) -> Address:
    """The rightmost address that is not a trusted proxy; `peer` itself when it is none of ours.

    `values` are the header's field values, in order. When every entry is one of ours, the leftmost is the source.

    Raises:
        SourceRefused: a trusted proxy sent no such header, more of it than is read, or an entry, at or right of the source,
            that is not an address (obfuscated and `unknown` nodes too).
    """
    if not proxies.trusts(peer):
        return peer
    if sum(map(len, values)) > MAX_BYTES:
        raise SourceRefused("the header is too long")
    read = _forwarded_entries if proxies.header == "forwarded" else _comma_entries
    entries = [entry for value in values for entry in read(value)]
    if not entries:
        raise SourceRefused("a trusted proxy did not say whom it speaks for")
    if len(entries) > MAX_ENTRIES:
        raise SourceRefused("too many entries")
    node = _forwarded_node if proxies.header == "forwarded" else _x_forwarded_node
    for entry in reversed(entries):
        address = plain(node(entry))
        if not proxies.trusts(address):
            return address
    return address


def _comma_entries(value: str) -> list[str]:
    return [entry.strip(" \t") for entry in value.split(",")] if value.strip(" \t") else []


def _forwarded_entries(value: str) -> list[str]:
    """The elements of RFC 7239 section 4, split at commas that are not within quotes."""
    entries, begin, quoted, escaped = [], 0, False, False
    for at, character in enumerate(value):
        if escaped:
            escaped = False
        elif quoted and character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            entries.append(value[begin:at].strip(" \t"))
            begin = at + 1
    entries.append(value[begin:].strip(" \t"))
    return entries if value.strip(" \t") else []


def _forwarded_node(element: str) -> Address:
    """The `for` of one element: strict in form, no parameter twice."""
    found: dict[str, str] = {}
    at = 0
    while True:
        pair = _PAIR.match(element, at)
        if pair is None or pair[1].lower() in found:
            raise SourceRefused("Forwarded: malformed, or a parameter twice")
        found[pair[1].lower()] = re.sub(r"\\(.)", r"\1", pair[2][1:-1]) if pair[2].startswith('"') else pair[2]
        at = pair.end()
        if at == len(element):
            break
        if element[at] != ";":
            raise SourceRefused("Forwarded: malformed")
        at += 1
    if "for" not in found:
        raise SourceRefused("Forwarded: an element without for")
    return _node(found["for"])


def _x_forwarded_node(entry: str) -> Address:
    if _BARE_V6.fullmatch(entry) and ":" in entry and entry.count(":") > 1:
        return _address(entry)
    return _node(entry)


def _node(text: str) -> Address:
    node = _NODE.fullmatch(text)
    if node is None or int(node["port"] or 0) > 0xFFFF:
        raise SourceRefused("an entry that is no address")
    address = _address(node["v4"] or node["v6"])
    if isinstance(address, IPv6Address) != bool(node["v6"]):
        raise SourceRefused("an entry that is no address")
    return address


def _address(text: str) -> Address:
    try:
        return ip_address(text)
    except ValueError as e:
        raise SourceRefused("an entry that is no address") from e
