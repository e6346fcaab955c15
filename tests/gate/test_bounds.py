"""What a client may take of the gateway is bounded: connections, time, bytes, and answers that are not taken."""

import asyncio
import base64
import contextlib
import gc
import hashlib
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL

from gateway_addons.addons import gate as gate_module
from gateway_addons.addons import http_server
from gateway_addons.core import answer_shape, strict_json
from gateway_addons.core.evidence import rights
from gateway_addons.settings.listener import Limits
from tests.gate.test_request_form import code_of
from tests.support.rig import LOT, ROOT, Rig, read_answer, request, running_rig

CHUNKED = (("Transfer-Encoding", "chunked"),)


async def ended(reader: asyncio.StreamReader, within_s: float = 8.0) -> bytes:
    """What comes until the gateway ends the connection."""
    async with asyncio.timeout(within_s):
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            return await reader.read()
    return b""


async def test_connections_from_one_address_are_bounded(tmp_path: Path) -> None:
    async with running_rig(tmp_path, limits=Limits(max_connections_per_address=2)) as rig:
        first, second = await rig.connect(), await rig.connect()
        with pytest.raises((ConnectionError, ssl.SSLError, asyncio.IncompleteReadError)):
            await rig.connect()
        first[1].transport.abort()
        async with asyncio.timeout(5):
            while rig.open_connections() > 1:
                await asyncio.sleep(0.01)
        assert (await rig.send(request())).startswith(b"HTTP/1.1 201 ")
        assert rig.master.connections.refused == 1
        second[1].transport.abort()


async def test_an_idle_connection_is_closed(tmp_path: Path) -> None:
    async with running_rig(tmp_path, limits=Limits(idle_timeout_s=1)) as rig:
        reader, writer = await rig.connect()
        assert await ended(reader, 6) == b""
        writer.close()
        reader, writer = await rig.connect()
        writer.write(request())
        async with asyncio.timeout(5):
            assert (await read_answer(reader)).startswith(b"HTTP/1.1 201 ")
        assert await ended(reader, 6) == b""
        writer.close()


async def test_a_connection_that_is_used_is_not_cut(rig: Rig) -> None:
    """The engine watches connections too, for 600 s of inactivity unless it is told otherwise."""
    rig.master.options.update(tcp_timeout=1)
    reader, writer = await rig.connect()
    async with asyncio.timeout(15):
        for _ in range(6):
            writer.write(request())
            assert (await read_answer(reader)).startswith(b"HTTP/1.1 201 ")
            await asyncio.sleep(0.4)
        assert await ended(reader) == b""
    writer.transport.abort()


async def test_a_head_over_the_bound_is_refused_although_it_is_whole(tmp_path: Path) -> None:
    """It comes in one piece, so that it is never seen incomplete."""
    async with running_rig(tmp_path, limits=Limits(max_head_bytes=1024)) as rig:
        assert code_of(await rig.send(request(headers=(("X-A", "a" * 1000),)))) == (431, "INF-REQ-06")
        assert (await rig.send(request())).startswith(b"HTTP/1.1 201 ")


async def test_a_slow_head_has_less_time_than_an_idle_connection(tmp_path: Path) -> None:
    async with running_rig(tmp_path, limits=Limits(head_timeout_s=1, idle_timeout_s=60)) as rig:
        reader, writer = await rig.connect()
        writer.write(b"POST / HTT")
        async with asyncio.timeout(15):
            assert code_of(await read_answer(reader)) == (408, "INF-REQ-11")
        writer.transport.abort()


async def test_the_memory_of_a_connection_that_ended_waits_for_no_collector(rig: Rig) -> None:
    """OpenSSL's part of it, which is most: a flood of connections would otherwise grow until cyclic garbage is looked for."""
    gc.collect()
    gc.disable()
    try:
        held = len(SSL.Connection._reverse_mapping)
        for _ in range(5):
            assert (await rig.send(request())).startswith(b"HTTP/1.1 201 ")
        async with asyncio.timeout(8):
            while rig.open_connections() or len(SSL.Connection._reverse_mapping) > held:
                await asyncio.sleep(0.02)
    finally:
        gc.enable()


