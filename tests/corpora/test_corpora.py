"""The corpus of hostile requests through `poterne replay`'s machinery, against the real gate on real TLS sockets."""

import json
from pathlib import Path

from rich.console import Console

from gateway_addons.replay.case import Case, read_folder, write_case
from gateway_addons.replay.judge import GOOD, Column, Result
from gateway_addons.replay.report import failures_table, summary_table
from gateway_addons.replay.run import counted, replay, strays
from gateway_addons.replay.send import Target
from gateway_addons.replay.tap import Tap, listening_tap
from gateway_addons.settings.brake import Brake
from tests.corpora.cases import all_cases
from tests.support.rig import LOT, Rig, running_rig

SAVED = Path(__file__).parent / "saved"
UNBRAKED = Brake(exempt=("127.0.0.0/8",))
"""A thousand refusals in a few seconds are what the brake is there for."""

VALUES = {"HOST": b"localhost", "TOKEN": b"a.b.c", "ID_TELESERVICE": b"TS-1", "LOT": json.dumps(LOT).encode()}


async def replayed(rig: Rig, tap: Tap, cases: list[Case]) -> list[Result]:
    target = Target("127.0.0.1", rig.port, "localhost", rig.client(rig.good))
    return [result async for result in replay(cases, target, VALUES, tap)]


async def test_every_case_is_refused_or_forwarded_identically(tmp_path: Path) -> None:
    cases = all_cases() + list(read_folder(SAVED))
    assert len({c.name for c in cases}) == len(cases)
    async with listening_tap("127.0.0.1", 0) as (tap, port), running_rig(tmp_path, backend_port=port, brake=UNBRAKED) as rig:
        results = await replayed(rig, tap, cases)
        console = Console(width=200)
        console.print(summary_table(results, watched=True))
        console.print(failures_table(results))
        counts = counted(results)
        assert {column: n for column, n in counts.items() if column not in GOOD and n} == {}
        assert strays(tap) == []
        assert len(results) == len(cases) >= 300
        assert counts[Column.REFUSED] > 300
        assert counts[Column.FORWARDED] > 100
        allowed = {r["requestId"] for r in rig.journal.records if r["transmis"]}
        assert allowed == {r["requestId"] for r in rig.journal.announced}


async def test_what_the_corpus_looks_for_can_be_seen(tmp_path: Path) -> None:
    """With the gate's strictness taken out of the expectation, the same machinery says so: a corpus that cannot fail shows nothing."""
    cases = all_cases()
    bent = [Case(c.name, c.raw, c.expect.model_copy(update={"verdict": "forwarded", "status": None, "code": None, "answers": None, "forwarded": None}))
            for c in cases if c.expect.verdict == "refused"][:40]
    async with listening_tap("127.0.0.1", 0) as (tap, port), running_rig(tmp_path, backend_port=port, brake=UNBRAKED) as rig:
        results = await replayed(rig, tap, bent)
        assert {r.column for r in results} == {Column.OTHERWISE}


def test_a_case_is_the_same_after_it_was_written_and_read(tmp_path: Path) -> None:
    cases = [Case(f"family/{n}", c.raw, c.expect, c.what) for n, c in enumerate(all_cases())]
    for case in cases:
        write_case(tmp_path, case)
    assert sorted(read_folder(tmp_path), key=lambda c: c.name) == sorted(cases, key=lambda c: c.name)
