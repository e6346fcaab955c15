"""The PROXY protocol's header, versions 1 and 2, read strictly (haproxy's `proxy-protocol.txt`, 2020/03/05).

Only what a balancer in front of a TLS listener sends is read: TCP over IPv4 or IPv6, or no address at all. Everything else
is refused, because a header that two readers understand differently is a forged address.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal

SIGNATURE_V2 = b"\r\n\r\n\x00\r\nQUIT\n"
"""Section 2.2. Version 1 begins with `PROXY`; both are told apart by their first bytes."""

HEAD_V2_BYTES = 16
MAX_V1_BYTES = 107
"""Section 2.1, with its CRLF."""

MAX_V2_BYTES = 2048
"""Of addresses and TLVs; the standard's 65535 is far more than any balancer sends."""

_ADDRESS_BYTES = {0x11: 12, 0x21: 36}
_CRC32C = 0x03
_V1 = re.compile(rb"PROXY (TCP4|TCP6) ([0-9A-Fa-f:.]{2,39}) ([0-9A-Fa-f:.]{2,39}) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})\r\n")
_V1_UNKNOWN = re.compile(rb"PROXY UNKNOWN[ -~]*\r\n")


class ProxyHeaderRefused(ValueError):
    """The bytes are no well-formed header of the PROXY protocol."""


@dataclass(frozen=True)
class ProxyHeader:
    """What a header says: `source` is None when it names no client (LOCAL, UNKNOWN): the balancer speaks for itself."""

    version: Literal[1, 2]
    source: IPv4Address | IPv6Address | None
    source_port: int | None = None


def read_v1(line: bytes) -> ProxyHeader:
    """A whole line of version 1, CRLF included.

    Raises:
        ProxyHeaderRefused: too long, of another form, or its address is not of its family.
    """
    if len(line) > MAX_V1_BYTES:
        raise ProxyHeaderRefused("version 1: too long")
    if _V1_UNKNOWN.fullmatch(line):
        return ProxyHeader(1, None)
    parts = _V1.fullmatch(line)
    if parts is None:
        raise ProxyHeaderRefused("version 1: malformed")
    kind = IPv4Address if parts[1] == b"TCP4" else IPv6Address
    source, _ = (_address(text.decode("ascii"), kind) for text in (parts[2], parts[3]))
    ports = int(parts[4]), int(parts[5])
    if max(ports) > 0xFFFF:
        raise ProxyHeaderRefused("version 1: a port above 65535")
    return ProxyHeader(1, source, ports[0])


def _address(text: str, kind: type[IPv4Address] | type[IPv6Address]) -> IPv4Address | IPv6Address:
    try:
        address = ip_address(text)
    except ValueError as e:
        raise ProxyHeaderRefused("version 1: not an address") from e
    if not isinstance(address, kind):
        raise ProxyHeaderRefused("version 1: an address of the other family")
    return address


def v2_body_bytes(head: bytes) -> int:
    """How many bytes follow the sixteen of a version 2 head.

    Raises:
        ProxyHeaderRefused: not the signature, not version 2, an unknown command, or more than `MAX_V2_BYTES`.
    """
    if len(head) != HEAD_V2_BYTES or not head.startswith(SIGNATURE_V2):
        raise ProxyHeaderRefused("version 2: not its signature")
    if head[12] not in {0x20, 0x21}:
        raise ProxyHeaderRefused("version 2: unknown version or command")
    size = int.from_bytes(head[14:16])
    if size > MAX_V2_BYTES:
        raise ProxyHeaderRefused(f"version 2: {size} bytes, at most {MAX_V2_BYTES}")
    return size


def read_v2(head: bytes, body: bytes) -> ProxyHeader:
    """A whole header of version 2; `body` is what `v2_body_bytes` announced.

    Raises:
        ProxyHeaderRefused: another family or transport, TLVs that do not fill the rest, or a CRC32c that differs.
    """
    if len(body) != v2_body_bytes(head):
        raise ProxyHeaderRefused("version 2: not as long as announced")
    family, is_local = head[13], head[12] == 0x20
    if family not in _ADDRESS_BYTES and not (is_local and family == 0):
        raise ProxyHeaderRefused("version 2: not TCP over IPv4 or IPv6")
    size = _ADDRESS_BYTES.get(family, 0)
    if len(body) < size:
        raise ProxyHeaderRefused("version 2: addresses cut short")
    _check_tlvs(head, body, size)
    if is_local:
        return ProxyHeader(2, None)
    length = 4 if family == 0x11 else 16
    port = struct.unpack_from("!H", body, 2 * length)[0]
    return ProxyHeader(2, ip_address(body[:length]), port)


def _check_tlvs(head: bytes, body: bytes, start: int) -> None:
    found = list(_tlvs(body, start))
    checksums = [(at, value) for kind, at, value in found if kind == _CRC32C]
    if len(checksums) > 1:
        raise ProxyHeaderRefused("version 2: two checksums")
    for at, value in checksums:
        whole = head + body[:at] + bytes(4) + body[at + 4:]
        if len(value) != 4 or int.from_bytes(value) != crc32c(whole):
            raise ProxyHeaderRefused("version 2: its checksum differs")


def _tlvs(body: bytes, at: int) -> Iterator[tuple[int, int, bytes]]:
    """(type, where its value begins, value) of each, up to the very end of the header (section 2.2)."""
    while at < len(body):
        if at + 3 > len(body):
            raise ProxyHeaderRefused("version 2: a TLV cut short")
        kind, size = struct.unpack_from("!BH", body, at)
        at += 3
        if at + size > len(body):
            raise ProxyHeaderRefused("version 2: a TLV that reaches beyond the header")
        if kind == 0:
            raise ProxyHeaderRefused("version 2: a TLV of type 0")
        yield kind, at, body[at:at + size]
        at += size


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE = _crc_table()


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli), RFC 3720 appendix B.4."""
    value = 0xFFFFFFFF
    for byte in data:
        value = (value >> 8) ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF
