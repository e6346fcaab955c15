"""No exchange without a trace: what is announced survives a crash, and every call has exactly one record."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from gateway_addons.adapters.journal.journal_writer import JournalWriter
from gateway_addons.adapters.journal.reader import Record, records
from gateway_addons.adapters.journal.stop_marker import resume, stop, stopped
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.journal.line import read_line
from tests.journal.settings import journal_settings

ROOT = Path(__file__).resolve().parents[2]
AT = "2026-03-31T16:04:11.318000Z"


def writer(folder: Path, name: str = "worker-0", **settings: Any) -> JournalWriter:
    return JournalWriter(journal_settings(folder, **settings), name)


def call(request_id: str, **more: Any) -> dict[str, Any]:
    return {"requestId": request_id, "horodatage": AT, "convention": "C", "statut": None} | more


def told(folder: Path) -> list[Record]:
    return list(records(folder))


async def test_one_record_for_each_call(tmp_path: Path) -> None:
    journal = writer(tmp_path)
    assert journal.open() == 0
    await asyncio.gather(*(journal.announce(call(str(n))) for n in range(50)))
    for n in range(60):
        await journal.conclude(call(str(n), statut=201))
    journal.close()
    assert [(r.fields["requestId"], r.fields["statut"], r.fields["convention"]) for r in told(tmp_path)] == [(str(n), 201, "C") for n in range(60)]
    assert all(r.at.isoformat() == "2026-03-31T16:04:11.318000+00:00" and r.kind == "appel" for r in told(tmp_path))


async def test_what_was_announced_and_not_concluded_gets_its_record_at_the_next_start(tmp_path: Path) -> None:
    journal = writer(tmp_path)
    journal.open()
    await journal.announce(call("a"))
    await journal.announce(call("b"))
    await journal.conclude(call("b", statut=201))
    assert [r.fields["requestId"] for r in records(tmp_path, with_open=True) if r.open] == ["a"]
    journal.close()
    again = writer(tmp_path)
    assert again.open() == 1
    again.close()
    assert [(r.fields["requestId"], r.interrupted, r.fields["convention"]) for r in told(tmp_path)] == [("b", False, "C"), ("a", True, "C")]
    third = writer(tmp_path)
    assert third.open() == 0
    third.close()


async def test_calls_that_are_open_over_many_segments(tmp_path: Path) -> None:
    journal = writer(tmp_path, segment_max_bytes=1 << 16)
    journal.open()
    await journal.announce(call("long"))
    for n in range(400):
        await journal.conclude(call(str(n), chemin="x" * 1000))
    journal.close()
    assert len(list((tmp_path / "worker-0").glob("*.jsonl"))) > 4
    again = writer(tmp_path)
    assert again.open() == 1
    again.close()
    assert [r.fields["requestId"] for r in told(tmp_path) if r.interrupted] == ["long"]


CRASHING = """
import asyncio, sys
from pathlib import Path
from gateway_addons.adapters.journal.journal_writer import JournalWriter
from tests.journal.settings import journal_settings
async def main():
    journal = JournalWriter(journal_settings(Path(sys.argv[1]), segment_max_bytes=1 << 16), "worker-0")
    journal.open()
    n = 0
    while True:
        await journal.announce({"requestId": str(n), "horodatage": "2026-03-31T16:04:11Z", "x": "x" * 200})
        print(n, flush=True)
        if n % 2:
            await journal.conclude({"requestId": str(n), "statut": 201})
        n += 1
asyncio.run(main())
"""


@pytest.mark.parametrize("calls", [1, 40, 400])
def test_killed_at_any_moment_loses_no_announced_call(tmp_path: Path, calls: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", CRASHING, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    announced = [int(process.stdout.readline()) for _ in range(calls)]
    process.send_signal(signal.SIGKILL)
    announced += [int(line) for line in process.stdout.read().split("\n")[:-1]]
    process.stdout.close()
    process.wait()
    journal = writer(tmp_path)
    journal.open()
    journal.close()
    written = [int(r.fields["requestId"]) for r in told(tmp_path) if r.kind == "appel"]
    assert set(announced) <= set(written)
    assert len(written) == len(set(written))
    assert all(r.interrupted or r.fields["statut"] == 201 for r in told(tmp_path) if r.kind == "appel")


async def test_two_gateways_cannot_share_a_chain(tmp_path: Path) -> None:
    first = writer(tmp_path)
    first.open()
    with pytest.raises(JournalUnavailable, match="in use"):
        writer(tmp_path).open()
    writer(tmp_path, "worker-1").open()
    first.close()


class FullDisk:
    """A disk that takes nothing while `full`; every write to a file meets it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: int = errno.ENOSPC) -> None:
        self.full, self._write, self._error = False, os.write, error
        monkeypatch.setattr(os, "write", self.write)

    def write(self, fd: int, data: Any) -> int:
        if self.full and fd > 2:
            raise OSError(self._error, os.strerror(self._error))
        return self._write(fd, data)


