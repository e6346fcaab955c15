"""Whatever fails, the backend sees nothing and the caller gets a clear refusal in bounded time."""

import asyncio
import contextlib
import json
import ssl
import time
from pathlib import Path
from typing import Any

import pytest

from gateway_addons.addons import flow_facts
from gateway_addons.addons import gate as gate_module
from gateway_addons.addons.session import ADMITTED
from gateway_addons.core.errors import JournalUnavailable, PolicyUnavailable, QuotaUnavailable, RegisterUnavailable
from gateway_addons.settings.listener import Limits
from tests.gate.test_request_form import code_of
from tests.support.rig import LOT, Rig, read_answer, request, running_rig

FAILING_PORTS: list[tuple[str, str, str, BaseException, str]] = [
    ("OPA away", "policy", "failure", PolicyUnavailable("x"), "INF-DEP-01"),
    ("policy raises", "policy", "failure", RuntimeError("x"), "INF-GEN-01"),
    ("Redis away", "quota", "failure", QuotaUnavailable("x"), "INF-DEP-02"),
    ("quota raises", "quota", "failure", KeyError("x"), "INF-GEN-01"),
    ("switches never read", "switches", "failure", RegisterUnavailable("x"), "INF-DEP-06"),
    ("switches raise", "switches", "failure", TypeError("x"), "INF-GEN-01"),
    ("journal cannot announce", "journal", "announce_failure", JournalUnavailable("x"), "INF-INT-01"),
    ("announce raises", "journal", "announce_failure", ZeroDivisionError(), "INF-GEN-01"),
]


@pytest.mark.parametrize(("port", "field", "failure", "code"), [pytest.param(*row[1:], id=row[0]) for row in FAILING_PORTS])
async def test_a_port_that_fails_refuses(rig: Rig, port: str, field: str, failure: BaseException, code: str) -> None:
    setattr(getattr(rig, port), field, failure)
    assert code_of(await rig.send(request())) == (503, code)
    assert rig.backend.received == []
    assert [r["transmis"] for r in rig.journal.records] == [False]


@pytest.mark.parametrize("hook", ["requestheaders", "request"])
@pytest.mark.parametrize("step", ["first", "last"])
async def test_an_exception_in_a_hook_before_the_backend_refuses(
    rig: Rig, hook: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: Any, **__: Any) -> Any:
        raise RuntimeError("planted")

    places = {("requestheaders", "first"): (flow_facts, "session_of"), ("requestheaders", "last"): (flow_facts, "call_facts"),
              ("request", "first"): (flow_facts, "call_input"), ("request", "last"): (gate_module, "Admission")}
    owner, name = places[hook, step]
    monkeypatch.setattr(owner, name, explode)
    assert code_of(await rig.send(request())) == (503, "INF-GEN-01")
    assert rig.backend.received == []


