"""`make fuzz`: generated and mutated requests against the running gate for a bounded time; what fails becomes a case."""

import argparse
import asyncio
import hashlib
import json
import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from gateway_addons.admin.json_log import configure_logging
from gateway_addons.replay.case import Case, Expectation, write_case
from gateway_addons.replay.judge import Result
from tests.corpora.cases import all_cases
from tests.corpora.json_texts import READ, REFUSED_BY_RULE, REFUSED_BY_THE_GRAMMAR
from tests.fuzz.functions import Certificates, Differs, Tokens, one_head, one_text, saved
from tests.fuzz.gate_target import Broken, GateTarget, unfillable
from tests.fuzz.grammar import TEXTS, requests
from tests.fuzz.mutation import mutate

SAVED = Path(__file__).resolve().parents[1] / "corpora/saved"
BATCH = 24
BATCHES = 25
TOGETHER = 600
"""Requests that are sent, some at a time, before the gate's invariants are looked at: many of them wait for a time-out."""

FUNCTION_ROUNDS = 4000
MAX_FAILURES = 20


class Fuzz:
    """One bounded run."""

    def __init__(self, folder: Path, first_seed: int, saved_in: Path = SAVED) -> None:
        self._saved = saved_in
        self._chance = Random(first_seed)
        self._seed = first_seed
        self._folder = folder
        self._gate = GateTarget()
        self._tokens, self._certificates = Tokens(folder / "ring"), Certificates(folder / "trust")
        self._corpus = [c.raw for c in all_cases() if len(c.raw) < 4000]
        self._texts = [t for t in (READ | REFUSED_BY_RULE | REFUSED_BY_THE_GRAMMAR).values() if len(t) < 2000]
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []

    def run(self, minutes: float, progress_s: float = 60.0) -> None:
        """Fuzz until the time is up."""
        end, told = time.monotonic() + minutes * 60, time.monotonic()
        with asyncio.Runner() as runner:
            runner.run(self._gate.start(self._folder))
            try:
                while time.monotonic() < end and len(self.failures) < MAX_FAILURES:
                    self._generated(runner, end)
                    self._mutated(runner, end)
                    self._functions()
                    if time.monotonic() - told > progress_s:
                        told = time.monotonic()
                        print(json.dumps(self.report()), flush=True)
            finally:
                runner.run(self._gate.stop())

    def _generated(self, runner: asyncio.Runner, end: float) -> None:
        self._seed += 1
        made: list[bytes] = []

        @seed(self._seed)
        @settings(max_examples=BATCHES, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(st.lists(requests(), min_size=BATCH, max_size=BATCH))
        def batch(raws: list[bytes]) -> None:
            made.extend(raws)

        batch()
        self._send_all(runner, "generated requests", made, end)

    def _mutated(self, runner: asyncio.Runner, end: float) -> None:
        raws = [mutate(self._chance.choice(self._corpus), self._chance.choice(self._corpus), self._chance) for _ in range(BATCH * BATCHES)]
        self._send_all(runner, "mutated requests", raws, end)

    def _send_all(self, runner: asyncio.Runner, kind: str, raws: list[bytes], end: float) -> None:
        for start in range(0, len(raws), TOGETHER):
            if time.monotonic() >= end or len(self.failures) >= MAX_FAILURES:
                return
            together = raws[start : start + TOGETHER]
            self.counts[kind] += len(together)
            self._send(runner, together)

    def _send(self, runner: asyncio.Runner, raws: list[bytes]) -> None:
        raws = [r for r in raws if not unfillable(r)]
        try:
            results = runner.run(self._gate.send(raws))
        except Broken as e:
            self.failures.append(str(e))
            for raw in raws:
                self._keep(raw, f"in a batch after which: {e}")
            return
        for result in results:
            if not result.good:
                self._failed(result)

    def _failed(self, result: Result) -> None:
        self.failures.append(f"{result.column.value}: {'; '.join(result.problems)}")
        self._keep(result.case.raw, self.failures[-1])

    def _keep(self, raw: bytes, why: str) -> None:
        name = f"fuzz-{hashlib.sha256(raw).hexdigest()[:12]}"
        print(f"kept {write_case(self._saved, Case(name, raw, Expectation(verdict='safe'), why))}: {why}", flush=True)

    def _functions(self) -> None:
        for _ in range(FUNCTION_ROUNDS):
            raw = mutate(self._chance.choice(self._corpus), self._chance.choice(self._corpus), self._chance)
            text = mutate(self._chance.choice(self._texts), self._chance.choice(self._texts), self._chance)
            for kind, look, data in (("heads", one_head, _filled(raw)), ("JSON texts", one_text, text)):
                self._function(kind, data, lambda look=look, data=data: look(data))
        for _ in range(FUNCTION_ROUNDS // 4):
            self._function("tokens", b"", lambda: self._tokens.one(self._chance))
            self._function("certificates", b"", lambda: self._certificates.one(self._chance))
        for _ in range(FUNCTION_ROUNDS // 10):
            self._function("forged tokens", b"", lambda: self._tokens.forged(self._chance))
            self._function("forged certificates", b"", lambda: self._certificates.forged(self._chance))

        @seed(self._seed)
        @settings(max_examples=300, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(TEXTS)
        def texts(text: str) -> None:
            self._function("JSON texts", text.encode("utf-8", "surrogatepass"), lambda: one_text(text.encode("utf-8", "surrogatepass")))

        texts()

    def _function(self, kind: str, data: bytes, look: object) -> None:
        self.counts[kind] += 1
        try:
            if look():  # type: ignore[operator]
                self.counts[f"{kind} taken"] += 1
        except Exception as e:  # noqa: BLE001 - whatever is raised is a finding
            kept = e.args[0] if isinstance(e, Differs) else data
            self.failures.append(f"{kind}: {type(e).__name__}: {e}"[:300])
            print("kept", saved(self._saved, kind.replace(" ", "-"), kept, len(self.failures)), self.failures[-1], flush=True)

    def report(self) -> dict[str, object]:
        """What was tried and what came of it."""
        return {"tried": dict(self.counts), "columns": dict(self._gate.columns), "codes": dict(self._gate.codes.most_common()),
                "failures": self.failures}


def _filled(raw: bytes) -> bytes:
    for name, value in ((b"HOST", b"localhost"), (b"TOKEN", b"a.b.c"), (b"ID_TELESERVICE", b"TS-1"), (b"CONTENT_LENGTH", b"3"), (b"LOT", b"{}"),
                        (b"CORRELATION_ID", b"123e4567-e89b-12d3-a456-426655440000")):
        raw = raw.replace(b"{{" + name + b"}}", value)
    return raw


def main() -> int:
    """Run, report, and say by the exit code whether anything failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=None, help="the first seed; by default the time")
    parser.add_argument("--report", type=Path, default=None, help="write the counts as JSON")
    given_ = parser.parse_args()
    configure_logging(logging.CRITICAL)
    first = given_.seed if given_.seed is not None else int(time.time())
    with tempfile.TemporaryDirectory() as folder:
        fuzz = Fuzz(Path(folder), first)
        fuzz.run(given_.minutes)
    report = {"seed": first, "minutes": given_.minutes, **fuzz.report()}
    print(json.dumps(report, indent=1))
    if given_.report:
        given_.report.parent.mkdir(parents=True, exist_ok=True)
        given_.report.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 1 if fuzz.failures else 0


if __name__ == "__main__":
    sys.exit(main())
