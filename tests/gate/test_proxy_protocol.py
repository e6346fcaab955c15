"""A listener behind a balancer: the header comes from configured addresses only, and says where the call comes from (C2)."""

import asyncio
import struct
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from gateway_addons.core.proxy_protocol import SIGNATURE_V2
from gateway_addons.core.source import TrustedProxies
from gateway_addons.settings.address import ProxyProtocol
from tests.support.rig import Rig, read_answer, request, running_rig

V1 = b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 443\r\n"
V2 = (SIGNATURE_V2 + b"\x21\x11\x00\x0c" + ip_address("192.0.2.7").packed + ip_address("192.0.2.1").packed + struct.pack("!HH", 1, 2))
LOCAL = SIGNATURE_V2 + b"\x20\x00\x00\x00"
HERE, ELSEWHERE = ("127.0.0.0/8",), ("192.0.2.0/24",)


async def exchange(rig: Rig, first: bytes, raw: bytes | None = None) -> bytes:
    """Send these bytes in the clear, then speak TLS, as a balancer does; what came back, or nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    try:
        async with asyncio.timeout(8):
            writer.write(first)
            await writer.drain()
            await writer.start_tls(rig.client(rig.good), server_hostname="localhost")
            writer.write(raw or request())
            return await read_answer(reader)
    except (ConnectionError, OSError, EOFError):
        return b""
    finally:
        writer.transport.abort()


@pytest.mark.parametrize(("first", "source", "told_by"), [
    (V1, "192.0.2.7", "proxy_v1"), (V2, "192.0.2.7", "proxy_v2"), (LOCAL, "127.0.0.1", "peer"), (b"PROXY UNKNOWN\r\n", "127.0.0.1", "peer"),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 1 2\r\n", "2001:db8::7", "proxy_v1"), (b"PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n", "192.0.2.7", "proxy_v1"),
])
async def test_a_balancer_tells_where_a_call_comes_from(tmp_path: Path, first: bytes, source: str, told_by: str) -> None:
    async with running_rig(tmp_path, proxy_protocol=ProxyProtocol(trusted=HERE)) as rig:
        assert (await exchange(rig, first)).startswith(b"HTTP/1.1 201 ")
        facts = rig.policy.asked[0].address
        assert (facts.source, facts.peer, facts.told_by, facts.failure) == (source, "127.0.0.1", told_by, None)
        assert rig.journal.records[0]["ip"] == source


NOT_SERVED: dict[str, tuple[dict[str, Any], bytes]] = {
    "a balancer without a header": ({"trusted": HERE}, b""),
    "a malformed header": ({"trusted": HERE}, b"PROXY TCP4 192.0.2.7 192.0.2.1 4000\r\n"),
    "a version 2 header of another family": ({"trusted": HERE}, SIGNATURE_V2 + b"\x21\x31\x00\x00"),
    "a header that does not end": ({"trusted": HERE}, b"PROXY UNKNOWN " + b"x" * 200),
    "two headers": ({"trusted": HERE}, V1 + V1),
    "a stranger without a header": ({"trusted": ELSEWHERE}, b""),
    "a stranger with a header": ({"trusted": ELSEWHERE}, V1),
    "a stranger with a header, strangers served": ({"trusted": ELSEWHERE, "direct": "serve"}, V1),
    "a stranger with a header of version 2, strangers served": ({"trusted": ELSEWHERE, "direct": "serve"}, V2),
}


@pytest.mark.parametrize("row", list(NOT_SERVED))
async def test_not_served(tmp_path: Path, row: str) -> None:
    settings, first = NOT_SERVED[row]
    async with running_rig(tmp_path, proxy_protocol=ProxyProtocol(**settings)) as rig:
        assert await exchange(rig, first) == b""
        assert rig.policy.asked == []
        assert rig.journal.records == []


async def test_a_header_where_no_balancer_is_configured(rig: Rig) -> None:
    assert await exchange(rig, V1) == b""


async def test_served_without_a_header_where_it_is_optional_or_strangers_are_served(tmp_path: Path) -> None:
    for n, settings in enumerate(({"trusted": HERE, "header": "optional"}, {"trusted": ELSEWHERE, "direct": "serve"})):
        async with running_rig(tmp_path / str(n), proxy_protocol=ProxyProtocol.model_validate(settings)) as rig:
            assert (await exchange(rig, b"")).startswith(b"HTTP/1.1 201 ")
            assert rig.policy.asked[0].address.told_by == "peer"


async def test_a_balancer_that_lets_us_wait_is_left(tmp_path: Path) -> None:
    async with running_rig(tmp_path, proxy_protocol=ProxyProtocol(trusted=HERE, timeout_s=0.3)) as rig:
        for begun in (b"", b"PROXY TCP4 192", SIGNATURE_V2 + b"\x21\x11\x00\x0c123"):
            reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
            writer.write(begun)
            async with asyncio.timeout(8):
                try:
                    rest = await reader.read()
                except ConnectionError:
                    rest = b""
            assert rest == b""
            writer.close()


async def test_refused_connections_are_counted(tmp_path: Path) -> None:
    async with running_rig(tmp_path, proxy_protocol=ProxyProtocol(trusted=ELSEWHERE)) as rig:
        await exchange(rig, V1)
        assert rig.trace.registry.get_sample_value(
            "poterne_handshakes_total", {"environment": "production", "outcome": "proxy_refused"}) == 1


async def test_forwarded_only_from_a_trusted_proxy(tmp_path: Path) -> None:
    spoofed = request(headers=(("X-Forwarded-For", "198.51.100.1, 192.0.2.7"), ("Forwarded", "for=203.0.113.9")))
    for n, (networks, source, told_by) in enumerate(((HERE, "192.0.2.7", "x_forwarded_for"), (ELSEWHERE, "127.0.0.1", "peer"))):
        proxies = TrustedProxies(tuple(map(ip_network, networks)), "x-forwarded-for")
        async with running_rig(tmp_path / str(n), proxies=proxies) as rig:
            await rig.send(spoofed)
            facts = rig.policy.asked[0].address
            assert (facts.source, facts.peer, facts.told_by) == (source, "127.0.0.1", told_by)


async def test_a_trusted_proxy_that_does_not_tell_has_no_address(tmp_path: Path) -> None:
    proxies = TrustedProxies((ip_network("127.0.0.0/8"),), "forwarded")
    async with running_rig(tmp_path, proxies=proxies) as rig:
        for headers in ((), (("Forwarded", "for=unknown"),), (("X-Forwarded-For", "192.0.2.7"),)):
            await rig.send(request(headers=headers))
        assert {(e.address.source, e.address.failure) for e in rig.policy.asked} == {(None, "malformed")}
        assert len(rig.policy.asked) == 3


async def test_no_header_is_read_without_configuration(rig: Rig) -> None:
    await rig.send(request(headers=(("X-Forwarded-For", "192.0.2.7"), ("Forwarded", "for=192.0.2.7"))))
    assert rig.policy.asked[0].address.source == "127.0.0.1"
