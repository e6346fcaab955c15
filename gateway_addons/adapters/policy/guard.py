"""The guard: before a revision may be activated, its policies must refuse whatever they must refuse, over its contracts.

1. The calls that each contract allows, one for each right, must be found.
2. Every contract, every right: one step outside in every dimension is refused with that dimension's code.
3. One contract of each shape: every fact that the input schema knows is taken away, nulled and mistyped; every fact is
   replaced by another's; and the contract itself is changed in one thing at a time.
4. Where the running policies are others than the candidate's: they are asked the same, and nothing that they refuse may pass.
"""

import json
import time
from collections.abc import Callable as Function
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import batched
from pathlib import Path
from typing import Any

from gateway_addons.adapters.policy.bundle import Content
from gateway_addons.adapters.policy.guard_calls import BATCH, Base, allowed_calls
from gateway_addons.adapters.policy.guard_opa import IN_FLIGHT, Answers, GuardOpa
from gateway_addons.core.contract.model import Contract
from gateway_addons.core.guard.breaks import EXEMPT, EXEMPT_HEALTH, EXEMPT_TOKEN, broken, leaves, unknown_places
from gateway_addons.core.guard.callable import Callable
from gateway_addons.core.guard.foreign import Own, foreign
from gateway_addons.core.guard.judge import Finding, judge, loosened
from gateway_addons.core.guard.question import Asked, Document, Question
from gateway_addons.core.guard.shapes import Shape, right_shape, shape_of
from gateway_addons.core.guard.states import add_variant, untouched, variants
from gateway_addons.core.guard.steps import outside, outside_at_once, outside_the_windows
from gateway_addons.core.routes import Api

MAX_FINDINGS = 500
MAX_WAITING = 3 * IN_FLIGHT

RIGHTS_ROOMS = frozenset({"rights", "call"})
"""What is broken again for a right of another shape: the other facts are the same ones."""

type ContractName = tuple[str, str]
"""Environment and id."""

type Say = Function[[str], None]


