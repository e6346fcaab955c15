"""A decision is kept for its second: the same question of the same revision is asked once; nothing else is remembered."""

import asyncio
import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway_addons.adapters.policy import kept_decisions
from gateway_addons.adapters.policy.kept_decisions import KeptDecisions, RevisionInForce
from gateway_addons.adapters.policy.revision_floor import RevisionFloor
from gateway_addons.adapters.policy.revision_store import Active, RevisionStore, active_file
from gateway_addons.core.decision import Decision, read_decision
from gateway_addons.core.errors import PolicyUnavailable
from tests.unit import test_decision
from tests.unit.test_opa import EVIDENCE

SECOND = datetime(2026, 11, 24, 8, 0, 0, tzinfo=UTC)
CALL = replace(EVIDENCE, now=SECOND.replace(microsecond=120_000))


def revision(number: int) -> str:
    return f"r-{number:08}-0123456789abcdef"


class Engine:
    """Policy as a function of revision and question: it tells both in its decision. `serves` is what it has taken."""

    def __init__(self, folder: Path) -> None:
        self.store = RevisionStore(folder)
        self.floor = RevisionFloor(folder / "highest")
        self.serves = 1
        self.offer(1)
        self.asked: list[dict[str, Any]] = []
        self.fails = False
        self.pause = 0

    def offer(self, number: int) -> None:
        self.store.offer(Active(revision(number), "2026-11-24T08:00:00Z", "a", "b"))

    async def ask(self, question: bytes) -> Decision:
        asked = json.loads(question)["input"]
        self.asked.append(asked)
        for _ in range(self.pause):
            await asyncio.sleep(0)
        if self.fails:
            raise PolicyUnavailable("OPA does not answer")
        floor, name = self.floor.sequence, revision(self.serves)
        for _ in range(self.pause):
            await asyncio.sleep(0)
        self.floor.check(name, floor)
        told = f"{asked['now']} {asked['call']['path']}"
        return read_decision(Decision, test_decision.ALLOWED | {"revision": name, "contract": told})

    def in_force(self) -> RevisionInForce:
        return RevisionInForce(active_file(self.store.folder), self.floor)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path)


@pytest.fixture
def kept(engine: Engine) -> KeptDecisions:
    return KeptDecisions(engine.ask, engine.in_force(), clock=lambda: SECOND.timestamp() + 0.12)


async def test_the_same_question_is_asked_once_in_its_second(kept: KeptDecisions, engine: Engine) -> None:
    decisions = [await kept.decide(replace(CALL, now=CALL.now + timedelta(milliseconds=80 * n))) for n in range(10)]
    assert len(engine.asked) == 1
    assert {id(d) for d in decisions} == {id(decisions[0])}
    assert kept.answered.kept == 9
    kept.close()


async def test_another_question_is_asked(kept: KeptDecisions, engine: Engine) -> None:
    await kept.decide(CALL)
    others = [replace(CALL, now=CALL.now + timedelta(seconds=1)), replace(CALL, call=replace(CALL.call, path="/y")),
              replace(CALL, environment="sandbox"), replace(CALL, certificate=replace(CALL.certificate, failure="revoked")),
              replace(CALL, identity=replace(CALL.identity, failure="revoked"))]
    for number, other in enumerate(others, 2):
        await kept.decide(other)
        assert len(engine.asked) == number
    kept.close()


async def test_once_another_revision_is_offered_no_kept_decision_is_used(kept: KeptDecisions, engine: Engine) -> None:
    await kept.decide(CALL)
    engine.offer(2)
    assert (await kept.decide(CALL)).revision == revision(1), "OPA has not taken it yet, and was asked"
    assert (await kept.decide(CALL)).revision == revision(1)
    assert len(engine.asked) == 3
    engine.serves = 2
    assert (await kept.decide(CALL)).revision == revision(2)
    assert (await kept.decide(CALL)).revision == revision(2)
    assert len(engine.asked) == 4
    kept.close()


