"""The ways to flood: each is one connection's behaviour, repeated by many at once. `python -m benchmarks.floods NAME SECONDS`
attacks from a process of its own, so that the consumer's latency is not the attacker's.
"""

import asyncio
import contextlib
import json
import ssl
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.support.rig import LOT, read_answer, request


@dataclass(frozen=True, slots=True)
class Place:
    """Where the gateway is, and the client that calls it."""

    port: int
    tls: ssl.SSLContext
    certificate_sha256: str

    @classmethod
    def of(cls, told: dict[str, str]) -> "Place":
        """From what the gateway's process told."""
        context = ssl.create_default_context(cafile=told["authority"])
        context.load_cert_chain(told["certificate"], told["key"])
        leaf = x509.load_pem_x509_certificate(Path(told["certificate"]).read_bytes())
        return cls(int(told["port"]), context, leaf.fingerprint(hashes.SHA256()).hex())

    async def connect(self, source: str = "127.0.0.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A TLS connection from this address."""
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls, server_hostname="localhost",
                                             local_addr=(source, 0))


type Flood = Callable[[Place], Awaitable[None]]

ENTRY = {"libelle": "Achat de fournitures", "montant": "1500.00", "compte": "60641", "date": "2026-03-01", "piece": "P1"}
LARGE = json.dumps(LOT | {"ecritures": [{"identifiant": f"E{n}", **ENTRY} for n in range(50_000)]}).encode()


async def bare_connections(place: Place) -> None:
    """Connects by TCP and says nothing."""
    _, writer = await asyncio.open_connection("127.0.0.1", place.port)
    try:
        await asyncio.sleep(3)
    finally:
        writer.transport.abort()


async def handshakes(place: Place) -> None:
    """Handshakes and goes."""
    _, writer = await place.connect()
    writer.transport.abort()


async def slow_heads(place: Place) -> None:
    """Sends a head one byte at a time."""
    _, writer = await place.connect()
    try:
        for byte in request():
            writer.write(bytes((byte,)))
            await asyncio.sleep(0.5)
    finally:
        writer.transport.abort()


async def slow_bodies(place: Place) -> None:
    """Announces 30 MB and sends a byte at a time."""
    _, writer = await place.connect()
    try:
        writer.write(request(body=b"", without=("Content-Length",), headers=(("Content-Length", "30000000"),)))
        while True:
            writer.write(b" ")
            await asyncio.sleep(0.5)
    finally:
        writer.transport.abort()


async def endless_heads(place: Place) -> None:
    """Sends header lines without end."""
    _, writer = await place.connect()
    try:
        writer.write(b"POST / HTTP/1.1\r\n")
        for _ in range(1000):
            writer.write(b"X-A: " + b"a" * 1000 + b"\r\n")
            await writer.drain()
    finally:
        writer.transport.abort()


async def pipelining(place: Place) -> None:
    """Sends hundred requests at once, and reads their answers."""
    reader, writer = await place.connect()
    try:
        writer.write(request(path="/infinoe/v1/ecritures/comptables") * 100)
        for _ in range(100):
            await read_answer(reader)
    finally:
        writer.transport.abort()


async def unread_answers(place: Place) -> None:
    """Sends requests and takes no answer."""
    _, writer = await place.connect()
    try:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(200):
            writer.write(request() * 20)
            await writer.drain()
        await asyncio.sleep(5)
    finally:
        writer.transport.abort()


async def large_bodies(place: Place) -> None:
    """Sends a lot of 50,000 entries and reads its answer."""
    reader, writer = await place.connect()
    try:
        writer.write(request(body=LARGE))
        await writer.drain()
        await read_answer(reader)
    finally:
        writer.transport.abort()


async def deep_bodies(place: Place) -> None:
    """Sends 8 MB of what is costly to read."""
    reader, writer = await place.connect()
    try:
        writer.write(request(body=b'{"a":[' + b"[],{}," * 150_000 + b'{"a":"' + b'\\"' * 3_000_000 + b'"}]}'))
        await writer.drain()
        await read_answer(reader)
    finally:
        writer.transport.abort()


async def repeated(flood: Flood, place: Place, counts: dict[str, int]) -> None:
    """One attacker: the same again and again, whatever the gateway does about it."""
    while True:
        try:
            await flood(place)
            counts["done"] += 1
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            counts["cut off"] += 1
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.05)


FLOODS: dict[str, tuple[Flood, int]] = {
    "nothing (baseline)": (bare_connections, 0), "bare TCP connections": (bare_connections, 600),
    "TLS handshakes": (handshakes, 8),
    "slow heads": (slow_heads, 200), "slow bodies, 30 MB announced": (slow_bodies, 200), "endless heads": (endless_heads, 16),
    "pipelining": (pipelining, 8), "answers not taken": (unread_answers, 32), "lots of 50,000 entries": (large_bodies, 4),
    "bodies that are costly to read": (deep_bodies, 4),
}
"""Each way with the number of attackers at once."""


async def attack(name: str, seconds: float, place: Place) -> dict[str, int]:
    """All attackers of one flood, for so long."""
    flood, attackers = FLOODS[name]
    counts = {"done": 0, "cut off": 0}
    tasks = [asyncio.create_task(repeated(flood, place, counts)) for _ in range(attackers)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return counts


if __name__ == "__main__":
    told = json.loads(sys.argv[3])
    sys.stdout.write(json.dumps(asyncio.run(attack(sys.argv[1], float(sys.argv[2]), Place.of(told)))) + "\n")