@dataclass(slots=True)
class GuardReport:
    """What was asked and found.

    `unchanged` contracts were asked when the running revision was built; `uncallable` are contracts that allow no call at
    any of their dates, with the reasons.
    """

    contracts: int = 0
    unchanged: int = 0
    shapes: int = 0
    rights: int = 0
    facts: int = 0
    questions: int = 0
    seconds: float = 0.0
    compared_with: str | None = None
    uncallable: dict[str, list[str]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def open(self) -> list[Finding]:
        """Findings for which nobody granted an exception."""
        return [finding for finding in self.findings if finding.exception is None]

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        return asdict(self) | {"passed": not self.open}


class Guard:
    """Asks a candidate; `running` is the content that decides now."""

    def __init__(self, binary: Path, schemas: Path, apis: Sequence[Api], say: Say = lambda _: None) -> None:
        self._binary, self._say = binary, say
        self._schemas = {kind: json.loads((schemas / f"{kind}_input.json").read_text(encoding="utf-8"))
                         for kind in ("decision", "token")}
        self._apis = {api.api: api for api in apis}

    def run(self, candidate: Content, contracts: Iterable[Contract], now: datetime, running: Content | None = None,
            unchanged: frozenset[ContractName] = frozenset()) -> GuardReport:
        """Ask everything, except of contracts that are `unchanged` under the same policies since these passed.

        Raises:
            BundleError: an OPA cannot be started or stops answering.
        """
        started = time.monotonic()
        report = GuardReport(facts=sum(len(leaves(schema)) for schema in self._schemas.values()))
        rooms = candidate.data["contracts"]
        subjects = [Callable(c, rooms[c.environment]["by_id"][c.convention.id], self._apis[c.convention.api])
                    for c in contracts
                    if c.convention.api in self._apis and (c.environment, c.convention.id) not in unchanged]
        report.unchanged = len(unchanged)
        report.contracts = len(rooms["production"]["by_id"]) + len(rooms["sandbox"]["by_id"])
        with GuardOpa(self._binary, candidate) as opa:
            self._say(f"finding the calls that {len(subjects)} contracts allow")
            bases, report.uncallable = allowed_calls(opa, subjects, now)
            shapes = _representatives(bases)
            report.shapes, report.rights = len(shapes), sum(len(base.calls) for base in bases)
            self._say(f"asking about {report.rights} rights, and everything about {report.shapes} contracts, one of each shape")
            asked = self._questions(opa, bases, shapes, rooms, report)
            if running is None or running.modules == candidate.modules:
                self._ask_all([opa], asked, report)
            else:
                report.compared_with = running.digest
                with GuardOpa(self._binary, Content(candidate.data, running.modules)) as before:
                    self._ask_all([opa, before], asked, report)
        report.seconds = round(time.monotonic() - started, 2)
        return report

    def _questions(self, opa: GuardOpa, bases: Sequence[Base], shapes: dict[Shape, Base], rooms: Mapping[str, Any],
                   report: GuardReport) -> Iterator[Asked]:
        chosen = {id(base) for base in shapes.values()}
        for base in shapes.values():
            yield from self._everything(opa, base, _other(base, rooms), report)
        for base in bases:
            rights = base.subject.compiled["rights"]
            if id(base) not in chosen:
                number, _, call = base.calls[0]
                yield from (_of(base, question) for question in outside_the_windows(call, rights[number], rights))
            for number, _, call in base.calls:
                if id(base) in chosen:
                    yield from (_of(base, question) for question in outside(call, rights[number], rights))
                else:
                    yield _of(base, outside_at_once(call, rights[number], rights))

    def _everything(self, opa: GuardOpa, base: Base, other: Mapping[str, Any] | None, report: GuardReport) -> Iterator[Asked]:
        """All breaks of one contract: of a right of each shape, of the call without a right, of the token, of the contract."""
        subject, (_, moment, first) = base.subject, base.calls[0]
        own = Own(subject.compiled, other, moment)
        seen: set[Shape] = set()
        asked: list[Iterable[Question]] = [foreign(first, own, "decision")]
        for number, _, call in base.calls:
            if (shape := right_shape(subject.compiled["rights"][number])) not in seen:
                asked.append(broken(self._schemas["decision"], call, "decision", EXEMPT, RIGHTS_ROOMS if seen else None))
                seen.add(shape)
        token, health = subject.token(moment), subject.health(moment)
        if health is not None:
            asked += [broken(self._schemas["decision"], health, "decision", EXEMPT_HEALTH), foreign(health, own, "decision")]
        asked += [broken(self._schemas["token"], token, "token", EXEMPT_TOKEN), foreign(token, own, "token")]
        self._check_samples(base, first, token, report)
        for questions in asked:
            for question in questions:
                yield _of(base, question)
        yield from self._variants(opa, base, moment, first, report)

    def _check_samples(self, base: Base, call: Document, token: Document, report: GuardReport) -> None:
        """The samples must have every fact of the schemas: one that is missing could not be broken."""
        for kind, document in (("decision", call), ("token", token)):
            for place in unknown_places(self._schemas[kind], document):
                report.findings.append(base.finding(
                    f"sample {place}", f"the schema knows the fact {place}, and the guard's call has none to break"))

    def _variants(self, opa: GuardOpa, base: Base, moment: datetime, call: Document, report: GuardReport) -> Iterator[Asked]:
        environment, compiled = base.subject.environment, base.subject.compiled
        control = untouched(compiled, call)
        made = [control, *variants(compiled, call, moment)]
        room: dict[str, Any] = {"by_id": {}, "by_fingerprint": {}, "identifiers": {}, "clients": {}}
        for variant in made:
            add_variant(room, variant)
        for target in (opa, *self._others):
            target.patch([{"op": "add", "path": f"/contracts/{environment}/{index}/{_escaped(key)}", "value": value}
                          for index, entries in room.items() for key, value in entries.items()])
        answer = opa.ask("decision", [control.question.document]).result()[0]
        if not answer or answer.get("allow") is not True:
            codes = [reason["code"] for reason in (answer or {}).get("reasons", [])]
            report.findings.append(base.finding(
                "untouched variant",
                f"the unchanged contract under another identity is refused ({codes}): its variants show nothing"))
            return
        for variant in made[1:]:
            yield _of(base, variant.question)

    _others: tuple[GuardOpa, ...] = ()

    def _ask_all(self, opas: Sequence[GuardOpa], asked: Iterator[Asked], report: GuardReport) -> None:
        self._others = tuple(opas[1:])
        waiting: list[tuple[list[Asked], list[Future[Answers]]]] = []
        for some in batched(asked, BATCH):
            for kind in ("decision", "token"):
                batch = [one for one in some if one.question.kind == kind]
                if batch:
                    waiting.append((batch, [opa.ask(kind, [one.question.document for one in batch]) for opa in opas]))
            while len(waiting) > MAX_WAITING:
                self._judge(*waiting.pop(0), report)
        for batch, answers in waiting:
            self._judge(batch, answers, report)
        self._others = ()

    def _judge(self, batch: Sequence[Asked], answers: Sequence[Future[Answers]], report: GuardReport) -> None:
        told = [future.result() for future in answers]
        report.questions += len(batch)
        for number, one in enumerate(batch):
            finding = judge(one, told[0][number])
            if finding is None and len(told) > 1:
                finding = loosened(one, told[1][number], told[0][number])
            if finding is not None and len(report.findings) < MAX_FINDINGS:
                report.findings.append(finding)
        if report.questions % 20_000 < len(batch):
            self._say(f"{report.questions} questions, {len(report.findings)} findings")


def _representatives(bases: Sequence[Base]) -> dict[Shape, Base]:
    """The first contract of each shape, and of those the one with most callable rights."""
    found: dict[Shape, Base] = {}
    for base in bases:
        shape = shape_of(base.subject.environment, base.subject.compiled)
        if shape not in found or len(base.calls) > len(found[shape].calls):
            found[shape] = base
    return found


def _other(base: Base, rooms: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Another contract of the same environment, that lends its identities."""
    room: Mapping[str, Any] = rooms[base.subject.environment]["by_id"]
    return next((contract for name, contract in room.items() if name != base.subject.contract.convention.id), None)


def _of(base: Base, question: Question) -> Asked:
    return Asked(base.subject.environment, base.subject.contract.convention.id, question)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
