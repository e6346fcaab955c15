"""What the journal costs: calls with it and without it in one run, verification, the index and replay; JSON in results/.

`python -m benchmarks.journal_speed [records]`, 20,000 by default, a million at most. Calls are the gate's pipeline with ports
that answer at once, so that the
difference between the two figures is the journal's alone.
"""

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway_addons.adapters.journal.index import JournalIndex, Query
from gateway_addons.adapters.journal.journal_writer import JournalWriter
from gateway_addons.adapters.journal.replaying import replay
from gateway_addons.adapters.journal.verifier import journal_bytes, verify
from gateway_addons.adapters.policy.bundle import read_sources
from gateway_addons.core.facts import rfc3339
from gateway_addons.core.journal.masking import NOTHING_MASKED
from tests.journal.settings import journal_settings
from tests.journal.test_replay import OPA, decided, record, sources

RESULTS = Path(__file__).parent / "results"
AT_ONCE = 64
MAX_RECORDS = 1_000_000


async def _calls(count: int, one: Callable[[int], Awaitable[None]]) -> float:
    """Calls a second, `AT_ONCE` at a time."""
    numbers = iter(range(count))

    async def caller() -> None:
        for number in numbers:
            await one(number)

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    return count / (time.perf_counter() - started)


async def _throughput(folder: Path, records: list[dict[str, Any]], count: int) -> dict[str, float]:
    journal = JournalWriter(journal_settings(folder), "worker-0")
    journal.open()

    def made(number: int) -> dict[str, Any]:
        return records[number % len(records)] | {"requestId": f"b-{number}", "horodatage": rfc3339(datetime.now(UTC))}

    async def with_journal(number: int) -> None:
        one = made(number)
        await journal.announce(one)
        await journal.conclude(one | {"statut": 201, "transmis": True})

    async def without(number: int) -> None:
        made(number)
        await asyncio.sleep(0)

    figures = {"without_per_s": await _calls(count, without), "with_per_s": await _calls(count, with_journal)}
    journal.close()
    return {name: round(value) for name, value in figures.items()}


def _timed(count: int, work: Callable[[], Any]) -> dict[str, Any]:
    started, cpu = time.perf_counter(), _cpu_s()
    work()
    seconds = time.perf_counter() - started
    return {"records": count, "seconds": round(seconds, 2), "per_s": round(count / seconds), "cpu_s": round(_cpu_s() - cpu, 2)}


def _cpu_s() -> float:
    """Seconds of processor of this process and of the children that have ended, such as replay's OPA: what other work on the
    machine changes least.
    """
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def main() -> None:
    """Measure and write the results."""
    count = min(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000, MAX_RECORDS)
    scratch = Path(tempfile.mkdtemp(prefix="poterne-journal-bench-"))
    try:
        content = read_sources(sources())
        records = [record(n, *pair) for n, pair in enumerate(decided(content))]
        folder = scratch / "journal"
        results: dict[str, Any] = {"at": rfc3339(datetime.now(UTC)), "cores": os.cpu_count(), "calls_at_once": AT_ONCE,
                                   "load_1_min": round(os.getloadavg()[0], 1)}
        results["throughput"] = asyncio.run(_throughput(folder, records, count))
        results["bytes_per_call"] = round(journal_bytes(folder) / count)
        results["verify_lines"] = _timed(2 * count, lambda: verify(folder, []))
        index = JournalIndex(folder, scratch / "index.sqlite")
        results["index_lines"] = _timed(2 * count, index.update)
        results["look_up"] = _timed(1000, lambda: [list(index.find(Query(request_id=f"b-{n}"))) for n in range(1000)])
        results["replay_calls"] = _timed(count, lambda: replay(folder, content, OPA, None, None, NOTHING_MASKED))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    with suppress(FileExistsError):
        RESULTS.mkdir()
    (RESULTS / "journal_speed.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
