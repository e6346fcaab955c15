"""The brake on a running gate: who fails too often waits, and nobody else does."""

import asyncio
import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway_addons.addons.brake import AddressBrake, SlowLanes
from gateway_addons.core.bounds import source_of
from gateway_addons.core.brake import Caller
from gateway_addons.core.errors import Refusal
from gateway_addons.settings.brake import Brake
from gateway_addons.settings.listener import Limits
from tests.support.rig import Rig, read_answer, request, running_rig

SLOW = Brake(failures_per_minute=1, burst=5, slow_handshakes=1, slow_queue=2)


def sha256(certificate: Path) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text().split("-----END")[0] + "-----END CERTIFICATE-----\n")).hexdigest()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def bad(path: str = "/infinoe/v1/ecritures/comptables") -> bytes:
    return request(path=path, without=("Authorization",), headers=(("Authorization", "Bearer bad.x.y"),))


def good(rig: Rig, identity: tuple[Path, Path]) -> bytes:
    return request(without=("Authorization",), headers=(("Authorization", f"Bearer bound.{sha256(identity[0])}.y"),))


async def as_(rig: Rig, identity: tuple[Path, Path], raw: bytes, timeout_s: float = 8) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, ssl=rig.client(identity), server_hostname="localhost")
    try:
        writer.write(raw)
        async with asyncio.timeout(timeout_s):
            return await read_answer(reader)
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("failing", [bad(), request(method="TRACE"), request(without=("X-Correlation-ID",)), request(path="/unknown")],
                         ids=["bad tokens", "bad form", "no correlation id", "unknown path"])
async def test_who_fails_too_often_waits_and_an_authenticated_neighbour_does_not(tmp_path: Path, failing: bytes) -> None:
    async with running_rig(tmp_path, brake=SLOW) as rig:
        neighbour = rig.authority.issue("voisin", unit="0002 13099990700012").write(rig.folder, "neighbour", rig.authority.me)
        answers = [await rig.send(failing) for _ in range(8)]
        assert [status(a) for a in answers[5:]] == [429] * 3
        assert 429 not in [status(a) for a in answers[:5]]
        assert b"INF-LIM-02" in answers[-1]
        assert b"\r\nRetry-After: " in answers[-1]
        asked = len(rig.policy.asked)
        assert status(await as_(rig, rig.good, good(rig, rig.good))) == 201, "the same certificate, authenticated"
        assert status(await as_(rig, neighbour, good(rig, neighbour))) == 201
        assert status(await as_(rig, neighbour, bad())) == 401, "another certificate at the same address has its own count"
        assert status(await as_(rig, rig.good, bad())) == 429, "a success frees nobody"
        assert len(rig.policy.asked) == asked + 3, "policy is not asked about who waits"
        assert rig.journal.records[-1]["codeErreur"] == "INF-LIM-02"


async def test_time_passes_and_he_is_free_again(tmp_path: Path) -> None:
    async with running_rig(tmp_path, brake=Brake(failures_per_minute=60, burst=2)) as rig:
        for _ in range(100):
            answer = await rig.send(bad())
            if status(answer) == 429:
                break
        wait_s = int(answer.split(b"Retry-After: ")[1].split(b"\r\n")[0])
        assert 1 <= wait_s <= 3
        await asyncio.sleep(wait_s)
        assert status(await rig.send(bad())) == 401


async def test_token_calls_of_who_waits_are_not_even_looked_at(tmp_path: Path) -> None:
    async with running_rig(tmp_path, brake=SLOW) as rig:
        for _ in range(6):
            await rig.send(bad())
        raw = b"POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1\r\n\r\nx"
        assert status(await rig.send(raw)) == 429


async def test_failed_handshakes_put_their_address_into_the_slow_lane_and_calls_go_on(tmp_path: Path) -> None:
    async with running_rig(tmp_path, brake=SLOW) as rig:
        for _ in range(8):
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                await as_(rig, rig.authority.issue("expire", end=datetime.now(UTC) - timedelta(days=1), begin=datetime.now(UTC) - timedelta(days=9)).write(rig.folder, "late", rig.authority.me), bad())
        brake = rig.gate._brake
        with pytest.raises(Refusal):
            brake.check_caller(Caller("127.0.0.1", None))
        assert status(await as_(rig, rig.good, good(rig, rig.good))) == 201, "slowly, but in"
        answers = await asyncio.gather(*(as_(rig, rig.good, good(rig, rig.good)) for _ in range(3)))
        assert [status(a) for a in answers] == [201] * 3
        assert len(brake._lanes) == 0
        assert brake._turns == {}


async def test_who_stalls_in_the_slow_lane_keeps_nobody_out(tmp_path: Path) -> None:
    """Each stalled handshake would hold its turn for the whole time that a handshake may take."""
    async with running_rig(tmp_path, brake=SLOW.model_copy(update={"slow_queue": 64}), limits=Limits(handshake_timeout_s=60)) as rig:
        brake = rig.gate._brake
        for _ in range(6):
            brake.answered(Caller("127.0.0.1", None), "INF-REQ-01", None)
        stalled = [await asyncio.open_connection("127.0.0.1", rig.port) for _ in range(6)]
        try:
            async with asyncio.timeout(30):
                assert status(await as_(rig, rig.good, good(rig, rig.good), timeout_s=30)) == 201
        finally:
            for _, writer in stalled:
                writer.transport.abort()


async def test_the_slow_lane_is_bounded_and_first_come_first_served() -> None:
    lanes = SlowLanes(at_once=1, queue=1)
    assert await lanes.enter("a", 1)
    second = asyncio.create_task(lanes.enter("a", 5))
    await asyncio.sleep(0)
    assert not await lanes.enter("a", 5), "the queue is full"
    assert await lanes.enter("b", 1), "another address has its own"
    lanes.leave("b")
    lanes.leave("a")
    assert await second
    assert not await lanes.enter("a", 0.01), "no turn in time"
    cancelled = asyncio.create_task(lanes.enter("a", 5))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)
    lanes.leave("a")
    assert len(lanes) == 0


async def test_exempt_networks_are_never_braked_and_workers_share(tmp_path: Path) -> None:
    async with running_rig(tmp_path, brake=SLOW.model_copy(update={"exempt": ("127.0.0.0/8",)})) as rig:
        assert {status(await rig.send(bad())) for _ in range(8)} == {401}


@pytest.mark.parametrize(("one", "other", "same"), [
    ("192.0.2.1", "192.0.2.2", False), ("2001:db8::1", "2001:db8::ffff:1", True), ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
    ("::ffff:192.0.2.1", "192.0.2.1", True),
])
def test_a_host_has_one_ipv4_address_or_a_64(one: str, other: str, same: bool) -> None:
    assert (source_of(one) == source_of(other)) is same


def test_each_of_two_workers_lets_half_through(tmp_path: Path) -> None:
    from prometheus_client import CollectorRegistry
    brake, caller = AddressBrake(Brake(burst=10), CollectorRegistry(), workers=2, clock=lambda: 0.0), Caller("192.0.2.1", None)
    for _ in range(5):
        brake.check_caller(caller)
        brake.answered(caller, "INF-REQ-01", None)
    with pytest.raises(Refusal):
        brake.check_caller(caller)
