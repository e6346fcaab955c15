"""OPA's adapter: whatever is not a whole decision, in time, from the bundle it names, is no decision."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway_addons.adapters.policy.opa import OpaPolicy
from gateway_addons.adapters.policy.revision_floor import RevisionFloor
from gateway_addons.core.errors import PolicyUnavailable
from gateway_addons.core.evidence.certificate import ABSENT
from gateway_addons.core.facts import AddressFacts, CallFacts, Evidence, IdentifierFacts, IdentityFacts, RightsFacts
from tests.unit import test_decision

ONE = "r-00000001-0123456789abcdef"
ALLOWED = test_decision.ALLOWED | {"revision": ONE}

EVIDENCE = Evidence(
    datetime.now(UTC), "production", CallFacts("r", "c", "infinoe", "POST", "/x", "x", "comptable", "creer", "s"), ABSENT,
    AddressFacts("127.0.0.1", "127.0.0.1", None), IdentifierFacts(False, None, "absent"), IdentityFacts(False, False, "absent"),
    RightsFacts(True, False, "body_missing", 0, ()), ())


@asynccontextmanager
async def server(answer: bytes | None) -> AsyncIterator[str]:
    """A server that answers every question with these bytes, or never."""
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            if answer is None:
                await reader.read()
            else:
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()


def http(body: Any, status: str = "200 OK") -> bytes:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status.encode(), len(raw), raw)


GOOD = {"result": ALLOWED, "provenance": {"bundles": {"b": {"revision": ONE}}}}


@pytest.fixture
def floor(tmp_path: Path) -> RevisionFloor:
    return RevisionFloor(tmp_path / "highest")


async def decide(answer: bytes | None, floor: RevisionFloor, timeout_s: float = 1.0) -> Any:
    async with server(answer) as address:
        policy = OpaPolicy(address, timeout_s, floor)
        try:
            return await policy.decide(EVIDENCE)
        finally:
            await policy.close()


async def test_a_whole_decision(floor: RevisionFloor) -> None:
    assert (await decide(http(GOOD), floor)).allow is True
    assert floor.sequence == 1


async def test_a_decision_of_an_older_revision_than_one_seen_before_is_none(floor: RevisionFloor) -> None:
    floor.check("r-00000002-0123456789abcdef", 0)
    with pytest.raises(PolicyUnavailable, match="sequence 2 was already seen"):
        await decide(http(GOOD), floor)


BAD: dict[str, bytes] = {
    "500": http(GOOD, "500 Internal Server Error"), "404": http(GOOD, "404 Not Found"), "401": http(GOOD, "401 Unauthorized"),
    "204": b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", "redirect": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    "undefined": http({"provenance": GOOD["provenance"]}), "no JSON": http(b"{"), "a list": http([GOOD]), "true": http(True),
    "no provenance": http({"result": ALLOWED}), "of another revision": http(GOOD | {"provenance": {"bundles": {"b": {"revision": "r-00000002-0123456789abcdef"}}}}),
    "two bundles": http(GOOD | {"provenance": {"bundles": {"b": {"revision": ONE}, "c": {"revision": "r-00000002-0123456789abcdef"}}}}),
    "a refusal that says allow": http(GOOD | {"result": ALLOWED | {"reasons": [{"code": "900805", "control": "address", "clause": "x"}]}}),
    "closes": b"", "torn": http(GOOD)[:-10], "no HTTP": b"nonsense\r\n\r\n", "endless": http(b'"' + b"a" * (2 << 20) + b'"'),
}


@pytest.mark.parametrize("answer", [pytest.param(a, id=name) for name, a in BAD.items()])
async def test_anything_else_is_unavailable(answer: bytes, floor: RevisionFloor) -> None:
    with pytest.raises(PolicyUnavailable):
        await decide(answer, floor)
    assert floor.sequence == 0


async def test_silence_is_bounded(floor: RevisionFloor) -> None:
    start = time.monotonic()
    with pytest.raises(PolicyUnavailable):
        await decide(None, floor, timeout_s=0.3)
    assert time.monotonic() - start < 2


async def test_nobody_there(floor: RevisionFloor) -> None:
    for address in ("unix:///nowhere/opa.sock", "http://127.0.0.1:1"):
        policy = OpaPolicy(address, 0.5, floor)
        with pytest.raises(PolicyUnavailable):
            await policy.decide(EVIDENCE)
        with pytest.raises(PolicyUnavailable):
            await policy.healthy()
        await policy.close()


def test_a_question_has_all_that_was_observed() -> None:
    assert set(EVIDENCE.question()) == {"schema", *(field.name for field in fields(EVIDENCE))}


def test_calls_that_do_the_same_in_one_second_are_one_question() -> None:
    """What only names a call, and the fraction of its second, is not in what policy is asked; everything else is."""
    second = EVIDENCE.now.replace(microsecond=0)
    same = replace(EVIDENCE, now=second.replace(microsecond=999_999),
                   call=replace(EVIDENCE.call, request_id="another", correlation_id="another"))
    assert same.question() == replace(EVIDENCE, now=second).question()
    assert replace(EVIDENCE, now=second + timedelta(seconds=1)).question() != same.question()
    for field in ("api", "method", "path", "route", "flux", "operation", "scope"):
        assert replace(same, call=replace(same.call, **{field: "another"})).question() != same.question()