async def test_a_full_disk_stops_every_exchange_until_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FullDisk(monkeypatch)
    journal = writer(tmp_path)
    journal.open()
    await journal.announce(call("under way"))
    disk.full = True
    for _ in range(3):
        with pytest.raises(JournalUnavailable):
            await journal.announce(call("a"))
        with pytest.raises(JournalUnavailable):
            await journal.conclude(call("refused"))
    with pytest.raises(JournalUnavailable):
        await journal.conclude(call("under way", statut=201))
    with pytest.raises(JournalUnavailable):
        await journal.healthy()
    disk.full = False
    await journal.healthy()
    await journal.announce(call("b"))
    journal.close()
    outcome = {r.fields["requestId"]: r.fields["statut"] for r in told(tmp_path) if r.kind == "appel"}
    assert outcome == {"under way": 201}
    (full,) = [r.fields for r in told(tmp_path) if r.kind == "evenement"]
    assert full["evenement"] == "journal.plein"
    assert int(full["sujet"]["refus"]) >= 6


async def test_less_room_than_the_reserve_stops_new_calls_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = writer(tmp_path, reserve_bytes=1)
    journal.open()
    await journal.announce(call("under way"))
    journal._settings = journal_settings(tmp_path, reserve_bytes=1 << 60)
    journal._clear_until = 0
    with pytest.raises(JournalUnavailable, match="reserve_bytes"):
        await journal.announce(call("new"))
    with pytest.raises(JournalUnavailable):
        await journal.conclude(call("refused"))
    await journal.conclude(call("under way", statut=201))
    journal.close()
    assert [r.fields["requestId"] for r in told(tmp_path)] == ["under way"]


async def test_a_disk_that_fails_stops_every_exchange_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FullDisk(monkeypatch, errno.EIO)
    journal = writer(tmp_path)
    journal.open()
    disk.full = True
    with pytest.raises(JournalUnavailable):
        await journal.announce(call("a"))
    disk.full = False
    with pytest.raises(JournalUnavailable):
        await journal.announce(call("b"))
    with pytest.raises(JournalUnavailable):
        await journal.healthy()
    journal.close()


async def test_a_flush_that_fails_stops_every_exchange_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = writer(tmp_path)
    journal.open()
    monkeypatch.setattr(os, "fdatasync", _failing)
    results = await asyncio.gather(*(journal.announce(call(str(n))) for n in range(3)), return_exceptions=True)
    monkeypatch.undo()
    assert [type(r) for r in results] == [JournalUnavailable] * 3
    with pytest.raises(JournalUnavailable):
        await journal.announce(call("b"))
    journal.close()


async def test_a_chain_that_breaks_is_not_flushed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its descriptor is closed behind the flush under way; by then its number may be another file's."""
    disk = FullDisk(monkeypatch, errno.EIO)
    journal = writer(tmp_path)
    journal.open()
    flushed: list[int] = []
    may_end = threading.Event()

    def slow(fd: int) -> None:
        flushed.append(fd)
        may_end.wait(10)

    monkeypatch.setattr(os, "fdatasync", slow)
    first = asyncio.create_task(journal.announce(call("first")))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(journal.announce(call("waiting")))
    await asyncio.sleep(0)
    disk.full = True
    with pytest.raises(JournalUnavailable):
        await journal.announce(call("breaks it"))
    may_end.set()
    await first
    with pytest.raises(JournalUnavailable):
        await waiting
    assert len(flushed) == 1
    monkeypatch.undo()
    journal.close()


async def test_who_waits_for_a_journal_that_is_closed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = writer(tmp_path)
    journal.open()
    may_end = threading.Event()
    monkeypatch.setattr(os, "fdatasync", lambda _: may_end.wait(10))
    first = asyncio.create_task(journal.announce(call("first")))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(journal.announce(call("waiting")))
    await asyncio.sleep(0)
    may_end.set()
    journal.close()
    monkeypatch.undo()
    async with asyncio.timeout(5):
        await first
        with pytest.raises(JournalUnavailable):
            await waiting


def _failing(fd: int) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


