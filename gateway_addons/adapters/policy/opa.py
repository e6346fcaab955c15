"""OPA over HTTP: one question for each call, one attempt, one short time-out.

The administration client of the project is opa-python-client; it is not used here because it retries with sleeps and has
no unix socket (docs/engine.md).
"""

import asyncio
from pathlib import Path
from typing import Any

import orjson

from gateway_addons.adapters.policy.kept_decisions import Answered, KeptDecisions, RevisionInForce
from gateway_addons.adapters.policy.opa_connection import OpaPool
from gateway_addons.adapters.policy.revision_floor import RevisionFloor
from gateway_addons.adapters.policy.shared_questions import SharedQuestions, question_of
from gateway_addons.core.decision import Decision, TokenDecision, read_decision
from gateway_addons.core.errors import PolicyUnavailable
from gateway_addons.core.facts import Evidence, TokenEvidence

MAX_ANSWER_BYTES = 1 << 20
MAX_IN_FLIGHT = 16
"""Questions asked at once; more only wait longer inside OPA. The time-out runs from a question's own turn, and the call's
whole decision is bounded by `limits.decision_timeout_s`."""

DECISION_PATH = b"/v1/data/poterne/decision?provenance=true"
TOKEN_PATH = b"/v1/data/poterne/token/decision?provenance=true"


class OpaPolicy:
    """The `PolicyEngine` that asks OPA; implements `core.ports.PolicyEngine`."""

    def __init__(self, address: str, timeout_s: float, floor: RevisionFloor, offered: Path | None = None) -> None:
        """`offered` is the file that names the revision which OPA is offered; without it no decision is kept."""
        self._floor = floor
        self._opa = OpaPool(address, timeout_s, MAX_ANSWER_BYTES, self._may_be_gone)
        self._turn = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._calls = SharedQuestions(self._decision)
        self._kept = KeptDecisions(self._calls.ask, RevisionInForce(offered, floor)) if offered else None
        self._tokens = SharedQuestions(self._token_decision)

    @property
    def answered(self) -> Answered:
        """What was not asked for the call itself; all zero where no decision is kept."""
        return self._kept.answered if self._kept is not None else Answered()

    async def decide(self, evidence: Evidence) -> Decision:
        """The verdicts on one call.

        Raises:
            PolicyUnavailable: no answer in time, an answer that is not 200, no `result` (undefined), a malformed decision,
                or a decision whose revision is not that of the bundle OPA says it serves, or is older than one seen before.
        """
        if self._kept is not None:
            return await self._kept.decide(evidence)
        return await self._calls.ask(question_of(evidence.question()))

    async def decide_token(self, evidence: TokenEvidence) -> TokenDecision:
        """May a token be issued. Raises `PolicyUnavailable` like `decide`."""
        return await self._tokens.ask(question_of(evidence.document()))

    async def healthy(self) -> None:
        """Does OPA answer, with its bundle active? Raises `PolicyUnavailable`."""
        status, _ = await self._opa.get("/health?bundles=true")
        if status != 200:
            raise PolicyUnavailable(f"OPA's health is {status}")

    async def close(self) -> None:
        """Give the connections back."""
        if self._kept is not None:
            self._kept.close()
        self._opa.close()

    def _may_be_gone(self) -> None:
        """A connection ended: what is kept would hide that OPA does not answer any more."""
        if self._kept is not None:
            self._kept.forget()

    async def _decision(self, question: bytes) -> Decision:
        answer, floor = await self._ask(DECISION_PATH, question)
        decision = read_decision(Decision, answer.get("result"))
        self._check(decision.revision, answer, floor)
        return decision

    async def _token_decision(self, question: bytes) -> TokenDecision:
        answer, floor = await self._ask(TOKEN_PATH, question)
        decision = read_decision(TokenDecision, answer.get("result"))
        self._check(decision.revision, answer, floor)
        return decision

    def _check(self, revision: str, answer: dict[str, Any], floor: int) -> None:
        _check_revision(revision, answer)
        self._floor.check(revision, floor)

    async def _ask(self, path: bytes, question: bytes) -> tuple[dict[str, Any], int]:
        """OPA's answer, and the revision floor of the moment the question left."""
        async with self._turn:
            floor = self._floor.sequence
            status, raw = await self._opa.post(path, question)
        if status != 200:
            raise PolicyUnavailable(f"OPA answered {status}")
        try:
            answer = orjson.loads(raw)
        except ValueError as e:
            raise PolicyUnavailable("OPA's answer is not JSON") from e
        if not isinstance(answer, dict):
            raise PolicyUnavailable("OPA's answer is not an object")
        return answer, floor


def _check_revision(revision: str, answer: dict[str, Any]) -> None:
    bundles = answer.get("provenance", {}).get("bundles", {})
    served = {str(b.get("revision")) for b in bundles.values() if isinstance(b, dict)}
    if served != {revision}:
        raise PolicyUnavailable(f"the decision says revision {revision}, OPA serves {sorted(served)}")