async def test_an_older_revision_that_is_offered_again_decides_nothing(kept: KeptDecisions, engine: Engine) -> None:
    """As `RevisionFloor` has it for answers of OPA."""
    await kept.decide(CALL)
    engine.floor.check(revision(2), 0)
    with pytest.raises(PolicyUnavailable, match="sequence 2"):
        await kept.decide(CALL)
    kept.close()


@pytest.mark.parametrize("damage", ["gone", "empty", "other"])
async def test_where_the_offer_cannot_be_read_every_call_is_asked(kept: KeptDecisions, engine: Engine, damage: str) -> None:
    await kept.decide(CALL)
    file = active_file(engine.store.folder)
    if damage == "gone":
        file.unlink()
    else:
        file.write_text("" if damage == "empty" else '{"revision": "r-1"}')
    for number in range(2, 5):
        await kept.decide(CALL)
        assert len(engine.asked) == number
    engine.offer(1)
    await kept.decide(CALL)
    assert len(engine.asked) == 4
    kept.close()


async def test_a_failure_is_not_kept(kept: KeptDecisions, engine: Engine) -> None:
    engine.fails = True
    for number in range(1, 4):
        with pytest.raises(PolicyUnavailable):
            await kept.decide(CALL)
        assert len(engine.asked) == number
    engine.fails = False
    assert (await kept.decide(CALL)).allow is True
    kept.close()


async def test_what_is_forgotten_is_asked_again(kept: KeptDecisions, engine: Engine) -> None:
    await kept.decide(CALL)
    kept.forget()
    await kept.decide(CALL)
    assert len(engine.asked) == 2
    kept.close()


async def test_memory_is_bounded(kept: KeptDecisions, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_decisions, "MAX_KEPT", 3)
    calls = [replace(CALL, call=replace(CALL.call, path=f"/{n}")) for n in range(4)]
    long = replace(CALL, call=replace(CALL.call, path="/" + "x" * kept_decisions.MAX_QUESTION_BYTES))
    for call in (*calls, long, *calls, long):
        await kept.decide(call)
    assert len(engine.asked) == 5 + 2, "three are kept; the fourth and the long one are asked each time"
    kept.close()


