"""The calls that the contracts of a candidate allow: found by asking its own policies, at moments that the contracts name."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import batched

from gateway_addons.adapters.policy.guard_opa import GuardOpa
from gateway_addons.core.guard.callable import Callable, moments
from gateway_addons.core.guard.judge import Finding
from gateway_addons.core.guard.question import Document

BATCH = 100


@dataclass(slots=True)
class Base:
    """A contract with the calls that it allows: the number of the right, the moment, the call."""

    subject: Callable
    calls: list[tuple[int, datetime, Document]] = field(default_factory=list)

    def finding(self, question: str, what: str) -> Finding:
        """Something wrong with the contract's own questions."""
        return Finding(question, "any", self.subject.environment, self.subject.contract.convention.id, what)


type Try = tuple[Base, int, datetime]


def allowed_calls(opa: GuardOpa, subjects: Sequence[Callable], now: datetime) -> tuple[list[Base], dict[str, list[str]]]:
    """The contracts with their allowed calls, and those that allow none at any of their dates, with the reasons of now.

    The moment of each call is a whole second, as policy is told it.
    """
    now = now.replace(microsecond=0)
    bases = [Base(subject) for subject in subjects]
    refused = _tried(opa, [(base, number, now) for base in bases for number in range(len(base.subject.contract.droits))])
    dates = {id(base): list(moments(base.subject.compiled, now))[1:] for base, _, _ in refused}
    for turn in range(max((len(found) for found in dates.values()), default=0)):
        tries = [(base, number, dates[id(base)][turn]) for base, number, _ in refused if turn < len(dates[id(base)])]
        over = [one for one in refused if turn >= len(dates[id(one[0])])]
        refused = _tried(opa, tries) + over
    uncallable = {f"{base.subject.environment} {base.subject.contract.convention.id}": _why(opa, base.subject, now)
                  for base in bases if not base.calls}
    return [base for base in bases if base.calls], uncallable


def _tried(opa: GuardOpa, tries: Sequence[Try]) -> list[Try]:
    """Keep the calls that are allowed, and return those that are not; a right without a route is neither."""
    refused = []
    for some in batched(tries, BATCH):
        calls = [(one, one[0].subject.call(one[1], one[2])) for one in some]
        known = [(one, call) for one, call in calls if call is not None]
        answers = opa.ask("decision", [call for _, call in known]).result()
        for (one, call), answer in zip(known, answers, strict=True):
            if answer and answer.get("allow") is True:
                one[0].calls.append((one[1], one[2], call))
            else:
                refused.append(one)
    return refused


def _why(opa: GuardOpa, subject: Callable, now: datetime) -> list[str]:
    call = subject.call(0, now) if subject.contract.droits else subject.health(now)
    answers = opa.ask("decision", [call] if call else []).result()
    return sorted({reason["code"] for answer in answers if answer for reason in answer["reasons"]}) or ["no right, no route"]