async def test_large_bodies_and_answers_are_read_in_a_thread(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one is read, the event loop serves the others."""
    loop_thread, seen = threading.get_ident(), []
    for module, name in ((strict_json, "read_object"), (rights, "read_object"), (answer_shape, "read_object")):
        original = getattr(module, name)

        def noted(body: bytes, *rest: Any, original: Any = original) -> Any:
            seen.append((len(body) >= gate_module.LARGE_BODY_BYTES, threading.get_ident() == loop_thread))
            return original(body, *rest)

        monkeypatch.setattr(module, name, noted)
    padding = b" " * gate_module.LARGE_BODY_BYTES
    large = json.dumps(LOT).encode() + padding
    answer = b'{"accuse":{"numeroAccuse":"INF-1"}}' + padding
    rig.backend.answer = (b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer)) + answer
    assert (await rig.send(request(body=large))).startswith(b"HTTP/1.1 201 ")
    assert seen == [(True, False), (True, False)]


@pytest.mark.parametrize("bound", ["bytes", "time"])
async def test_what_comes_after_an_early_refusal_is_bounded(rig: Rig, bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is still sent is swallowed, so that the answer is not lost, but not for ever."""
    monkeypatch.setattr(http_server, "LINGER_BYTES", 100_000 if bound == "bytes" else 1 << 40)
    monkeypatch.setattr(http_server, "LINGER_S", 0.5 if bound == "time" else 3600)
    head = request("GET", body=b"", without=("Content-Length",), headers=(("Content-Length", "30000000"),))
    answer, cut = await asyncio.to_thread(_goes_on_sending, rig, head, b"x" * (10_000 if bound == "bytes" else 1))
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert cut


def _goes_on_sending(rig: Rig, head: bytes, more: bytes) -> tuple[bytes, bool]:
    """A client that sends on after close_notify, as asyncio's does not: what it was answered, and whether it was cut in time."""
    with socket.create_connection(("127.0.0.1", rig.port), timeout=15) as plain, rig.client(rig.good).wrap_socket(
            plain, server_hostname="localhost", suppress_ragged_eofs=True) as tls:
        tls.sendall(head)
        answer = tls.recv(65_536)
        end = time.monotonic() + 12
        while time.monotonic() < end:
            try:
                tls.sendall(more)
            except OSError:
                return answer, True
            time.sleep(0.02)
    return answer, False


async def test_a_call_in_flight_is_answered_before_the_gateway_leaves(tmp_path: Path) -> None:
    async with running_rig(tmp_path) as rig:
        rig.policy.delay_s = 0.5
        reader, writer = await rig.connect()
        writer.write(request())
        async with asyncio.timeout(8):
            while not rig.gate.in_flight():
                await asyncio.sleep(0.01)
            await rig.master.drain_and_stop(8)
            assert rig.gate.in_flight() == 0
            answer = await read_answer(reader)
        assert answer.startswith(b"HTTP/1.1 201 ")
        assert b"\r\nConnection: close\r\n" in answer
        assert [r["statut"] for r in rig.journal.records] == [201]
        writer.transport.abort()


async def test_bytes_pipelined_behind_a_call_are_bounded(tmp_path: Path) -> None:
    async with running_rig(tmp_path, limits=Limits(max_pipelined_bytes=100_000)) as rig:
        rig.policy.delay_s = 4
        reader, writer = await rig.connect()
        writer.write(request())
        await asyncio.sleep(0.3)
        for _ in range(20):
            writer.write(b"x" * 65_536)
        assert await ended(reader, 3) == b""  # before the call is decided
        writer.transport.abort()
        async with asyncio.timeout(8):
            while not rig.journal.records:
                await asyncio.sleep(0.05)
        assert rig.backend.received == []


async def test_pipelined_bytes_within_the_bound_are_kept(rig: Rig) -> None:
    reader, writer = await rig.connect()
    writer.write(request() * 20)
    async with asyncio.timeout(8):
        for _ in range(20):
            assert (await read_answer(reader)).startswith(b"HTTP/1.1 201 ")
    writer.transport.abort()
    assert len(rig.backend.received) == 20


async def test_a_chunked_body_over_the_limit_is_refused_while_it_comes(rig: Rig) -> None:
    reader, writer = await rig.connect()
    writer.write(request(body=b"", without=("Content-Length",), headers=CHUNKED))
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        for _ in range(33):  # 33 MiB, and the body goes on
            writer.write(chunk)
            await writer.drain()
    async with asyncio.timeout(10):
        assert code_of(await read_answer(reader)) == (413, "INF-REQ-07")
    writer.transport.abort()
    assert rig.backend.received == []


@pytest.mark.parametrize("body", [pytest.param(b'12\n{"a":"bcdefghijk"}\n0\n\n', id="line feeds alone"), b"2\n{}\r\n0\r\n\r\n", b"2;a=b\r\n{}\r\n0\r\n\r\n", b"2\r\n{}\n"])
async def test_a_chunk_of_another_grammar_is_refused_at_once(rig: Rig, body: bytes) -> None:
    answer = await rig.send(request(body=body, without=("Content-Length",), headers=CHUNKED), timeout_s=3)
    assert code_of(answer) == (400, "INF-REQ-01")
    assert rig.backend.received == []


async def test_bodies_of_all_connections_share_the_memory(tmp_path: Path) -> None:
    async with running_rig(tmp_path, limits=Limits(max_buffered_bytes=4_000_000)) as rig:
        half_sent = request(body=b" " * 1_500_000, without=("Content-Length",), headers=(("Content-Length", "1600000"),))
        _reader, writer = await rig.connect()
        writer.write(half_sent)
        async with asyncio.timeout(5):
            while rig.master.bodies.held_bytes < 1_500_000:
                await asyncio.sleep(0.01)
        # one source has half of the memory: what is announced over it is refused before it is read, with Retry-After
        answer = await rig.send(request(body=b"", without=("Content-Length",), headers=(("Content-Length", "600000"), ("Expect", "100-continue"))))
        assert code_of(answer) == (503, "INF-REQ-12")
        assert b"\r\nRetry-After: " in answer
        # what is not announced is refused when it comes
        chunk = b"80000\r\n" + b" " * 0x80000 + b"\r\n"
        answer = await rig.send(request(body=chunk + chunk, without=("Content-Length",), headers=CHUNKED))
        assert code_of(answer) == (503, "INF-REQ-12")
        # small calls go on
        assert (await rig.send(request())).startswith(b"HTTP/1.1 201 ")
        writer.transport.abort()
        async with asyncio.timeout(5):
            while rig.master.bodies.held_bytes:
                await asyncio.sleep(0.01)
        assert len(rig.backend.received) == 1


async def test_the_memory_of_a_body_is_given_back(rig: Rig) -> None:
    reader, writer = await rig.connect()
    for body in (None, b" " * 100_000, b"[" * 100_000):
        writer.write(request(body=body))
        async with asyncio.timeout(5):
            await read_answer(reader)
        await asyncio.sleep(0.05)
        assert rig.master.bodies.held_bytes == 0
    writer.transport.abort()


async def test_a_lot_of_50000_entries_is_decided_by_its_perimeters(rig: Rig) -> None:
    """Policy is asked about few perimeters, however many entries; the body goes on byte for byte, with its digest."""
    entries = [{"identifiant": f"E{n}", "libelle": "Achat", "exercice": 2025 + n % 2, "periode": f"{2025 + n % 2}-0{1 + n % 3}"} for n in range(50_000)]
    body = json.dumps(LOT | {"ecritures": entries}).encode()
    assert (await rig.send(request(body=body), timeout_s=30)).startswith(b"HTTP/1.1 201 ")
    rights = rig.policy.asked[0].rights
    assert (rights.entries, len(rights.perimeters)) == (50_000, 6)
    assert len(repr(rig.policy.asked[0])) < 10_000
    head, _, forwarded = rig.backend.received[0].partition(b"\r\n\r\n")
    assert forwarded == body
    assert b"Content-Digest: sha-256=:" + base64.b64encode(hashlib.sha256(body).digest()) + b":" in head


async def test_a_body_of_exactly_the_limit_goes_on(rig: Rig) -> None:
    body = json.dumps(LOT).encode().ljust(33_554_432)
    assert (await rig.send(request(body=body), timeout_s=60)).startswith(b"HTTP/1.1 201 ")
    assert rig.backend.received[0].endswith(body)
    assert rig.master.bodies.held_bytes == 0


async def test_a_client_that_does_not_take_its_answers_is_cut(tmp_path: Path) -> None:
    async with running_rig(tmp_path, limits=Limits(send_timeout_s=1, decision_timeout_s=60), answer_timeout_s=60) as rig:
        body = b'{"accuse":{"numeroAccuse":"INF-1"},"details":[' + b",".join([b'"' + b"x" * 500 + b'"'] * 1800) + b"]}"
        rig.backend.answer = (b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)) + body
        _reader, writer = await asyncio.open_connection(
            "127.0.0.1", rig.port, ssl=rig.client(rig.good), server_hostname="localhost", limit=1024)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(request() * 30)  # thirty answers of 1 MB, none of them taken
        async with asyncio.timeout(15):
            while len(rig.backend.received) < 2:
                await asyncio.sleep(0.05)
            while rig.open_connections():
                await asyncio.sleep(0.05)
        assert len(rig.backend.received) < 30
        writer.transport.abort()


