"""Large lots: a month of an organisme in a fraction of a second, the largest lot within memory, and the loop alive."""

import threading
import time
from pathlib import Path

import pytest

from tests.backend.conftest import query_of
from tests.backend.documents import Document, accounting, credit, debit, lot
from tests.backend.gateway import Gateway, codes
from tests.backend.running import BackendProcess

MEMORY_LIMIT_KIB = 1_500_000


def month(count: int) -> Document:
    entries = []
    for number in range(count):
        net = 1_000 + number * 37 % 100_000
        lines = [
            debit("2183", f"{net}.00", libelle="Matériel informatique"),
            debit("44562", f"{net // 5}.20", libelle="TVA sur immobilisations"),
            credit("4041", f"{net + net // 5}.20", tiers="F0012873", libelle="Fournisseur d'immobilisations"),
        ]
        day = f"2026-03-{1 + number % 31:02d}"
        entries.append(
            accounting(f"AC-2026-{number:07d}", lines, dateComptable=day, datePiece=day, libelle=f"Facture 26-{number:05d}")
        )
    return lot("comptable", entries)


def test_two_thousand_entries_in_well_under_two_seconds(gateway: Gateway) -> None:
    began = time.perf_counter()
    answer = gateway.create("comptables", month(2_000))
    assert answer.status_code == 201
    assert time.perf_counter() - began < 2.0


@pytest.mark.parametrize("count", [50_000])
def test_the_largest_lot(own_backend: BackendProcess, own_gateway: Gateway, count: int) -> None:
    document = month(count)
    slowest = 0.0
    done = threading.Event()

    def ask_meanwhile() -> None:
        nonlocal slowest
        while not done.is_set():
            began = time.perf_counter()
            assert own_gateway.client.get("/health/live").status_code == 200
            slowest = max(slowest, time.perf_counter() - began)
            time.sleep(0.01)

    asking = threading.Thread(target=ask_meanwhile)
    asking.start()
    began = time.perf_counter()
    answer = own_gateway.create("comptables", document)
    took = time.perf_counter() - began
    done.set()
    asking.join()
    peak = int(Path(f"/proc/{own_backend.pid}/status").read_text().partition("VmHWM:")[2].split()[0])
    print(f"{count} entries: {took:.2f} s, slowest other answer {slowest:.2f} s, peak memory {peak // 1024} MiB")  # noqa: T201
    assert answer.status_code == 201
    assert query_of(own_backend)("SELECT count(*) FROM entries") == [(count,)]
    assert peak < MEMORY_LIMIT_KIB
    assert slowest < 2.0


def test_one_entry_too_many_is_refused_early(gateway: Gateway) -> None:
    document = month(1)
    document["ecritures"] = document["ecritures"] * 50_001
    assert codes(gateway.create("comptables", document))[:2] == (400, "4006")
