"""The running gate under generated and mutated requests, with its invariants looked at after every batch."""

import json
import resource
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway_addons.replay.case import Case, CaseError, Expectation, fill
from gateway_addons.replay.judge import Column, Result
from gateway_addons.replay.reading import read_requests
from gateway_addons.replay.run import replay, replay_one, strays
from gateway_addons.replay.send import Target
from gateway_addons.replay.tap import Tap, listening_tap
from gateway_addons.settings.brake import Brake
from gateway_addons.settings.listener import Limits
from tests.support.rig import LOT, Rig, running_rig

HASTY = Limits(head_timeout_s=1, body_timeout_s=1, idle_timeout_s=6, decision_timeout_s=10)
VALUES = {"HOST": b"localhost", "TOKEN": b"a.b.c", "ID_TELESERVICE": b"TS-1", "LOT": json.dumps(LOT).encode()}
TIMEOUT_S = 40.0
QUIET_S = 2.0
"""How long no further answer means that there is none: the answers to pipelined calls may be far apart on a busy machine."""

AT_A_TIME = 250
MAX_GROWTH_BYTES = 300 * 1024 * 1024
"""How much the process, gate and client together, may grow over a whole run."""

KEPT = 20_000
"""Records and questions that the rig's fakes may hold; what is let go of stays counted."""


class Broken(AssertionError):
    """An invariant of the whole gate does not hold."""


class GateTarget:
    """One gate, one tap behind it, and what came of everything so far."""

    def __init__(self) -> None:
        self.columns: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()
        self._stack = AsyncExitStack()
        self._first_peak = 0
        self._forwarded = self._recorded_before = 0
        self._announced_before = 0
        self._announced: set[str] = set()
        self._unannounced: list[bytes] = []

    async def start(self, folder: Path) -> None:
        """Start gate and tap."""
        self._tap, port = await self._stack.enter_async_context(listening_tap("127.0.0.1", 0))
        self._tap.on_call = self._seen
        brake = Brake(exempt=("127.0.0.0/8",))
        self._rig: Rig = await self._stack.enter_async_context(
            running_rig(folder, backend_port=port, limits=HASTY, answer_timeout_s=10, brake=brake))
        self._target = Target("127.0.0.1", self._rig.port, "localhost", self._rig.client(self._rig.good), TIMEOUT_S, QUIET_S)

    async def stop(self) -> None:
        """Stop both."""
        await self._stack.aclose()

    @property
    def tap(self) -> Tap:
        """The backend's place."""
        return self._tap

    async def send(self, raws: list[bytes]) -> list[Result]:
        """Send a batch and look at every invariant.

        Raises:
            Broken: one of them does not hold for the gate as a whole.
        """
        cases = [Case(str(n), raw, Expectation()) for n, raw in enumerate(raws)]
        results = [r async for r in replay(cases, self._target, VALUES, self._tap, AT_A_TIME)]
        results = [await self._look_again(r) if _is_late(r) else r for r in results]
        for result in results:
            self.columns[result.column.value] += 1
            self.codes[result.code or str(result.status or "none")] += 1
        self._check_the_journal(sum(r.forwarded or 0 for r in results))
        self._check_memory()
        return results

    async def _look_again(self, result: Result) -> Result:
        """Alone and with patience: with hundreds of connections on one event loop, an answer may be seconds behind the one before it."""
        patient = replace(self._target, quiet_s=8.0)
        return await replay_one(result.case, patient, VALUES, self._tap)

    def _seen(self, call: bytes) -> None:
        """At the moment at which the backend has a call, its announcement is there; each stands for one call."""
        self._announced.update(str(r["requestId"]) for r in self._rig.journal.announced[self._announced_before :])
        self._announced_before = len(self._rig.journal.announced)
        request_id = _request_id(call)
        if request_id not in self._announced:
            self._unannounced.append(call)
        self._announced.discard(request_id)

    def _check_the_journal(self, attributed: int) -> None:
        """The backend never sees a call that has no allow record."""
        left, self._unannounced, self._tap.unread = self._unannounced + self._tap.unread, [], []
        if left:
            raise Broken(f"the backend received what nobody announced: {left[0][:200]!r}")
        self._forwarded += attributed + len(self._tap.calls)
        self._tap.calls.clear()
        announced, recorded = len(self._rig.journal.announced), self._recorded_before + _transmitted(self._rig.journal.records)
        if self._forwarded > announced or self._forwarded > recorded:
            raise Broken(f"{self._forwarded} forwarded, {announced} announced, {recorded} recorded")

    def _check_memory(self) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        self._first_peak = self._first_peak or peak
        if peak - self._first_peak > MAX_GROWTH_BYTES:
            raise Broken(f"memory grew from {self._first_peak >> 20} to {peak >> 20} MiB")
        for kept in (self._rig.journal.records, self._rig.policy.asked):
            if len(kept) > KEPT:  # the fakes keep everything; a journal would not
                if kept is self._rig.journal.records:
                    self._recorded_before += _transmitted(self._rig.journal.records[:-100])
                del kept[:-100]

    @property
    def strays(self) -> list[str]:
        """What belongs to no case."""
        return strays(self._tap)


def _is_late(result: Result) -> bool:
    """More was forwarded than was answered when the sender stopped to wait."""
    return result.column is Column.OTHERWISE and result.answers < (result.forwarded or 0) + 1 and bool(result.forwarded)


def _transmitted(records: list[dict[str, Any]]) -> int:
    return sum(bool(record["transmis"]) for record in records)


def _request_id(call: bytes) -> str:
    """The call's name, which the gateway gave it; empty when it is not one whole request with one name."""
    requests, whole = read_requests(call)
    named = requests[0].all(b"x-request-id") if whole and len(requests) == 1 else []
    return named[0].decode("latin-1") if len(named) == 1 else ""


def unfillable(raw: bytes) -> bool:
    """A mutation made a placeholder that nobody knows."""
    try:
        fill(raw, {**VALUES, "CORRELATION_ID": b"x"})
    except (CaseError, ValueError):
        return True
    return False
