"""11-b: a call during maintenance is answered 503 INF-MNT-01, and Retry-After says when the slot ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway_addons.core.decision import Decision
from gateway_addons.core.facts import rfc3339
from tests.support.rig import CONTROLS, Rig, request

REFUSED: dict[str, Any] = {
    "allow": False, "controls": dict.fromkeys(CONTROLS, "pass") | {"contract": "fail"}, "contract": "C", "quota": None,
    "assertion": None, "obligations": [], "revision": "r-test"}


def told(code: str, ends_in: timedelta | None) -> Decision:
    end = rfc3339(datetime.now(UTC) + ends_in) if ends_in else None
    return Decision.model_validate(REFUSED | {
        "retry_at": end, "reasons": [{"code": code, "control": "contract", "clause": "11-b"}]})


@pytest.mark.parametrize(("code", "ends_in", "least", "most"), [
    ("INF-MNT-01", timedelta(minutes=30), 1700, 1801), ("INF-MNT-01", timedelta(milliseconds=1), 1, 1),
    ("INF-MNT-01", timedelta(seconds=-5), 1, 1)])
async def test_retry_after_is_the_end_of_the_slot(
        rig: Rig, monkeypatch: pytest.MonkeyPatch, code: str, ends_in: timedelta, least: int, most: int) -> None:
    async def decide(_: Any) -> Decision:
        return told(code, ends_in)

    monkeypatch.setattr(rig.policy, "decide", decide)
    head = (await rig.send(request())).partition(b"\r\n\r\n")[0].decode()
    assert head.startswith("HTTP/1.1 503")
    after = next(line for line in head.splitlines() if line.lower().startswith("retry-after:"))
    assert least <= int(after.partition(":")[2]) <= most
    assert rig.backend.received == []


@pytest.mark.parametrize(("code", "ends_in"), [("INF-MNT-01", None), ("700700", timedelta(minutes=30))])
async def test_no_other_refusal_promises_a_time(
        rig: Rig, monkeypatch: pytest.MonkeyPatch, code: str, ends_in: timedelta | None) -> None:
    async def decide(_: Any) -> Decision:
        return told(code, ends_in)

    monkeypatch.setattr(rig.policy, "decide", decide)
    head = (await rig.send(request())).partition(b"\r\n\r\n")[0]
    assert b"retry-after" not in head.lower()
