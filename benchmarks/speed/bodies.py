"""What all contestants are called with: lots of three sizes, and a great many of 1 KiB that policy must tell apart."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

SIZES = {"1 KiB": 1 << 10, "100 KiB": 100 << 10, "1 MiB": 1 << 20}
UNLIKE = "1 KiB, each call another periode or budget"
PERIODS = [(year, f"{year}-{month:02}") for year in range(2025, 2031) for month in range(1, 13)]
BUDGETS = ["01", *(str(number) for number in range(11, 30))]
"""With the periods more lots than are sent in a second: none of them asks policy what another one just asked."""


def widen(contract: Path) -> None:
    """Give the consumer all of `BUDGETS`."""
    document = yaml.safe_load(contract.read_text())
    for entity in document["organisme"]["entites"]:
        entity["budgets"] = [{"type": "BP", "code": code} for code in BUDGETS]
    for right in document["droits"]:
        if "budgets" in right:
            right["budgets"] = [f"BP/{code}" for code in BUDGETS]
    contract.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))


def write(folder: Path, siret: str) -> dict[str, str]:
    """Write them; returns their files by what they are, those of one kind separated by commas."""
    folder.mkdir()
    files = {name: str(_written(folder / f"{size}.json", _padded(_lot(siret, _entries(size, siret)), size)))
             for name, size in SIZES.items()}
    lots = [_lot(siret, _some(1)) | {"exercice": exercice, "periode": periode, "budget": {"type": "BP", "code": code}}
            for code in BUDGETS for exercice, periode in PERIODS]
    unlike = [_written(folder / f"{n}.json", _padded(lot, SIZES["1 KiB"])) for n, lot in enumerate(lots)]
    return files | {UNLIKE: ",".join(map(str, unlike))}


def _written(file: Path, raw: bytes) -> Path:
    file.write_bytes(raw)
    return file


def _padded(lot: dict[str, Any], size: int) -> bytes:
    return json.dumps(lot).encode().ljust(size)


def _entries(size: int, siret: str) -> list[dict[str, Any]]:
    """As many as nearly fill a lot of that size."""
    count = 1
    step = max(1, size // 1000)
    while step:
        while len(json.dumps(_lot(siret, _some(count + step)))) < size:
            count += step
        step //= 2
    return _some(count)


def _some(count: int) -> list[dict[str, Any]]:
    return [{
        "identifiant": f"E-{number:06}",
        "journal": "AC",
        "piece": f"P{number:06}",
        "typeEcriture": "NORMALE",
        "dateComptable": "2026-03-18",
        "datePiece": "2026-03-16",
        "libelle": "Facture " + "x" * 150,
        "lignes": [
            {"compte": "2183", "debit": "10.00", "libelle": "Materiel"},
            {"compte": "4041", "credit": "10.00", "libelle": "Fournisseur"},
        ],
    } for number in range(count)]


def _lot(siret: str, entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "organisme": {"siret": siret},
        "budget": {"type": "BP", "code": "01"},
        "exercice": 2026,
        "periode": "2026-03",
        "flux": "comptable",
        "systemeEmetteur": {"nom": "SIFAC", "version": "7.1"},
        "numeroLot": "L-1",
        "ecritures": entries,
    }
