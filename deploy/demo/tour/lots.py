"""The lots that the tour sends: each call gets entries of its own, so that no lot is taken for a replay of another."""

from itertools import count, islice
from typing import Any

from deploy.demo.entries import Month, commitments, lot

SEED = 2026
_numbers = count(1)


def accounting(consumer: dict[str, Any], size: int = 2, *, siret: str | None = None, budget: str = "BP/01",
               periode: str = "2026-03") -> dict[str, Any]:
    """An accounting lot of the consumer; `siret` where it is to be another's."""
    number = next(_numbers)
    entries = Month(SEED, int(periode[:4]), int(periode[5:]), number * 100_000).entries(size)
    return lot(siret or consumer["siret"], budget, periode, "comptable", f"{periode}-{number:05}", entries)


def budgetary(consumer: dict[str, Any], *, budget: str = "BP/01", periode: str = "2026-03") -> dict[str, Any]:
    """A budgetary lot of the consumer: a commitment and a payment on it."""
    number = next(_numbers)
    entries = list(islice(commitments(int(periode[:4]), int(periode[5:]), number * 1000), 2))
    return lot(consumer["siret"], budget, periode, "budgetaire", f"{periode}-{number:05}", entries)


def financial(consumer: dict[str, Any]) -> dict[str, Any]:
    """A small financial lot: the cash balance of an initial budget."""
    number = next(_numbers)
    entry = {"identifiant": f"BI2026-EFP-{number}", "etat": "EFP", "stade": "BI", "voteLe": "2025-12-11",
             "executoireLe": "2026-01-07", "postes": [
                 {"code": "SOLDE", "libelle": "Solde budgetaire", "montant": "330000.00"},
                 {"code": "OCT", "libelle": "Operations pour compte de tiers (net)", "montant": "-40000.00"},
                 {"code": "EMPR", "libelle": "Remboursement d'emprunts", "montant": "0.00"},
                 {"code": "VAR-TRESO", "libelle": "Variation de tresorerie", "montant": "290000.00"}]}
    return lot(consumer["siret"], "BP/01", "2026-01", "financiere", f"2026-01-{number:05}", [entry])