@pytest.mark.parametrize("hook", ["requestheaders", "request", "response", "error"])
async def test_a_hook_that_is_gone_refuses(rig: Rig, hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even without the gate's hook (unloaded, broken at import), no call goes through without the gate's mark."""
    async def nothing(*_: Any) -> None:
        raise RuntimeError("planted outside of every protection")

    monkeypatch.setattr(type(rig.gate), hook, nothing)
    if hook == "error":
        await rig.stop_backend()
    answer = await rig.send(request())
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"INF-GEN-0" in answer
    assert b"secret-banner" not in answer
    assert len(rig.backend.received) == (1 if hook == "response" else 0)


@pytest.mark.parametrize("mark", [True, "admitted", object(), 1])
async def test_only_the_gates_own_mark_admits(rig: Rig, mark: object, monkeypatch: pytest.MonkeyPatch) -> None:
    async def forge(_: Any, flow: Any) -> None:
        flow.response = None
        flow.metadata[ADMITTED] = mark

    monkeypatch.setattr(type(rig.gate), "request", forge)
    answer = await rig.send(request())
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert rig.backend.received == []


async def test_a_failure_after_the_backend_says_that_the_outcome_is_unknown(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: Any) -> Any:
        raise RuntimeError("planted")

    monkeypatch.setattr(gate_module, "read_backend_answer", explode)
    assert code_of(await rig.send(request())) == (503, "INF-GEN-02")
    assert len(rig.backend.received) == 1
    assert [(r["transmis"], r["codeErreur"], r["statut"]) for r in rig.journal.records] == [(True, "INF-GEN-02", 503)]


async def test_a_record_that_cannot_be_written_is_no_silent_success(rig: Rig) -> None:
    rig.journal.conclude_failure = JournalUnavailable("disk full")
    assert code_of(await rig.send(request())) == (503, "INF-GEN-02")
    assert len(rig.journal.announced) == 1


async def test_backend_away(rig: Rig) -> None:
    await rig.stop_backend()
    assert code_of(await rig.send(request())) == (503, "INF-DEP-03")
    assert [(r["statut"], r["codeErreur"]) for r in rig.journal.records] == [(503, "INF-DEP-03")]


def _answer(body: bytes, more: bytes = b"", status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n" % (status, more, len(body)) + body


BAD_ANSWERS = {
    "no HTTP": b"nonsense\r\n\r\n",
    "closes at once": b"",
    "500 with a stack trace": b"HTTP/1.1 500 X\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nTraceback",
    "HTML": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
    "JSON that is none": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{",
    "a list": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]",
    "switches protocols": b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "too large, announced": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2000000\r\n\r\n{",
    "too large, chunked": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                          + (b"10000\r\n" + b" " * 0x10000 + b"\r\n") * 20 + b"0\r\n\r\n",
    "stored data": _answer(b'{"ecritures":[{"identifiant":"A1","montant":"1500.00"}]}'),
    "stored data in a receipt": _answer(b'{"accuse":{"numeroAccuse":"INF-1","lignes":[{"compte":"515"}]}}'),
    "stored data in a long text": _answer(b'{"message":"' + b"x" * 2000 + b'"}'),
    "stored data in texts of an array": _answer(b'{"details":["' + b"x" * 2000 + b'"]}'),
    "a key twice": _answer(b'{"message":"a","message":"b"}'),
    "not UTF-8": _answer(b'{"message":"\xe9"}'),
    "compressed": _answer(b"{}", b"Content-Encoding: gzip\r\n"),
    "redirects": _answer(b"{}", b"Location: http://evil.example/\r\n", b"302 Found"),
    "partial": _answer(b"{}", status=b"206 Partial Content"),
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "an unknown status": _answer(b"{}", status=b"299 X"),
    "an ETag of control characters": _answer(b"{}", b'ETag: "a\x01"\r\n'),
    "an endless header": b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 3_000_000 + b"\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    "two framings": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("answer", [pytest.param(a, id=name) for name, a in BAD_ANSWERS.items()])
async def test_what_the_backend_answers_badly_is_not_passed_on(rig: Rig, answer: bytes) -> None:
    rig.backend.answer = answer
    status, code = code_of(await rig.send(request()))
    assert status == 503
    assert code in {"INF-DEP-04", "INF-GEN-02"}
    assert [(r["statut"], r["codeErreur"]) for r in rig.journal.records] == [(status, code)]


async def test_bytes_behind_an_answer_are_no_second_answer(rig: Rig) -> None:
    """Response splitting: what the backend sends beyond its answer never becomes the answer to the next call."""
    rig.backend.answer = _answer(b'{"message":"one"}', status=b"201 Created") + _answer(b'{"message":"forged"}')
    reader, writer = await rig.connect()
    for _ in range(2):
        writer.write(request())
        async with asyncio.timeout(5):
            answer = await read_answer(reader)
        assert b"forged" not in answer
        if not answer.startswith(b"HTTP/1.1 201 "):
            break
    writer.transport.abort()


async def test_interim_answers_of_the_backend_stay_inside(rig: Rig) -> None:
    rig.backend.answer = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + _answer(b'{"message":"one"}')
    answer = await rig.send(request())
    assert b"Early Hints" not in answer
    assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 503 "))


async def test_hop_by_hop_headers_of_the_backend_stay_inside(rig: Rig) -> None:
    more = b"Connection: close, X-A\r\nX-A: b\r\nKeep-Alive: x\r\nSet-Cookie: a=b\r\nVia: x\r\nServer: secret\r\nAllow: GET\r\n"
    rig.backend.answer = _answer(b'{"message":"one"}', more)
    head = (await rig.send(request())).partition(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"http/1.1 200 ok\r\n")
    for name in (b"x-a", b"keep-alive", b"set-cookie", b"via", b"server", b"connection"):
        assert b"\r\n" + name + b":" not in head
    assert b"\r\nallow: get" in head


async def test_backend_silent_is_bounded(tmp_path: Path) -> None:
    async with running_rig(tmp_path, limits=Limits(decision_timeout_s=0.5), answer_timeout_s=0.5) as rig:
        rig.backend.silent = True
        start = time.monotonic()
        assert code_of(await rig.send(request())) == (503, "INF-DEP-04")
        assert time.monotonic() - start < 5
        assert [r["transmis"] for r in rig.journal.records] == [True]


async def test_policy_that_hangs_is_bounded(tmp_path: Path) -> None:
    async with running_rig(tmp_path, limits=Limits(decision_timeout_s=0.3)) as rig:
        rig.policy.delay_s = 30
        assert code_of(await rig.send(request())) == (503, "INF-GEN-01")
        assert rig.backend.received == []


async def test_backend_401_is_no_answer_for_the_caller(rig: Rig) -> None:
    rig.backend.answer = b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    assert code_of(await rig.send(request())) == (503, "INF-DEP-03")


async def test_slow_head_ends_in_time(tmp_path: Path) -> None:
    async with running_rig(tmp_path, limits=Limits(head_timeout_s=1, idle_timeout_s=1)) as rig:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", rig.port, ssl=rig.client(rig.good), server_hostname="localhost")
        writer.write(b"POST / HTT")
        async with asyncio.timeout(6):
            assert code_of(await read_answer(reader)) == (408, "INF-REQ-11")
        writer.transport.abort()


async def test_slow_body_ends_in_time(tmp_path: Path) -> None:
    async with running_rig(tmp_path, limits=Limits(body_timeout_s=1)) as rig:
        assert code_of(await rig.send(request(without=("Content-Length",), headers=(("Content-Length", "9999"),)))) == (
            408, "INF-REQ-11")
        assert rig.backend.received == []


async def test_early_refusal_reads_no_body_and_asks_for_none(rig: Rig) -> None:
    head = request("GET", body=b"", without=("Content-Length",), headers=(("Content-Length", "1000"), ("Expect", "100-continue")))
    answer = await rig.send(head)
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nConnection: close\r\n" in answer


async def test_expected_continue_is_answered_when_the_head_is_good(rig: Rig) -> None:
    body = b'{"organisme":{"siret":"1"}}'
    head = request(body=b"", without=("Content-Length",), headers=(("Content-Length", str(len(body))), ("Expect", "100-continue")))
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, ssl=rig.client(rig.good), server_hostname="localhost")
    writer.write(head)
    async with asyncio.timeout(5):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(body)
        assert code_of(await read_answer(reader)) == (400, "4000")
    writer.transport.abort()


async def test_plaintext_is_not_served(rig: Rig) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    writer.write(request())
    async with asyncio.timeout(5):
        answer = await reader.read()
    assert not answer.startswith(b"HTTP/")
    assert rig.journal.records == []
    writer.close()


@pytest.mark.parametrize("path", ["/infinoe/v1/ecritures/comptables", "/nowhere"])
async def test_connection_close_is_honoured(rig: Rig, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, ssl=rig.client(rig.good), server_hostname="localhost")
    writer.write(request(path=path, headers=(("Connection", "close"),)))
    async with asyncio.timeout(3):
        answer = await reader.read()
    assert answer.lower().count(b"\r\nconnection: close\r\n") == 1
    writer.close()


async def test_keep_alive_goes_on(rig: Rig) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, ssl=rig.client(rig.good), server_hostname="localhost")
    for _ in range(3):
        writer.write(request())
        async with asyncio.timeout(3):
            answer = await read_answer(reader)
        assert answer.startswith(b"HTTP/1.1 201 ")
        assert b"connection: close" not in answer.lower()
    writer.transport.abort()


async def test_head_gets_no_body(rig: Rig) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, ssl=rig.client(rig.good), server_hostname="localhost")
    writer.write(request("HEAD", body=b""))
    async with asyncio.timeout(3):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert answer.endswith(b"\r\n\r\n")
    writer.close()


async def test_pipelined_requests_are_answered_in_turn(rig: Rig) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, ssl=rig.client(rig.good), server_hostname="localhost")
    writer.write(request() + request(path="/nowhere"))
    async with asyncio.timeout(5):
        assert (await read_answer(reader)).startswith(b"HTTP/1.1 201 ")
        assert (await read_answer(reader)).startswith(b"HTTP/1.1 404 ")
    writer.transport.abort()
    assert len(rig.backend.received) == 1


async def test_a_large_body_right_behind_the_handshake_is_taken(rig: Rig) -> None:
    """The request's first bytes may come in the very segment that ends the handshake."""
    body = json.dumps(LOT | {"ecritures": [{"identifiant": str(n), "libelle": "x" * 200} for n in range(3000)]}).encode()
    for _ in range(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, ssl=rig.client(rig.good), server_hostname="localhost")
        writer.write(request(body=body))
        async with asyncio.timeout(10):
            assert (await read_answer(reader)).startswith(b"HTTP/1.1 201 ")
        writer.transport.abort()


async def test_refused_in_the_middle_of_an_upload_the_connection_ends(tmp_path: Path) -> None:
    """Whatever the client goes on sending, the connection is answered once and closed, and nothing stays behind."""
    async with running_rig(tmp_path) as rig:
        for _ in range(10):
            reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, ssl=rig.client(rig.good), server_hostname="localhost")
            writer.write(request("GET", body=b"x" * 3_000_000))
            async with asyncio.timeout(15):
                assert (await read_answer(reader)).startswith(b"HTTP/1.1 405 ")
                with contextlib.suppress(ConnectionError, ssl.SSLError):
                    await reader.read()
            writer.transport.abort()
        async with asyncio.timeout(10):
            while rig.open_connections():
                await asyncio.sleep(0.05)
