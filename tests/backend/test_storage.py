"""The one writer: work is undone alone, several commits are one, and nothing waits for ever."""

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from backend.database import DatabaseUnusableError
from backend.errors import Refusal
from backend.storage import MAX_WAITING, Storage, Work


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    found = Storage(tmp_path / "store.sqlite3")
    yield found
    found.close()


def receipt(number: int, *, fail: bool = False) -> Work[int]:
    def work(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO receipts VALUES (?, ?, 'creation', '', '', '', '', '')", (number, str(number)))
        if fail:
            raise Refusal("INF-MET-06")
        return number

    return work


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM receipts").fetchone()[0])


def held(storage: Storage) -> tuple[threading.Event, Future[None]]:
    """The writer, kept busy until the event is set: what is submitted meanwhile becomes one group."""
    entered, release = threading.Event(), threading.Event()

    def wait(_: sqlite3.Connection) -> None:
        entered.set()
        assert release.wait(10)

    future = storage.submit(wait)
    assert entered.wait(10)
    return release, future


def test_work_that_raises_is_undone_alone(storage: Storage) -> None:
    release, _ = held(storage)
    futures = [storage.submit(receipt(number, fail=number % 3 == 0)) for number in range(1, 10)]
    release.set()
    outcomes = [future.exception(10) for future in futures]
    assert [outcome is None for outcome in outcomes] == [number % 3 != 0 for number in range(1, 10)]
    assert all(isinstance(outcome, Refusal) for outcome in outcomes[2::3])
    assert storage.submit(count).result(10) == 6


def test_too_much_waiting_is_refused(storage: Storage) -> None:
    release, _ = held(storage)
    waiting = [storage.submit(receipt(number)) for number in range(1, MAX_WAITING + 1)]
    with pytest.raises(Refusal, match="INF-APP-02"):
        storage.submit(count)
    release.set()
    assert [future.result(10) for future in waiting] == list(range(1, MAX_WAITING + 1))
    assert storage.submit(count).result(10) == MAX_WAITING


def test_a_lost_transaction_fails_the_whole_group(storage: Storage) -> None:
    release, _ = held(storage)
    good = storage.submit(receipt(1))
    lost = storage.submit(lambda connection: connection.execute("ROLLBACK"))
    after = storage.submit(receipt(2))
    release.set()
    for future in (good, lost, after):
        with pytest.raises(Refusal, match="INF-APP-02"):
            future.result(10)
    assert storage.submit(count).result(10) == 0
    assert storage.submit(receipt(3)).result(10) == 3


def test_closing_finishes_what_was_submitted(tmp_path: Path) -> None:
    storage = Storage(tmp_path / "store.sqlite3")
    futures = [storage.submit(receipt(number)) for number in range(1, 200)]
    storage.close()
    assert [future.result(0) for future in futures] == list(range(1, 200))
    again = Storage(tmp_path / "store.sqlite3")
    assert again.submit(count).result(10) == 199
    again.close()


def test_the_file_is_for_one_at_a_time(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusableError, match="in use"):
        Storage(tmp_path / "store.sqlite3")


@pytest.mark.parametrize(("pragma", "value"), [("synchronous", 2), ("foreign_keys", 1), ("journal_mode", "wal")])
def test_how_the_file_is_opened(storage: Storage, pragma: str, value: object) -> None:
    assert storage.submit(lambda connection: connection.execute(f"PRAGMA {pragma}").fetchone()[0]).result(10) == value


def test_a_file_of_another_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(DatabaseUnusableError, match="schema 99"):
        Storage(path)
