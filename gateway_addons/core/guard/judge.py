"""Is the answer to a question the refusal that it must be? What is not is a finding, told so that a person understands it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway_addons.core.decision import Decision, TokenDecision, read_decision
from gateway_addons.core.errors import PolicyUnavailable
from gateway_addons.core.guard.question import Asked


@dataclass(frozen=True, slots=True)
class Finding:
    """A call that a candidate does not refuse as it must. `exception` is the one that a second person granted for it."""

    question: str
    control: str
    environment: str
    contract: str
    what: str
    exception: str | None = None


def judge(asked: Asked, answer: Mapping[str, Any] | None) -> Finding | None:
    """None when the call is refused, by a decision that the gateway can read, for the reason that is expected."""
    question = asked.question
    control = question.controls[0] if question.controls else "any"

    def finding(what: str) -> Finding:
        return Finding(question.name, control, asked.environment, asked.contract, what)

    try:
        if question.kind == "token":
            decision: Decision | TokenDecision = read_decision(TokenDecision, answer)
        else:
            decision = read_decision(Decision, answer)
    except PolicyUnavailable as e:
        # the gateway refuses what it cannot read; only where a control must say so is that not enough
        return finding(f"no decision that the gateway can read: {e}") if question.controls else None
    if decision.allow:
        return finding("allowed, and must be refused")
    told = {reason.control for reason in decision.reasons}
    if silent := [c for c in question.controls if decision.controls.get(c) != "fail" or c not in told]:
        others = ", ".join(sorted(told)) or "none"
        said = decision.controls.get(silent[0])
        return finding(f"the control {silent[0]} does not refuse it (it says {said}; reasons of: {others})")
    codes = {r.code for r in decision.reasons if r.control == control}
    if missing := [code for code in question.codes if code not in codes]:
        return finding(f"refused with {', '.join(sorted(codes))}, not with {', '.join(missing)}")
    return None


def loosened(asked: Asked, running: Mapping[str, Any] | None, candidate: Mapping[str, Any] | None) -> Finding | None:
    """What the running policies refuse and the candidate's do not, asked over the same contracts."""
    if not running or not candidate or running.get("allow") is not False:
        return None
    question = asked.question
    if candidate.get("allow") is not False:
        return Finding(question.name, "any", asked.environment, asked.contract, "allowed, and the running policies refuse it")
    for control, verdict in running.get("controls", {}).items():
        if verdict == "fail" and candidate.get("controls", {}).get(control) == "pass":
            return Finding(question.name, control, asked.environment, asked.contract,
                           f"the control {control} passes it, and fails it in the running policies")
    return None
