"""Bodies that are right; a test changes one fact."""

import itertools
from copy import deepcopy
from typing import Any

from tests.backend.gateway import SIRET

type Document = dict[str, Any]

_numbers = itertools.count(1)

NOMENCLATURES: dict[str, tuple[str, ...]] = {
    "nomenc": ("10", "2183", "4041", "44562", "515", "60", "741", "801", "802", "809", "861", "862", "863", "88", "89", "87"),
    "tiers": ("F0012873", "ETAT"),
    "nature": ("INV-MAT-INF",),
    "destination": ("D201",),
    "origine": ("O110",),
    "pluriannuel": ("OP-2025-SERVEURS",),
}


def new_budget() -> Document:
    """A budget no other test uses, so that tests of one process do not meet."""
    return {"type": "BP", "code": f"T{next(_numbers):05d}"}


def lot(flux: str, entries: list[Document], **changes: Any) -> Document:
    return {
        "organisme": {"siret": SIRET, "codeInfinoe": "OPN04217", "uai": None},
        "budget": new_budget(), "exercice": 2026, "periode": "2026-03", "flux": flux,
        "systemeEmetteur": {"nom": "SIFAC", "version": "7.1"}, "numeroLot": "2026-03-31-0007",
        "ecritures": entries, **changes,
    }  # fmt: skip


def change(of: Document, **changes: Any) -> Document:
    """The body of a PUT or DELETE in the perimeter of a lot."""
    perimeter = {name: deepcopy(of[name]) for name in ("organisme", "budget", "exercice", "periode")}
    return {**perimeter, "motif": "Avenant 1", **changes}


def without(document: Document, *names: str) -> Document:
    return {name: value for name, value in document.items() if name not in names}


def commitment(identifiant: str = "EJ-1", montant: str = "1000.00", **changes: Any) -> Document:
    return {
        "identifiant": identifiant, "mouvement": "AE", "sens": "CONSOMMATION", "evenement": "ENGAGEMENT_JURIDIQUE",
        "dateBudgetaire": "2026-03-12", "enveloppe": "INVESTISSEMENT", "nature": "INV-MAT-INF", "destination": "D201",
        "operationPluriannuelle": "OP-2025-SERVEURS", "tiers": "F0012873", "montant": montant, "libelle": "Marché 2025-041",
        **changes,
    }  # fmt: skip


def payment(identifiant: str = "DP-1", montant: str = "400.00", engagement: str | None = "EJ-1", **changes: Any) -> Document:
    return {
        "identifiant": identifiant, "mouvement": "CP", "sens": "CONSOMMATION", "evenement": "PAIEMENT",
        "dateBudgetaire": "2026-03-27", "enveloppe": "INVESTISSEMENT", "nature": "INV-MAT-INF", "destination": "D201",
        "engagement": engagement, "montant": montant, "libelle": "Acompte 1", **changes,
    }  # fmt: skip


def revenue(identifiant: str = "RE-1", **changes: Any) -> Document:
    return {
        "identifiant": identifiant, "mouvement": "RECETTE", "sens": "ENCAISSEMENT", "evenement": "ENCAISSEMENT",
        "dateBudgetaire": "2026-03-30", "typeRecette": "SCSP", "flechee": False, "origine": "O110", "tiers": "ETAT",
        "montant": "2750000.00", "libelle": "SCSP 2026, versement mars", **changes,
    }  # fmt: skip


def debit(compte: str, amount: str, **more: Any) -> Document:
    return {"compte": compte, "debit": amount, "libelle": "Débit", **more}


def credit(compte: str, amount: str, **more: Any) -> Document:
    return {"compte": compte, "credit": amount, "libelle": "Crédit", **more}


def accounting(identifiant: str = "AC-1", lignes: list[Document] | None = None, **changes: Any) -> Document:
    lines = [debit("2183", "51200.00"), debit("44562", "10240.00"), credit("4041", "61440.00", tiers="F0012873")]
    return {
        "identifiant": identifiant, "journal": "AC", "piece": identifiant, "typeEcriture": "NORMALE",
        "dateComptable": "2026-03-18", "datePiece": "2026-03-16", "libelle": "Facture 26-0391",
        "lignes": lines if lignes is None else lignes, **changes,
    }  # fmt: skip


def post(code: str, montant: str | None = None, **changes: Any) -> Document:
    return {"code": code, "libelle": code, **({} if montant is None else {"montant": montant}), **changes}


ABP_POSTS = [
    post("DEP-PERS", ae="214.00", cp="214.00", enveloppe="PERSONNEL"),
    post("DEP-INVS", ae="42.00", cp="33.50", enveloppe="INVESTISSEMENT"),
    post("REC-TOT", "250.00"),
    post("SOLDE", "2.50"),
]
EFP_POSTS = [post("SOLDE", "2.50"), post("OCT", "-0.40"), post("EMPR", "0.00"), post("VAR-TRESO", "2.10")]
DESP_POSTS = [post("D201", ae="256.00", cp="247.50"), post("O110", "250.00")]


def financial(etat: str = "ABP", postes: list[Document] | None = None, **changes: Any) -> Document:
    return {
        "identifiant": f"BI2026-{etat}", "etat": etat, "stade": "BI", "voteLe": "2025-12-11", "executoireLe": "2026-01-07",
        "postes": ABP_POSTS if postes is None else postes, **changes,
    }  # fmt: skip


def nomenclature(name: str, codes: list[Any], **changes: Any) -> Document:
    items = [{"code": one, "libelle": one} if isinstance(one, str) else one for one in codes]
    return {
        "organisme": {"siret": SIRET}, "exercice": 2026, "nomenclature": name, "mode": "COMPLEMENT", "codes": items, **changes
    }
