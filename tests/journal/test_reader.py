"""Reading: one record for each call and act, in the order of time over all writers, and no line that was altered."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway_addons.adapters.journal.journal_writer import JournalWriter
from gateway_addons.adapters.journal.reader import records
from gateway_addons.adapters.journal.segments import last_line, segments
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.facts import rfc3339
from tests.journal.settings import journal_settings

T0 = datetime.now(UTC) - timedelta(minutes=1)


async def filled(folder: Path, writers: int = 3, calls: int = 20) -> None:
    """Calls one second apart, dealt to the writers in turn."""
    journals = [JournalWriter(journal_settings(folder), f"worker-{n}") for n in range(writers)]
    for journal in journals:
        journal.open()
    for n in range(calls):
        record = {"requestId": str(n), "horodatage": rfc3339(T0 + timedelta(seconds=n))}
        journal = journals[n % writers]
        if n % 2:
            await journal.announce(record)
        await journal.conclude(record | {"statut": 201})
    for journal in journals:
        journal.close()


def test_all_writers_in_the_order_of_time(tmp_path: Path) -> None:
    asyncio.run(filled(tmp_path))
    assert [r.fields["requestId"] for r in records(tmp_path)] == [str(n) for n in range(20)]
    assert {r.writer for r in records(tmp_path)} == {"worker-0", "worker-1", "worker-2"}


def test_a_period_is_half_open(tmp_path: Path) -> None:
    asyncio.run(filled(tmp_path))
    found = records(tmp_path, T0 + timedelta(seconds=5), T0 + timedelta(seconds=8))
    assert [r.fields["requestId"] for r in found] == ["5", "6", "7"]


def test_no_journal_no_records(tmp_path: Path) -> None:
    assert list(records(tmp_path / "none")) == []


def test_an_altered_line_is_never_shown(tmp_path: Path) -> None:
    asyncio.run(filled(tmp_path, writers=1))
    (file,) = segments(tmp_path / "worker-0")
    file.write_bytes(file.read_bytes().replace(b'"requestId":"9"', b'"requestId":"8"', 1))
    shown: list[str] = []
    with pytest.raises(JournalUnavailable, match="poterne journal verify"):
        shown.extend(r.fields["requestId"] for r in records(tmp_path))
    assert shown == [str(n) for n in range(9)]


def test_a_line_that_is_being_written_is_not_read_yet(tmp_path: Path) -> None:
    asyncio.run(filled(tmp_path, writers=1))
    with segments(tmp_path / "worker-0")[0].open("ab") as file:
        file.write(b'{"seq":')
    assert len(list(records(tmp_path))) == 20


@pytest.mark.parametrize(("content", "expected"), [
    (b"", None), (b"a", None), (b"a\n", b"a\n"), (b"a\nb\n", b"b\n"), (b"a\nb", b"a\n"), (b"a\n\n", b"\n"),
    (b"x" * 200_000 + b"\n", b"x" * 200_000 + b"\n"), (b"a\n" + b"x" * 70_000 + b"\n" + b"y" * 70_000, b"x" * 70_000 + b"\n")])
def test_the_last_whole_line(tmp_path: Path, content: bytes, expected: bytes | None) -> None:
    file = tmp_path / "f"
    file.write_bytes(content)
    assert last_line(file) == expected
