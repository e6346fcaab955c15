"""One question for all who wait: never an answer to a question that had left before they came, never one call's end for another's."""

import asyncio
import random
from collections import Counter

import pytest

from gateway_addons.adapters.policy.shared_questions import SharedQuestions
from gateway_addons.core.errors import PolicyUnavailable


class Engine:
    """Numbers the questions as they leave; each answer is its number, and comes when it is let."""

    def __init__(self) -> None:
        self.left: list[bytes] = []
        self.in_air: list[asyncio.Future[int]] = []

    async def ask(self, question: bytes) -> int:
        self.left.append(question)
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.in_air.append(future)
        return await future

    def answer(self, number: int) -> None:
        self.in_air[number - 1].set_result(number)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def begin(shared: SharedQuestions[int], question: bytes = b"q") -> asyncio.Task[int]:
    return asyncio.create_task(shared.ask(question))


async def test_who_comes_meanwhile_shares_the_next_question() -> None:
    engine = Engine()
    shared = SharedQuestions(engine.ask)
    first = begin(shared)
    await settled()
    others = [begin(shared) for _ in range(5)]
    await settled()
    assert engine.left == [b"q"]
    engine.answer(1)
    await settled()
    late = begin(shared)
    await settled()
    assert (first.result(), engine.left) == (1, [b"q", b"q"])
    engine.answer(2)
    await settled()
    assert [task.result() for task in others] == [2] * 5
    assert not late.done(), "the second question had left when it came"
    engine.answer(3)
    assert await late == 3
    again = begin(shared)
    await settled()
    engine.answer(4)
    assert await again == 4, "nothing is remembered"


async def test_another_question_waits_for_nobody() -> None:
    engine = Engine()
    shared = SharedQuestions(engine.ask)
    one, other = begin(shared, b"a"), begin(shared, b"b")
    await settled()
    assert engine.left == [b"a", b"b"]
    engine.answer(2)
    assert await other == 2
    assert not one.done()
    engine.answer(1)
    assert await one == 1


async def test_a_failure_is_told_to_those_who_share_it_and_to_nobody_else() -> None:
    engine = Engine()
    shared = SharedQuestions(engine.ask)
    first = begin(shared)
    await settled()
    others = [begin(shared) for _ in range(3)]
    await settled()
    engine.in_air[0].set_exception(PolicyUnavailable("one"))
    await settled()
    with pytest.raises(PolicyUnavailable, match="one"):
        await first
    late = begin(shared)
    await settled()
    engine.in_air[1].set_exception(PolicyUnavailable("two"))
    for task in others:
        with pytest.raises(PolicyUnavailable, match="two"):
            await task
    await settled()
    engine.answer(3)
    assert await late == 3


async def test_a_call_that_is_given_up_takes_nobody_with_it() -> None:
    engine = Engine()
    shared = SharedQuestions(engine.ask)
    leader = begin(shared)
    await settled()
    given_up, stays = begin(shared), begin(shared)
    await settled()
    leader.cancel()
    given_up.cancel()
    await settled()
    assert len(engine.left) == 2, "those who wait are asked for although the first one is gone"
    engine.answer(2)
    assert await stays == 2
    assert leader.cancelled()
    assert given_up.cancelled()


async def test_a_question_that_nobody_waits_for_any_more_is_not_put() -> None:
    engine = Engine()
    shared = SharedQuestions(engine.ask)
    first = begin(shared)
    await settled()
    second = begin(shared)
    await settled()
    second.cancel()
    await settled()
    engine.answer(1)
    await first
    await settled()
    assert len(engine.left) == 1


@pytest.mark.parametrize("seed", range(20))
async def test_every_answer_is_to_its_own_question_put_after_the_call_came(seed: int) -> None:
    """Calls come, are given up and fail at random moments."""
    dice = random.Random(seed)
    left: Counter[bytes] = Counter()

    async def ask(question: bytes) -> tuple[bytes, int]:
        left[question] += 1
        number = left[question]
        for _ in range(dice.randrange(4)):
            await asyncio.sleep(0)
        if dice.random() < 0.2:
            raise PolicyUnavailable("at random")
        return question, number

    shared = SharedQuestions(ask)

    async def call(question: bytes) -> str:
        for _ in range(dice.randrange(30)):
            await asyncio.sleep(0)
        before = left[question]
        try:
            asked, number = await shared.ask(question)
        except PolicyUnavailable:
            return "failed"
        assert asked == question
        assert number > before
        return "answered"

    tasks = [asyncio.create_task(call(dice.choice((b"a", b"b", b"c")))) for _ in range(200)]
    for task in dice.sample(tasks, 20):
        for _ in range(dice.randrange(3)):
            await asyncio.sleep(0)
        task.cancel()
    ends = Counter(str(e) if isinstance(e := end, str) else type(end).__name__ for end in await asyncio.gather(*tasks, return_exceptions=True))
    assert ends.keys() <= {"answered", "failed", "CancelledError"}
    assert ends["answered"] > 50
    assert sum(left.values()) < 200
