"""A decision is kept for the second that it was asked for, and no longer (docs/adr/0042-a-decision-is-kept-for-its-second.md).

What policy is asked holds everything that it may look at: the second, and all facts of that moment. Policy is a function of
the question and the revision, so the same question gets the same decision from the same revision, whenever it is asked.
A kept decision is used only while its revision is the one that is offered to OPA: OPA takes no other before that.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway_addons.adapters.policy.revision_floor import RevisionFloor
from gateway_addons.adapters.policy.revision_store import StoreError, read_active
from gateway_addons.adapters.policy.shared_questions import question_of
from gateway_addons.core.decision import Decision
from gateway_addons.core.errors import PolicyUnavailable
from gateway_addons.core.facts import Evidence

MAX_KEPT = 1024
MAX_QUESTION_BYTES = 4096
"""With these two a worker keeps a few MiB at most."""

MAX_AHEAD = 64
AHEAD_S = 0.25
"""How long before a second ends the next one is asked for."""


class RevisionInForce:
    """Which revision may decide: the one that the store offers to OPA, unless a newer one was seen."""

    def __init__(self, offered: Path, floor: RevisionFloor) -> None:
        """`offered` is the store's `active.json`, which is replaced whole before OPA is given another bundle."""
        self._file, self._floor = offered, floor
        self._mark: tuple[int, int, int] | None = None
        self._name: str | None = None

    def is_now(self, revision: str) -> bool:
        """Is it this one? Looks at the file at each question; where it cannot be read, no revision is."""
        try:
            seen = self._file.stat()
        except OSError:
            return False
        mark = (seen.st_ino, seen.st_mtime_ns, seen.st_size)
        if mark != self._mark:
            self._name, self._mark = self._read(), mark
        return revision == self._name and self._floor.is_highest(revision)

    def _read(self) -> str | None:
        try:
            return read_active(self._file).revision
        except StoreError:
            return None


@dataclass(slots=True)
class _Kept:
    second: datetime
    evidence: Evidence
    decision: Decision
    used: bool = False


@dataclass(slots=True)
class Answered:
    """How many calls were answered with a kept decision, and how many questions were put ahead of their second."""

    kept: int = 0
    ahead: int = 0


class KeptDecisions:
    """Asks `ask`, and keeps what it answers."""

    def __init__(self, ask: Callable[[bytes], Awaitable[Decision]], in_force: RevisionInForce,
                 clock: Callable[[], float] = time.time) -> None:
        self._ask, self._in_force, self._clock = ask, in_force, clock
        self._kept: dict[bytes, _Kept] = {}
        self._going_ahead: asyncio.Task[None] | None = None
        self.answered = Answered()

    async def decide(self, evidence: Evidence) -> Decision:
        """The decision on this call. Raises what `ask` raises."""
        question = question_of(evidence.question())
        kept = self._kept.get(question)
        if kept is not None and self._in_force.is_now(kept.decision.revision):
            kept.used = True
            self.answered.kept += 1
            return kept.decision
        decision = await self._ask(question)
        self._keep(question, evidence, decision)
        return decision

    def forget(self) -> None:
        """Keep nothing of what was asked before now: OPA may be gone."""
        self._kept.clear()

    def close(self) -> None:
        """Ask for nothing ahead any more."""
        self.forget()
        if self._going_ahead is not None:
            self._going_ahead.cancel()

    def _keep(self, question: bytes, evidence: Evidence, decision: Decision) -> None:
        if self._going_ahead is None or self._going_ahead.done():
            self._going_ahead = asyncio.get_running_loop().create_task(self._go_ahead())
        if len(question) <= MAX_QUESTION_BYTES and len(self._kept) < MAX_KEPT:
            self._kept[question] = _Kept(evidence.now.replace(microsecond=0), evidence, decision)

    async def _go_ahead(self) -> None:
        """Towards the end of each second ask for the next one what is still asked, and drop what has passed."""
        while self._kept:
            await asyncio.sleep(self._left_s(AHEAD_S))
            second = self._second()
            continuing = [kept for kept in self._kept.values() if kept.used and kept.second == second]
            for kept in continuing[:MAX_AHEAD]:
                await self._put_ahead(replace(kept.evidence, now=second + timedelta(seconds=1)))
            await asyncio.sleep(self._left_s(0))
            present = self._second()
            near = (present, present + timedelta(seconds=1))  # farther is what was kept before the clock was set back
            self._kept = {question: kept for question, kept in self._kept.items() if kept.second in near}

    async def _put_ahead(self, evidence: Evidence) -> None:
        question = question_of(evidence.question())
        if question in self._kept:
            return
        with suppress(PolicyUnavailable):  # who asks in that second will be told
            self._keep(question, evidence, await self._ask(question))
            self.answered.ahead += 1

    def _left_s(self, before_s: float) -> float:
        """Until so long before the end of a second."""
        return (1 - before_s - self._clock()) % 1 or 1.0

    def _second(self) -> datetime:
        return datetime.fromtimestamp(int(self._clock()), UTC)
