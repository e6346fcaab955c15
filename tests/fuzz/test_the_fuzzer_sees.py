"""The fuzzer with a defect planted: each invariant that it looks at is seen broken, and kept as a case. Without one, nothing is found."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gateway_addons.addons import answer, backend_exchange, gate
from gateway_addons.addons.http_server import GateHttpServer
from gateway_addons.core import request_head
from gateway_addons.replay.case import read_folder
from tests.corpora.bending import post
from tests.fuzz import functions, gate_target
from tests.fuzz.__main__ import Fuzz
from tests.identity.forge import NOW
from tests.support.rig import FakeJournal

GOOD, BAD = post(), post(line="POST /x/../y HTTP/1.1")


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


def found(runner: asyncio.Runner, folder: Path, raws: list[bytes]) -> list[str]:
    """What the fuzzer says of these requests."""
    fuzz = Fuzz(folder / "work", 1, folder / "saved")
    runner.run(fuzz._gate.start(folder))
    try:
        fuzz._send(runner, raws)
    finally:
        runner.run(fuzz._gate.stop())
    return fuzz.failures


def often(forge: Callable[[Random], bool], chance: Random) -> None:
    for _ in range(60):
        forge(chance)


def kept(folder: Path) -> set[bytes]:
    return {case.raw for case in read_folder(folder / "saved")}


def test_nothing_is_found_without_a_defect(runner: asyncio.Runner, tmp_path: Path) -> None:
    assert found(runner, tmp_path, [GOOD, BAD, b"nonsense\r\n\r\n"]) == []
    assert kept(tmp_path) == set()


def test_a_call_that_nobody_announced(runner: asyncio.Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def forgets(self: FakeJournal, record: dict[str, Any]) -> None:
        del self, record

    monkeypatch.setattr(FakeJournal, "announce", forgets)
    assert "nobody announced" in found(runner, tmp_path, [GOOD, BAD])[0]
    assert GOOD in kept(tmp_path)


def test_a_call_that_was_announced_after_it_was_sent(runner: asyncio.Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def late(self: FakeJournal, record: dict[str, Any]) -> None:
        asyncio.get_running_loop().call_later(1.0, self.announced.append, record)

    monkeypatch.setattr(FakeJournal, "announce", late)
    assert "nobody announced" in found(runner, tmp_path, [GOOD])[0]


def test_a_refused_request_that_is_forwarded(runner: asyncio.Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hole itself: the gate lets a dot segment go on, and tells the backend another path."""
    address = backend_exchange.address_to_backend

    def cleaned(request: Any, *rest: Any, **more: Any) -> None:
        address(request, *rest, **more)
        request.path = request.path + "/x/.."

    monkeypatch.setattr(gate, "address_to_backend", cleaned)
    said = found(runner, tmp_path, [GOOD])
    assert "forwarded, but not what was sent" in said[0]
    assert kept(tmp_path) == {GOOD}


def test_a_body_that_is_not_what_was_sent(runner: asyncio.Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = backend_exchange.address_to_backend

    def padded(request: Any, *rest: Any, **more: Any) -> None:
        request.raw_content += b" "
        address(request, *rest, **more)

    monkeypatch.setattr(gate, "address_to_backend", padded)
    assert "forwarded, but not what was sent" in found(runner, tmp_path, [GOOD])[0]


def test_a_header_that_must_not_go_on(runner: asyncio.Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = backend_exchange.address_to_backend

    def leaky(request: Any, *rest: Any, **more: Any) -> None:
        address(request, *rest, **more)
        request.headers["X-Smuggled"] = "1"

    monkeypatch.setattr(gate, "address_to_backend", leaky)
    assert "x-smuggled" in found(runner, tmp_path, [GOOD])[0]


def test_an_answer_that_leaks(runner: asyncio.Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = answer.refusal

    def talkative(*given: Any) -> Any:
        response = refusal(*given)
        response.headers["Server"] = "x"
        return response

    monkeypatch.setattr(answer, "refusal", talkative)
    assert "something leaked" in found(runner, tmp_path, [BAD])[0]
    assert kept(tmp_path) == {BAD}


def test_a_request_without_an_end(runner: asyncio.Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_target, "TIMEOUT_S", 3.0)
    monkeypatch.setattr(GateHttpServer, "_tick", lambda self, _: None)
    assert "no end in time" in found(runner, tmp_path, [GOOD[:60]])[0]


def test_memory_that_grows(runner: asyncio.Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_target, "MAX_GROWTH_BYTES", -1)
    assert "memory grew" in found(runner, tmp_path, [BAD])[0]


def test_readers_that_read_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The functions that are fuzzed without a socket: a lenient reader, and a believer."""
    functions.one_text(b'{"a": 1}')
    monkeypatch.setattr(functions, "read_value", lambda text: json.loads(text) | {"b": 2})
    with pytest.raises(functions.Differs):
        functions.one_text(b'{"a": 1}')
    head = b"POST /a HTTP/1.1\r\nHost: x\r\n\r\n"
    assert functions.one_head(head)
    monkeypatch.setattr(functions, "read_head", lambda raw, **limits: request_head.read_head(raw.replace(b"/a", b"/b"), **limits))
    with pytest.raises(functions.Differs):
        functions.one_head(head)
    tokens, chance = functions.Tokens(tmp_path / "ring"), Random(1)
    believed = tokens._mint.verifier.verify(tokens._good, NOW)
    assert all(tokens.forged(chance) for _ in range(20))
    monkeypatch.setattr(tokens._mint.verifier, "verify", lambda token, now: believed)
    for forge in (tokens.one, tokens.forged):
        with pytest.raises(functions.Differs):
            often(forge, chance)


def test_certificates_that_are_taken_although_they_must_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificates, chance = functions.Certificates(tmp_path / "trust"), Random(1)
    assert {certificates.forged(chance) for _ in range(60)} == {True, False}
    monkeypatch.setattr(certificates._trust, "validate", lambda leaf, sent, now: None)
    with pytest.raises(functions.Differs):
        often(certificates.forged, chance)