@pytest.mark.parametrize("sent", [
    request(path="/nowhere"), request("GET"), request(path="/infinoe/v1/%2e"), request(body=b"{}"), b"GET / HTTP/1.1\r\n\r\n",
    request(headers=(("Upgrade", "x"),)), request(without=("X-Correlation-ID",))])
async def test_a_refused_call_makes_no_connection_to_the_backend(rig: Rig, sent: bytes) -> None:
    assert not (await rig.send(sent)).startswith(b"HTTP/1.1 2")
    assert rig.backend.connections == 0
    assert (await rig.send(request())).startswith(b"HTTP/1.1 201 ")
    assert rig.backend.connections == 1


@pytest.mark.parametrize("preface", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"])
async def test_an_http2_preface_is_refused(rig: Rig, preface: bytes) -> None:
    assert code_of(await rig.send(preface)) == (400, "INF-REQ-02")
    assert rig.backend.connections == 0


@pytest.mark.parametrize("host", ["mitm.it", "mitm.it.", "www.mitm.it", "169.254.169.254"])
async def test_the_engines_own_pages_are_not_served(rig: Rig, host: str) -> None:
    for path in ("/", "/cert/pem", "/mitmproxy-0.crl", "/infinoe/v1/etatSante"):
        answer = await rig.send(request("GET", path, b"", without=("Host", "Content-Length", "Content-Type"), headers=(("Host", host),)))
        assert code_of(answer) == (400, "INF-REQ-03" if path == "/" else "INF-REQ-04")


async def test_nothing_but_the_gates_own_parts_is_loaded(rig: Rig) -> None:
    """The list of the engine's own parts; a new part of the gate's does not change it."""
    chain = [type(a) for a in rig.master.addons.chain]
    assert [t.__name__ for t in chain if t.__module__.startswith("mitmproxy")] == ["Core", "Proxyserver", "ErrorCheck"]
    assert all(t.__module__.startswith("gateway_addons.addons.") for t in chain if not t.__module__.startswith("mitmproxy"))


class Streams:
    """An addon as somebody might add it: everything is to be streamed."""

    def requestheaders(self, flow: Any) -> None:
        flow.request.stream = True

    def responseheaders(self, flow: Any) -> None:
        flow.response.stream = True


async def test_an_addon_that_streams_opens_nothing(tmp_path: Path) -> None:
    """Neither a request before its verdict, nor an answer before its record."""
    async with running_rig(tmp_path, addons=(Streams(),)) as rig:
        rig.policy.failure = RuntimeError("planted")
        assert code_of(await rig.send(request(body=json.dumps(LOT | {"x": "y" * 200_000}).encode()))) == (503, "INF-GEN-01")
        assert rig.backend.connections == 0
        rig.policy.failure = None
        answer = await rig.send(request())
        assert code_of(answer) == (503, "INF-DEP-04")
        assert b"secret-banner" not in answer


async def test_the_engines_streaming_option_changes_nothing(rig: Rig) -> None:
    rig.master.options.update(stream_large_bodies="1")
    rig.policy.failure = RuntimeError("planted")
    assert code_of(await rig.send(request())) == (503, "INF-GEN-01")
    assert rig.backend.connections == 0
    rig.policy.failure = None
    answer = await rig.send(request())
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert b"secret-banner" not in answer


KEY_LOG = """
import asyncio, ssl, sys, pathlib
from tests.support.rig import running_rig, request, read_answer

async def main():
    async with running_rig(pathlib.Path(sys.argv[1])) as rig:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # writes no keys by itself
        context.load_verify_locations(str(rig.server_ca))
        context.load_cert_chain(*map(str, rig.good))
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, ssl=context, server_hostname="localhost")
        writer.write(request())
        print((await read_answer(reader)).split()[1].decode())
        writer.transport.abort()

asyncio.run(main())
"""


def test_no_session_key_is_written_whatever_the_environment_says(tmp_path: Path) -> None:
    logs = {name: str(tmp_path / name) for name in ("SSLKEYLOGFILE", "MITMPROXY_SSLKEYLOGFILE")}
    done = subprocess.run([sys.executable, "-c", KEY_LOG, str(tmp_path)], capture_output=True, text=True, timeout=60, cwd=ROOT,
                          env={**os.environ, **logs}, check=False)
    assert done.stdout.splitlines()[-1:] == ["201"], done.stderr
    written = [line for name in logs if (tmp_path / name).exists() for line in (tmp_path / name).read_text().splitlines()]
    assert [line for line in written if line and not line.startswith("#")] == []  # a library may open the file with a comment


async def test_nothing_is_read_while_much_waits_to_be_sent(rig: Rig) -> None:
    """From neither side: what a client does not take would otherwise grow with what it and the backend send on."""
    body = b'{"accuse":{"numeroAccuse":"INF-1"},"details":[' + b",".join([b'"' + b"x" * 500 + b'"'] * 1800) + b"]}"
    rig.backend.answer = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    reader, writer = await rig.connect()
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(request() * 15)  # fifteen answers of 1 MB
    (handler,) = rig.master.addons.get("proxyserver").connections.values()

    def reading() -> list[bool]:
        return [io.writer.transport.is_reading() for io in handler.transports.values() if io.writer is not None]

    async with asyncio.timeout(15):
        while True in reading() or len(reading()) < 2:
            await asyncio.sleep(0.02)
        assert len(rig.backend.received) < 15
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        for _ in range(15):
            assert (await read_answer(reader)).startswith(b"HTTP/1.1 201 ")
        while reading() != [True, True]:
            await asyncio.sleep(0.02)
    writer.transport.abort()
