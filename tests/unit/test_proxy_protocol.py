"""The PROXY protocol's header: what is read, what is refused, and that nothing but a refusal comes out of any bytes."""

import contextlib
import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_addons.core.proxy_protocol import (
    MAX_V2_BYTES,
    SIGNATURE_V2,
    ProxyHeader,
    ProxyHeaderRefused,
    crc32c,
    read_v1,
    read_v2,
    v2_body_bytes,
)


def v2(body: bytes, command: int = 0x21, family: int = 0x11) -> tuple[bytes, bytes]:
    return SIGNATURE_V2 + bytes([command, family]) + struct.pack("!H", len(body)), body


FOUR = ip_address("192.0.2.7").packed + ip_address("192.0.2.1").packed + struct.pack("!HH", 4000, 443)
SIX = ip_address("2001:db8::7").packed + ip_address("2001:db8::1").packed + struct.pack("!HH", 4000, 443)


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!BH", kind, len(value)) + value


def with_checksum(body: bytes, wrong: int = 0) -> tuple[bytes, bytes]:
    head, whole = v2(body + tlv(3, bytes(4)))
    return head, whole[:-4] + struct.pack("!I", crc32c(head + whole) ^ wrong)


GOOD_V1 = [
    (b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 443\r\n", "192.0.2.7"), (b"PROXY TCP6 2001:db8::7 2001:db8::1 4000 443\r\n", "2001:db8::7"),
    (b"PROXY UNKNOWN\r\n", None), (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", None), (b"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0"),
]


@pytest.mark.parametrize(("line", "source"), GOOD_V1)
def test_version_1(line: bytes, source: str | None) -> None:
    header = read_v1(line)
    assert header.version == 1
    assert header.source == (ip_address(source) if source else None)


BAD_V1 = [
    b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 443\n", b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 443", b"PROXY  TCP4 192.0.2.7 192.0.2.1 4000 443\r\n",
    b"PROXY TCP4 192.0.2.07 192.0.2.1 4000 443\r\n", b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 65536\r\n", b"PROXY TCP4 192.0.2.7 192.0.2.1 04000 443\r\n",
    b"PROXY TCP4 2001:db8::7 2001:db8::1 4000 443\r\n", b"PROXY TCP6 192.0.2.7 192.0.2.1 4000 443\r\n", b"PROXY TCP4 192.0.2.7 4000 443\r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 -1 443\r\n", b"PROXY UDP4 192.0.2.7 192.0.2.1 4000 443\r\n", b"proxy TCP4 192.0.2.7 192.0.2.1 4000 443\r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 443 x\r\n", b"PROXY UNKNOWN " + b"x" * 100 + b"\r\n", b"PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n", b"",
]


@pytest.mark.parametrize("line", BAD_V1)
def test_version_1_refused(line: bytes) -> None:
    with pytest.raises(ProxyHeaderRefused):
        read_v1(line)


GOOD_V2 = {
    "IPv4": (v2(FOUR), "192.0.2.7"), "IPv6": (v2(SIX, family=0x21), "2001:db8::7"), "LOCAL": (v2(b"", 0x20, 0x00), None),
    "LOCAL with an address": (v2(FOUR, 0x20), None), "with TLVs": (v2(FOUR + tlv(2, b"a.example") + tlv(4, bytes(9))), "192.0.2.7"),
    "with a checksum": (with_checksum(FOUR), "192.0.2.7"), "with a checksum after another TLV": (with_checksum(FOUR + tlv(5, b"id")), "192.0.2.7"),
}


@pytest.mark.parametrize("row", list(GOOD_V2))
def test_version_2(row: str) -> None:
    (head, body), source = GOOD_V2[row]
    assert v2_body_bytes(head) == len(body)
    header = read_v2(head, body)
    assert header == ProxyHeader(2, ip_address(source) if source else None, 4000 if source else None)


BAD_V2 = {
    "version 1 in version 2": v2(FOUR, 0x11), "unknown command": v2(FOUR, 0x22), "UDP": v2(FOUR, family=0x12), "unix": v2(bytes(216), family=0x31),
    "no family": v2(b"", family=0x00), "addresses cut short": v2(FOUR[:-1]), "IPv6 of IPv4's length": v2(FOUR, family=0x21),
    "TLV cut short": v2(FOUR + b"\x02\x00"), "TLV beyond the end": v2(FOUR + b"\x02\x00\x05abcd"), "TLV of type 0": v2(FOUR + tlv(0, b"")),
    "wrong checksum": with_checksum(FOUR, wrong=1), "checksum of another length": v2(FOUR + tlv(3, b"abc")),
    "two checksums": v2(FOUR + tlv(3, bytes(4)) + tlv(3, bytes(4))), "longer than is read": v2(FOUR + tlv(2, bytes(MAX_V2_BYTES))),
    "shorter than announced": (v2(FOUR)[0], FOUR[:-2]), "another signature": (b"\0" + v2(FOUR)[0][1:], FOUR),
}


@pytest.mark.parametrize("row", list(BAD_V2))
def test_version_2_refused(row: str) -> None:
    with pytest.raises(ProxyHeaderRefused):
        read_v2(*BAD_V2[row])


def test_crc32c_is_castagnolis() -> None:
    """The check value of the catalogue, and RFC 3720 appendix B.4: 32 bytes of zeros."""
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA


@given(st.binary(max_size=120))
def test_any_line_is_read_or_refused(line: bytes) -> None:
    for candidate in (line, b"PROXY TCP4 " + line + b"\r\n", b"PROXY TCP6 " + line + b"\r\n"):
        with contextlib.suppress(ProxyHeaderRefused):
            read_v1(candidate)


@given(st.sampled_from([0x20, 0x21]), st.sampled_from([0x00, 0x11, 0x21, 0x12]), st.binary(max_size=200))
def test_any_body_is_read_or_refused(command: int, family: int, body: bytes) -> None:
    head, _ = v2(body, command, family)
    try:
        header = read_v2(head, body)
    except ProxyHeaderRefused:
        return
    assert (header.source is None) == (command == 0x20)


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), st.integers(0, 65535), st.integers(0, 65535))
def test_both_versions_say_the_same(source: object, to: object, port: int, to_port: int) -> None:
    line = f"PROXY TCP4 {source} {to} {port} {to_port}\r\n".encode()
    body = ip_address(str(source)).packed + ip_address(str(to)).packed + struct.pack("!HH", port, to_port)
    one, two = read_v1(line), read_v2(*v2(body))
    assert (one.source, one.source_port) == (two.source, two.source_port)
