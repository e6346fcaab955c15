"""Sends all cases, some at a time, and judges each."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress

from gateway_addons.replay.case import Case, fill, new_correlation_id
from gateway_addons.replay.judge import Column, Result, judge
from gateway_addons.replay.send import Target, send
from gateway_addons.replay.tap import Tap

AT_A_TIME = 8


async def replay(
    cases: Iterable[Case], target: Target, values: Mapping[str, bytes], tap: Tap | None, at_a_time: int = AT_A_TIME
) -> AsyncIterator[Result]:
    """The result of each case, in the order in which they end.

    Raises:
        CaseError: a placeholder without a value.
    """
    waiting, running = iter(cases), set[asyncio.Task[Result]]()
    try:
        while True:
            while len(running) < at_a_time and (case := next(waiting, None)) is not None:
                running.add(asyncio.create_task(replay_one(case, target, values, tap)))
            if not running:
                break
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
    finally:
        for task in running:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*running, return_exceptions=True)


async def replay_one(case: Case, target: Target, values: Mapping[str, bytes], tap: Tap | None) -> Result:
    """Send one case and judge what came of it."""
    correlation_id = new_correlation_id()
    pieces = fill(case.raw, {**values, "CORRELATION_ID": correlation_id.encode()})
    try:
        received = await send(target, pieces, max(1, case.expect.answers or 1))
    except OSError as e:
        return Result(case, Column.OTHERWISE, (f"no connection: {e}",), None, None, 0, None)
    forwarded = tap.take(correlation_id) if tap else None
    return judge(case, b"".join(p.data for p in pieces), received, forwarded)


def strays(tap: Tap) -> list[str]:
    """What the backend received that belongs to no case: it must be nothing."""
    return [call[:80].decode("latin-1") for call in (*tap.calls, *tap.unread)]


def counted(results: Iterable[Result]) -> dict[Column, int]:
    """How many cases are in each column."""
    counts = dict.fromkeys(Column, 0)
    for result in results:
        counts[result.column] += 1
    return counts


