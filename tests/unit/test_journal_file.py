"""No exchange without a trace: what is announced survives a crash, and every call has exactly one record."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway_addons.adapters.journal.journal_file import JournalFile
from gateway_addons.core.errors import JournalUnavailable

ROOT = Path(__file__).resolve().parents[2]


def records(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


async def test_one_record_for_each_call(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "journal.jsonl")
    assert journal.open() == 0
    await asyncio.gather(*(journal.announce({"requestId": str(n)}) for n in range(50)))
    for n in range(60):
        await journal.conclude({"requestId": str(n), "statut": 201})
    journal.close()
    assert [r["requestId"] for r in records(tmp_path / "journal.jsonl")] == [str(n) for n in range(60)]


async def test_what_was_announced_and_not_concluded_gets_its_record_at_the_next_start(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "journal.jsonl")
    journal.open()
    await journal.announce({"requestId": "a", "statut": None})
    await journal.announce({"requestId": "b", "statut": None})
    await journal.conclude({"requestId": "b", "statut": 201})
    journal.close()
    again = JournalFile(tmp_path / "journal.jsonl")
    assert again.open() == 1
    again.close()
    assert [(r["requestId"], r.get("interrompu", False)) for r in records(tmp_path / "journal.jsonl")] == [("b", False), ("a", True)]
    third = JournalFile(tmp_path / "journal.jsonl")
    assert third.open() == 0
    third.close()


CRASHING = """
import asyncio, sys
from pathlib import Path
from gateway_addons.adapters.journal.journal_file import JournalFile
async def main():
    journal = JournalFile(Path(sys.argv[1]))
    journal.open()
    n = 0
    while True:
        await journal.announce({"requestId": str(n)})
        print(n, flush=True)
        if n % 2:
            await journal.conclude({"requestId": str(n), "statut": 201})
        n += 1
asyncio.run(main())
"""


@pytest.mark.parametrize("calls", [1, 40, 200])
def test_killed_at_any_moment_loses_no_announced_call(tmp_path: Path, calls: int) -> None:
    file = tmp_path / "journal.jsonl"
    process = subprocess.Popen([sys.executable, "-c", CRASHING, str(file)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    announced = [int(process.stdout.readline()) for _ in range(calls)]
    process.send_signal(signal.SIGKILL)
    announced += [int(line) for line in process.stdout.read().split("\n")[:-1]]
    process.stdout.close()
    process.wait()
    journal = JournalFile(file)
    journal.open()
    journal.close()
    written = [int(r["requestId"]) for r in records(file)]
    assert set(announced) <= set(written)
    assert len(written) == len(set(written))


def test_a_torn_last_line_is_mended(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    file.write_text('{"requestId":"a"}\n{"reque')
    (tmp_path / "journal.open.jsonl").write_text('{"requestId":"b","x":1}\n{"requestId":"c')
    journal = JournalFile(file)
    assert journal.open() == 1
    journal.close()
    assert [r["requestId"] for r in records(file)] == ["a", "b"]


def test_a_broken_line_in_the_middle_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "journal.open.jsonl").write_text('nonsense\n{"requestId":"b"}\n')
    with pytest.raises(JournalUnavailable):
        JournalFile(tmp_path / "journal.jsonl").open()


def test_two_gateways_cannot_share_a_file(tmp_path: Path) -> None:
    first = JournalFile(tmp_path / "journal.jsonl")
    first.open()
    with pytest.raises(JournalUnavailable, match="in use"):
        JournalFile(tmp_path / "journal.jsonl").open()
    first.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
async def test_a_full_disk_stops_every_exchange(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "journal.jsonl")
    journal.open()
    os.dup2(os.open("/dev/full", os.O_WRONLY), journal._announcements)
    for _ in range(2):
        with pytest.raises(JournalUnavailable):
            await journal.announce({"requestId": "a"})
    with pytest.raises(JournalUnavailable):
        await journal.healthy()


async def test_the_order_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An announcement returns only once it is on the disk, and a call is marked concluded only once its record is there:
    a power cut between any two of these steps loses no trace of an exchange.
    """
    journal = JournalFile(tmp_path / "journal.jsonl")
    journal.open()
    names = {journal._records: "records", journal._announcements: "announcements"}
    steps: list[tuple[str, str, str]] = []
    write, sync = os.write, os.fdatasync

    def watched_write(fd: int, data: Any) -> int:
        steps.append(("write", names.get(fd, "?"), bytes(data).decode()))
        return write(fd, data)

    def watched_sync(fd: int) -> None:
        steps.append(("sync", names.get(fd, "?"), ""))
        sync(fd)

    monkeypatch.setattr(os, "write", watched_write)
    monkeypatch.setattr(os, "fdatasync", watched_sync)
    await journal.announce({"requestId": "a"})
    assert [s[:2] for s in steps] == [("write", "announcements"), ("sync", "announcements")]
    await journal.conclude({"requestId": "a", "statut": 201})
    await journal.announce({"requestId": "b"})
    marked = next(i for i, (what, file, text) in enumerate(steps) if (what, file) == ("write", "announcements") and "conclu" in text)
    recorded = next(i for i, (what, file, _) in enumerate(steps) if (what, file) == ("write", "records"))
    assert ("sync", "records", "") in steps[recorded:marked]
    assert steps[-1][:2] == ("sync", "announcements")
    journal.close()