async def test_the_order_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An announcement returns only once a flush that began after its write is done: a power cut loses no trace of an
    exchange. Calls that come during a flush share the next one.
    """
    journal = writer(tmp_path)
    journal.open()
    steps: list[tuple[str, str]] = []
    write, sync = os.write, os.fdatasync

    def watched_write(fd: int, data: Any) -> int:
        if fd == journal._chain.fd:
            steps.append(("write", str(read_line(bytes(data)).fields()["requestId"])))
        return write(fd, data)

    def watched_sync(fd: int) -> None:
        steps.append(("sync begins", ""))
        sync(fd)
        steps.append(("sync ends", ""))

    monkeypatch.setattr(os, "write", watched_write)
    monkeypatch.setattr(os, "fdatasync", watched_sync)

    async def announced(name: str) -> None:
        await journal.announce(call(name))
        steps.append(("returned", name))

    await asyncio.gather(*(announced(str(n)) for n in range(20)))
    for name in map(str, range(20)):
        wrote, back = steps.index(("write", name)), steps.index(("returned", name))
        between = [what for what, _ in steps[wrote:back]]
        assert "sync begins" in between
        assert "sync ends" in between[between.index("sync begins"):]
    assert sum(what == "sync begins" for what, _ in steps) <= 3
    monkeypatch.undo()
    journal.close()


async def test_a_full_segment_is_durable_before_the_next_takes_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = writer(tmp_path, segment_max_bytes=1 << 16)
    journal.open()
    synced: set[int] = set()
    sync = os.fdatasync

    def watched(fd: int) -> None:
        synced.add(os.fstat(fd).st_ino)
        sync(fd)

    monkeypatch.setattr(os, "fdatasync", watched)
    for n in range(100):
        await journal.conclude(call(str(n), chemin="x" * 1000))
    monkeypatch.undo()
    *full, _ = sorted((tmp_path / "worker-0").glob("*.jsonl"))
    assert full
    assert {f.stat().st_ino for f in full} <= synced
    journal.close()


async def test_a_call_that_nobody_awaits_any_more_stays_announced(tmp_path: Path) -> None:
    journal = writer(tmp_path)
    journal.open()
    task = asyncio.create_task(journal.announce(call("a")))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await journal.announce(call("b"))
    await journal.conclude(call("a", statut=503, transmis=False))
    await journal.conclude(call("b", statut=201))
    journal.close()
    assert {r.fields["requestId"]: r.fields["statut"] for r in told(tmp_path)} == {"a": 503, "b": 201}


async def test_one_worker_s_finding_stops_all_until_an_operator_has_decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FullDisk(monkeypatch, errno.EIO)
    one, other = writer(tmp_path), writer(tmp_path, "worker-1")
    one.open()
    other.open()
    await other.announce(call("under way"))
    disk.full = True
    with pytest.raises(JournalUnavailable):
        await one.conclude(call("a"))
    disk.full = False
    assert stopped(tmp_path) is not None, "the disk took the file, if not what is in it"
    for journal in (one, other):
        journal._clear_until = 0
        with pytest.raises(JournalUnavailable):
            await journal.announce(call("b"))
        with pytest.raises(JournalUnavailable):
            await journal.healthy()
    await other.conclude(call("under way", statut=201))
    resume(tmp_path)
    await asyncio.sleep(0.05)
    await other.announce(call("c"))
    await one.announce(call("d"))
    one.close()
    other.close()


async def test_an_altered_chain_starts_stopped_and_goes_on_once_it_is_mended(tmp_path: Path) -> None:
    journal = writer(tmp_path)
    journal.open()
    await journal.announce(call("a"))
    journal.close()
    (file,) = (tmp_path / "worker-0").glob("*.jsonl")
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b'"convention":"C"', b'"convention":"D"'))
    again, other = writer(tmp_path), writer(tmp_path, "worker-1")
    assert again.open() == 0
    other.open()
    for one in (again, other):
        with pytest.raises(JournalUnavailable, match="worker-0"):
            await one.announce(call("b"))
        with pytest.raises(JournalUnavailable, match="worker-0"):
            await one.conclude(call("b"))
    file.write_bytes(whole)
    with pytest.raises(JournalUnavailable):
        await again.healthy()
    resume(tmp_path)
    await asyncio.sleep(0.05)
    await again.announce(call("c"))
    await other.announce(call("d"))
    again.close()
    other.close()
    assert [(r.fields["requestId"], r.interrupted) for r in told(tmp_path)] == [("a", True)]


def test_a_stop_says_why_and_keeps_the_first_reason(tmp_path: Path) -> None:
    assert stopped(tmp_path) is None
    assert stop(tmp_path / "new", "one")
    assert stop(tmp_path / "new", "two")
    assert "one" in (stopped(tmp_path / "new") or "")
    (tmp_path / "arret.json").write_text("nonsense")
    assert stopped(tmp_path) == "arret.json is there, and says nothing"
    resume(tmp_path)
    assert stopped(tmp_path) is None


async def test_a_disk_that_does_not_even_take_the_stop_stops_this_worker_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = writer(tmp_path)
    journal.open()
    monkeypatch.setattr("gateway_addons.adapters.journal.journal_writer.stop", lambda folder, why: False)
    monkeypatch.setattr(os, "fdatasync", _failing)
    with pytest.raises(JournalUnavailable):
        await journal.announce(call("a"))
    monkeypatch.undo()
    await asyncio.sleep(0.05)
    with pytest.raises(JournalUnavailable):
        await journal.announce(call("b"))
    journal.close()
