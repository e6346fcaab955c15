"""Nomenclatures: sent through the API, or from a file before the start."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.backend.conftest import Query, query_of
from tests.backend.documents import Document, accounting, credit, debit, lot, nomenclature, without
from tests.backend.gateway import SIRET, Gateway, codes
from tests.backend.running import ROOT, BackendProcess

PATH = "/infinoe/v1/referentiels/nomenc"


def account(code: str, first: str | None = None, last: str | None = None) -> Document:
    return {"code": code, "libelle": code, "valideDu": first, "valideAu": last}


def entry_in(exercice: int, code: str, day: str) -> Document:
    entry = accounting(lignes=[debit(code, "1.00"), credit(code, "1.00")], dateComptable=day, datePiece=day)
    return lot("comptable", [entry], exercice=exercice, periode=f"{exercice}-13")


def test_extend_then_replace(gateway: Gateway, query: Query) -> None:
    for mode, sent, known in (
        ("COMPLEMENT", ["31", "32"], ["31", "32"]),
        ("COMPLEMENT", ["32", "33"], ["31", "32", "33"]),
        ("REMPLACEMENT", ["33"], ["33"]),
    ):
        answer = gateway.send("PUT", PATH, nomenclature("nomenc", sent, mode=mode, exercice=2040))
        assert answer.status_code == 200
        receipt = answer.json()["accuse"]
        assert (receipt["operation"], receipt["referentiel"]["codes"]) == ("referentiel", len(sent))
        found = query("SELECT code FROM nomenclature_codes WHERE exercice = 2040 AND nomenclature = 'nomenc' ORDER BY code")
        assert [row[0] for row in found] == known
        for code in ("31", "33"):
            status = gateway.create("comptables", entry_in(2040, code, "2040-05-01")).status_code
            assert status == (201 if code in known else 422)
    kept = query("SELECT revision, mode FROM nomenclature_revisions WHERE exercice = 2040 ORDER BY revision")
    assert kept == [(1, "COMPLEMENT"), (2, "COMPLEMENT"), (3, "REMPLACEMENT")]


@pytest.mark.parametrize(
    ("code", "day", "status"),
    [("41", "2041-02-28", 422), ("41", "2041-03-01", 201), ("41", "2041-03-31", 201), ("41", "2041-04-01", 422),
     ("4101", "2041-04-01", 422), ("42", "2041-01-01", 201)],
)  # fmt: skip
def test_validity_of_a_code(gateway: Gateway, code: str, day: str, status: int) -> None:
    sent = nomenclature("nomenc", [account("41", "2041-03-01", "2041-03-31"), account("42")], exercice=2041)
    gateway.send("PUT", PATH, sent)
    assert gateway.create("comptables", entry_in(2041, code, day)).status_code == status


def test_codes_of_another_exercice_do_not_count(gateway: Gateway) -> None:
    assert codes(gateway.create("comptables", entry_in(2042, "515", "2042-01-01")))[:2] == (422, "INF-MET-07")


WRONG = [
    ("another organisme", {"organisme": {"siret": "73282932000074"}}, 403, "INF-DRT-03", "/organisme/siret"),
    ("SIRET key", {"organisme": {"siret": "13099990700013"}}, 422, "INF-MET-01", "/organisme/siret"),
    ("another nomenclature than the path", {"nomenclature": "tiers"}, 400, "4018", "/nomenclature"),
    ("mode", {"mode": "AUTRE"}, 400, "4013", "/mode"),
    ("a code twice", {"codes": [account("1"), account("1")]}, 400, "4016", "/codes/1/code"),
    ("ends before it begins", {"codes": [account("1", "2026-02-01", "2026-01-31")]}, 422, "INF-MET-02", "/codes/0/valideAu"),
    ("no code", {"codes": []}, 400, "4006", "/codes"),
    ("unknown field", {"codes": [{**account("1"), "x": 1}]}, 400, "4007", "/codes/0/x"),
]


@pytest.mark.parametrize(("changes", "status", "code", "path"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_wrong_nomenclature(gateway: Gateway, changes: Document, status: int, code: str, path: str) -> None:
    sent = {**nomenclature("nomenc", ["10"], exercice=2043), **changes}
    assert codes(gateway.send("PUT", PATH, sent)) == (status, code, {(code, path)})


def run_import(database: Path, file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "backend", "import-nomenclatures", "--database", str(database), "--file", str(file)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_import_before_the_start(tmp_path: Path, jwks: Path, gateway: Gateway) -> None:
    accounts = without(nomenclature("nomenc", [account("515", "2025-01-01"), account("2183"), account("44562"), account("4041")]),
                       "exercice") | {"exercices": [2025, 2026]}  # fmt: skip
    file = tmp_path / "nomenclatures.yaml"
    file.write_text(yaml.safe_dump({"schema": 1, "referentiels": [accounts, nomenclature("tiers", ["F0012873"])]}))
    process = BackendProcess(tmp_path, jwks)
    done = run_import(process.database, file)
    assert (done.returncode, done.stdout) == (0, "3 nomenclatures, 9 codes\n"), done.stderr
    process.start()
    own = Gateway(process.base_url, gateway.key)
    try:
        assert own.create("comptables", lot("comptable", [accounting()])).status_code == 201
        assert run_import(process.database, file).returncode == 1
    finally:
        process.stop()
        own.client.close()
    assert query_of(process)("SELECT DISTINCT siret, exercice FROM nomenclature_codes ORDER BY exercice") == [
        (SIRET, 2025), (SIRET, 2026),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "content",
    ["", "schema: 2\nreferentiels: []", "schema: 1\nreferentiels: [{mode: COMPLEMENT}]", "{", "schema: 1\nreferentiels: [1]",
     "schema: 1\nautre: 1\nreferentiels: []"],
)  # fmt: skip
def test_a_wrong_file_is_refused_whole(tmp_path: Path, content: str) -> None:
    file = tmp_path / "nomenclatures.yaml"
    file.write_text(content)
    done = run_import(tmp_path / "new.sqlite3", file)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "new.sqlite3").exists()
