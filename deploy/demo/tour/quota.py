"""The quota (9.2-a): so many calls in any sixty seconds, on Redis's clock; the next one is told when to come back."""

import time
from dataclasses import dataclass

from deploy.demo.tour.exchange import Answer
from deploy.demo.tour.stage import STATE, Call, Stage

WINDOW_S = 60
MARGIN_S = 1.0


@dataclass(frozen=True)
class Exhausted:
    """A consumer that used up its quota; `again_at` (monotonic) is when its window is empty again."""

    consumer: str
    environment: str
    limit: int
    again_at: float


def exhaust(stage: Stage, consumer: str, environment: str) -> Exhausted:
    """Use the quota to the last call, and one more. The consumer must not have called in the last sixty seconds."""
    stage.scene = "quota"
    limit = stage.consumer(consumer, environment)["calls_per_minute"]
    call = Call(consumer, "GET", STATE, environment=environment, client="httpx")
    stage.token(consumer, environment)
    answers = [stage.answer(call) for _ in range(limit)]
    last = time.monotonic()
    passed = sum(answer.status == 200 for answer in answers)
    summary = Answer("httpx", sum(answer.ms for answer in answers))
    stage.row(f"{environment}: {limit} calls in a row", f"{limit} times 200", summary, f"{passed} times 200")
    answer = stage.answer(call)
    within = f"Retry-After 1 to {WINDOW_S}"
    wait = answer.headers.get("retry-after", "none")
    told = within if wait.isdigit() and 1 <= int(wait) <= WINDOW_S else f"Retry-After: {wait}"
    stage.row(f"{environment}: call number {limit + 1}", f"429 900804, {within}", answer, f"{answer}, {told}")
    return Exhausted(consumer, environment, limit, last + WINDOW_S + MARGIN_S)


def come_back(stage: Stage, exhausted: Exhausted) -> None:
    """One more call, after the window has passed."""
    stage.scene = "quota"
    answer = stage.answer(Call(exhausted.consumer, "GET", STATE, environment=exhausted.environment, client="curl"))
    remaining = answer.headers.get("ratelimit", "none")
    stage.row(f"{exhausted.environment}: a call after the window has passed", f"200, r={exhausted.limit - 1}", answer,
              f"{answer}, {_remaining(remaining)}")


def _remaining(header: str) -> str:
    """`r=199` out of `RateLimit: "default";r=199;t=60` (IETF draft)."""
    return next((part.strip() for part in header.split(";") if part.strip().startswith("r=")), f"RateLimit: {header}")
