"""Reading the PROXY protocol's header off a connection, before the first byte of TLS."""

import asyncio
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.core.evidence.address import ObservedAddress, observed_peer
from gateway_addons.core.proxy_protocol import (
    HEAD_V2_BYTES,
    MAX_V1_BYTES,
    SIGNATURE_V2,
    ProxyHeader,
    ProxyHeaderRefused,
    read_v1,
    read_v2,
    v2_body_bytes,
)
from gateway_addons.core.source import Network, plain
from gateway_addons.settings.address import ProxyProtocol


@dataclass(frozen=True)
class Balancers:
    """Whose header is believed."""

    networks: tuple[Network, ...]
    required: bool
    serve_others: bool
    timeout_s: float


def balancers_of(settings: ProxyProtocol | None) -> Balancers | None:
    """None where no balancer stands in front."""
    if settings is None:
        return None
    return Balancers(settings.networks(), settings.header == "required", settings.direct == "serve", settings.timeout_s)


async def observe(reader: Any, peer: str | None, balancers: Balancers | None) -> tuple[Any, ObservedAddress]:
    """From where a connection comes, and the reader to go on with; `peer` is the TCP peer.

    Raises:
        ProxyHeaderRefused: the peer may not connect like this: a stranger beside the balancers, a balancer without a header
            or with a malformed one, or one that lets us wait.
    """
    if balancers is None:
        return reader, observed_peer(peer)
    if not _is_balancer(peer, balancers):
        if balancers.serve_others:
            return reader, observed_peer(peer)  # a header from here is no TLS, and the handshake refuses it
        raise ProxyHeaderRefused("not one of the balancers")
    try:
        async with asyncio.timeout(balancers.timeout_s):
            first = await reader.readexactly(len(SIGNATURE_V2))
            if not first.startswith((b"PROXY", SIGNATURE_V2)):
                if balancers.required:
                    raise ProxyHeaderRefused("a balancer without a header")
                return Replay(first, reader), observed_peer(peer)
            header = await _rest(reader, first)
    except (TimeoutError, EOFError, ConnectionError) as e:
        raise ProxyHeaderRefused("the header did not come whole in time") from e
    if header.source is None:
        return reader, observed_peer(peer)
    return reader, ObservedAddress(peer, str(header.source), "proxy_v1" if header.version == 1 else "proxy_v2")


async def _rest(reader: Any, first: bytes) -> ProxyHeader:
    if first == SIGNATURE_V2:
        head = first + await reader.readexactly(HEAD_V2_BYTES - len(first))
        return read_v2(head, await reader.readexactly(v2_body_bytes(head)))
    line = bytearray(first)
    while not line.endswith(b"\n"):
        if len(line) >= MAX_V1_BYTES:
            raise ProxyHeaderRefused("version 1: too long")
        line += await reader.readexactly(1)
    return read_v1(bytes(line))


def _is_balancer(peer: str | None, balancers: Balancers) -> bool:
    try:
        address = plain(ip_address((peer or "").partition("%")[0]))
    except ValueError:
        return False
    return any(address in network for network in balancers.networks)


class Replay:
    """A reader whose first bytes were read already."""

    def __init__(self, first: bytes, reader: Any) -> None:
        self._first, self._reader = first, reader

    async def read(self, size: int = -1) -> bytes:
        """The bytes that were read already, once, then those of the connection."""
        if self._first:
            first, self._first = self._first, b""
            return first
        data: bytes = await self._reader.read(size)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)