class Clock:
    """A wall clock that stands until it is told to go on; who sleeps wakes when it has come so far."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = SECOND.timestamp() + 0.1
        self.sleepers: list[tuple[float, asyncio.Future[None]]] = []
        monkeypatch.setattr("gateway_addons.adapters.policy.kept_decisions.asyncio.sleep", self.sleep)

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.at + seconds, future))
        await future

    async def to(self, second: float) -> None:
        """Let the clock go on to so many seconds after `SECOND`."""
        await turns()
        end = SECOND.timestamp() + second
        while due := sorted((at for at, f in self.sleepers if not f.done() and at <= end)):
            self.at = due[0]
            for at, future in self.sleepers:
                if at == due[0] and not future.done():
                    future.set_result(None)
            await turns()
        self.at = end
        await turns()


async def turns() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(30):
        over = loop.create_future()
        loop.call_soon(over.set_result, None)
        await over


async def test_what_is_still_asked_is_asked_ahead_for_the_next_second(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    kept = KeptDecisions(engine.ask, engine.in_force(), clock=lambda: clock.at)
    once = replace(CALL, call=replace(CALL.call, path="/once"))
    await kept.decide(once)
    for _ in range(3):
        await kept.decide(CALL)
    await clock.to(0.74)
    assert len(engine.asked) == 2
    await clock.to(0.8)
    assert [(a["now"][:19], a["call"]["path"]) for a in engine.asked[2:]] == [("2026-11-24T08:00:01", "/x")]
    next_second = replace(CALL, now=CALL.now + timedelta(seconds=1))
    await clock.to(1.3)
    decision = await kept.decide(next_second)
    assert (len(engine.asked), decision.contract) == (3, "2026-11-24T08:00:01.000000Z /x"), "the decision is that second's own"
    await clock.to(2.3)
    assert len(engine.asked) == 4, "it was used, and so asked ahead again"
    await clock.to(5.3)
    assert len(engine.asked) == 4, "nobody asks it any more"
    await kept.decide(replace(CALL, now=SECOND + timedelta(seconds=5.3)))
    assert len(engine.asked) == 5
    kept.close()


async def test_a_failure_ahead_is_nobodys_and_the_call_asks_itself(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    kept = KeptDecisions(engine.ask, engine.in_force(), clock=lambda: clock.at)
    for _ in range(2):
        await kept.decide(CALL)
    engine.fails = True
    await clock.to(0.9)
    assert len(engine.asked) == 2
    await clock.to(1.1)
    with pytest.raises(PolicyUnavailable):
        await kept.decide(replace(CALL, now=CALL.now + timedelta(seconds=1)))
    kept.close()


async def test_a_full_store_and_a_clock_that_was_set_back_are_got_over(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the task that drops what has passed was ended by a fault."""
    monkeypatch.setattr(kept_decisions, "MAX_KEPT", 2)
    clock = Clock(monkeypatch)
    kept = KeptDecisions(engine.ask, engine.in_force(), clock=lambda: clock.at)
    later = SECOND + timedelta(hours=1)
    for path in ("/a", "/b"):
        await kept.decide(replace(CALL, now=later, call=replace(CALL.call, path=path)))
    assert kept._going_ahead is not None
    kept._going_ahead.cancel()
    await turns()
    await kept.decide(CALL)
    await clock.to(1.2)
    now = replace(CALL, now=SECOND + timedelta(seconds=1))
    await kept.decide(now)
    asked = len(engine.asked)
    await kept.decide(now)
    assert len(engine.asked) == asked, "there is room again"
    kept.close()


async def test_a_revision_offered_after_a_question_ahead_counts(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    kept = KeptDecisions(engine.ask, engine.in_force(), clock=lambda: clock.at)
    for _ in range(2):
        await kept.decide(CALL)
    await clock.to(0.9)
    engine.offer(2)
    engine.serves = 2
    await clock.to(1.1)
    assert (await kept.decide(replace(CALL, now=CALL.now + timedelta(seconds=1)))).revision == revision(2)
    kept.close()


@pytest.mark.parametrize("seed", range(30))
async def test_every_decision_is_the_calls_own_by_a_revision_that_was_in_force_after_it_came(engine: Engine, seed: int) -> None:
    """Calls come, revisions are offered and taken, at random moments.

    Asked each time, a call may be decided by what OPA served at any moment since the call came. A kept decision must be
    one of those, too.
    """
    dice = random.Random(seed)
    engine.pause = 2
    served = [1]  # what OPA has served, in order
    kept = KeptDecisions(engine.ask, engine.in_force(), clock=lambda: SECOND.timestamp() + 0.1)
    done = 0

    async def call() -> None:
        nonlocal done
        for _ in range(dice.randrange(60)):
            await asyncio.sleep(0)
        own = replace(CALL, now=SECOND + timedelta(seconds=dice.randrange(2)), call=replace(CALL.call, path=f"/{dice.randrange(3)}"))
        before = len(served) - 1
        decision = await kept.decide(own)
        assert decision.contract == f"{own.now:%Y-%m-%dT%H:%M:%S}.000000Z {own.call.path}"
        assert decision.revision in {revision(n) for n in served[before:]}
        done += 1

    async def operator() -> None:
        for number in range(2, 8):
            for _ in range(dice.randrange(12)):
                await asyncio.sleep(0)
            engine.offer(number)
            for _ in range(dice.randrange(6)):
                await asyncio.sleep(0)
            engine.serves = number
            served.append(number)

    await asyncio.gather(operator(), *(call() for _ in range(300)))
    assert done == 300
    assert kept.answered.kept > 60
    assert len(engine.asked) < 240
    kept.close()
