"""Asks a candidate's policies, in an OPA of their own, what they would have decided of a recorded period."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path

from gateway_addons.adapters.journal.reader import CALL, records
from gateway_addons.adapters.policy.bundle import Content
from gateway_addons.adapters.policy.guard_opa import Answers, GuardOpa
from gateway_addons.core.journal.masking import Masking
from gateway_addons.core.journal.replay import Asked, Kind, Replayed, comparable, question_of, told_as_recorded

BATCH = 200
MAX_WAITING = 6
"""Batches that wait for their answers; the journal is read no faster than OPA answers."""


def replay(folder: Path, content: Content, opa: Path, since: datetime | None, until: datetime | None, masking: Masking,
           told: Callable[[int], None] = lambda _: None) -> Replayed:
    """Decide every recorded call of [`since`, `until`) again; `told` gets how many more were decided.

    Raises:
        JournalUnavailable: the journal cannot be read.
        BundleError: OPA cannot be started with the candidate, or stops answering.
    """
    result, masking = Replayed(), comparable(masking)
    data = {**content.data, "contracts": told_as_recorded(content.data["contracts"], masking)}
    waiting: list[tuple[tuple[Asked, ...], Future[Answers]]] = []
    with GuardOpa(opa, Content(data, content.modules)) as candidate:
        for batch in _batches(_questions(folder, since, until, masking, result)):
            waiting.append((batch, candidate.ask(batch[0].kind, [dict(one.question) for one in batch])))
            if len(waiting) > MAX_WAITING:
                told(_judge(result, *waiting.pop(0)))
        for batch, answers in waiting:
            told(_judge(result, batch, answers))
    return result


def _questions(folder: Path, since: datetime | None, until: datetime | None, masking: Masking,
               result: Replayed) -> Iterator[Asked]:
    for record in records(folder, since, until, with_open=True):
        if record.kind != CALL:
            continue
        asked = question_of(record.fields, masking)
        if isinstance(asked, str):
            result.skip(asked)
        else:
            yield asked


def _batches(asked: Iterator[Asked]) -> Iterator[tuple[Asked, ...]]:
    """Calls with calls, tokens with tokens."""
    open_: dict[Kind, list[Asked]] = {"decision": [], "token": []}
    for one in asked:
        batch = open_[one.kind]
        batch.append(one)
        if len(batch) >= BATCH:
            yield tuple(batch)
            batch.clear()
    yield from (tuple(batch) for batch in open_.values() if batch)


def _judge(result: Replayed, batch: tuple[Asked, ...], answers: "Future[Answers]") -> int:
    for asked, answer in zip(batch, answers.result(), strict=True):
        result.judge(asked, answer)
    return len(batch)
