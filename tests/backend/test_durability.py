"""A 2xx is on the disk: the process is killed right after it, and the file is opened by nobody but us."""

import sqlite3
from contextlib import closing

import pytest

from tests.backend.conftest import query_of
from tests.backend.documents import accounting, change, commitment, lot
from tests.backend.gateway import Gateway, codes
from tests.backend.running import BackendProcess


def test_what_was_acknowledged_survives_a_kill(own_backend: BackendProcess, own_gateway: Gateway) -> None:
    document = lot("comptable", [accounting(f"AC-{number}") for number in range(50)])
    budget = lot("budgetaire", [commitment()])
    first = own_gateway.create("comptables", document)
    own_gateway.create("budgetaires", budget)
    body = change(budget, ecriture=commitment(montant="2000.00"))
    last = own_gateway.change("PUT", "budgetaires", "EJ-1", body, '"1"')
    own_backend.kill()
    assert (first.status_code, last.status_code) == (201, 200)
    with closing(sqlite3.connect(own_backend.database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT count(*) FROM entries WHERE flux = 'comptable'").fetchall() == [(50,)]
        found = connection.execute("SELECT version, amount_centimes FROM entries WHERE identifiant = 'EJ-1'").fetchall()
        assert found == [(2, 200_000)]
    own_backend.start()
    again = own_gateway.create("comptables", document)
    assert (again.status_code, again.json()) == (200, first.json())


def test_the_file_is_in_wal_mode_and_private(own_backend: BackendProcess) -> None:
    assert query_of(own_backend)("PRAGMA journal_mode") == [("wal",)]
    assert own_backend.database.stat().st_mode & 0o077 == 0


def test_one_process_for_each_database(own_backend: BackendProcess) -> None:
    second = BackendProcess(own_backend.database.parent, own_backend.database.parent / "none")
    assert second.spawn().wait(20) == 1
    assert "in use by another process" in second.log.read_text()


def test_a_store_that_cannot_be_written_is_503_and_then_recovers(own_backend: BackendProcess, own_gateway: Gateway) -> None:
    document = lot("comptable", [accounting()])
    with closing(sqlite3.connect(own_backend.database, isolation_level=None)) as intruder:
        intruder.execute("BEGIN IMMEDIATE")
        answer = own_gateway.create("comptables", document)
        assert codes(answer)[:2] == (503, "INF-APP-02")
        assert answer.headers["retry-after"].isdigit()
        intruder.execute("ROLLBACK")
    assert own_gateway.create("comptables", document).status_code == 201


def test_a_fault_is_500_without_a_trace(own_backend: BackendProcess, own_gateway: Gateway) -> None:
    with closing(sqlite3.connect(own_backend.database)) as intruder:
        intruder.execute("CREATE TRIGGER planted BEFORE INSERT ON lots BEGIN SELECT RAISE(ABORT, 'planted'); END")
    answer = own_gateway.create("comptables", lot("comptable", [accounting()]))
    assert codes(answer) == (500, "INF-APP-01", set())
    assert "planted" not in answer.text
    assert "planted" in own_backend.log.read_text()
    assert query_of(own_backend)("SELECT count(*) FROM entries") == [(0,)]
    assert own_gateway.send("GET", "/infinoe/v1/etatSante").status_code == 200


@pytest.mark.parametrize("content", [b"not a database, and long enough to be read as one" * 100])
def test_no_start_on_another_file(own_backend: BackendProcess, content: bytes) -> None:
    own_backend.stop()
    own_backend.database.write_bytes(content)
    assert own_backend.spawn().wait(20) == 1
    assert "Traceback" not in own_backend.log.read_text()
    assert own_backend.database.read_bytes() == content
