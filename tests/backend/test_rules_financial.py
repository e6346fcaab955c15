"""INF-MET-02, 10, 11 and 13 on financial statements."""

from copy import deepcopy

import pytest

from tests.backend.documents import ABP_POSTS, DESP_POSTS, EFP_POSTS, Document, financial, lot, post, without
from tests.backend.gateway import Gateway, codes

YEAR = [post("ENC", "1.00", mois=month) for month in range(1, 13)]
ACCOUNT = without(financial("CF", [post("RES", "-1.00")], stade="CF", arreteLe="2027-03-16"), "executoireLe")


def amended(posts: list[Document], code: str, **changes: str) -> list[Document]:
    return [{**one, **changes} if one["code"] == code else one for one in deepcopy(posts)]


PASS = [
    ("ABP, EFP and DESP that agree", [financial(), financial("EFP", EFP_POSTS), financial("DESP", DESP_POSTS)]),
    ("EFP alone", [financial("EFP", EFP_POSTS)]),
    ("cash plan of twelve months", [financial("PTP", YEAR)]),
    ("different stages are not compared", [financial(), financial("EFP", amended(amended(EFP_POSTS, "SOLDE", montant="3.50"),
                                                     "VAR-TRESO", montant="3.10"), stade="BR1")]),
    ("financial account", [ACCOUNT]),
]  # fmt: skip


@pytest.mark.parametrize("entries", [row[1] for row in PASS], ids=[row[0] for row in PASS])
def test_accepted(gateway: Gateway, entries: list[Document]) -> None:
    answer = gateway.create("financieres", lot("financiere", entries))
    assert answer.status_code == 201, answer.text
    assert "avertissements" not in answer.json()["accuse"]


FAIL = [
    ("ABP off by a centime", [financial(postes=amended(ABP_POSTS, "SOLDE", montant="2.51"))], 422, "INF-MET-10", 0),
    ("ABP without balance", [financial(postes=ABP_POSTS[:3])], 422, "INF-MET-10", 0),
    ("ABP with two balances", [financial(postes=[*ABP_POSTS, ABP_POSTS[3]])], 422, "INF-MET-10", 0),
    ("EFP off by a centime", [financial("EFP", amended(EFP_POSTS, "VAR-TRESO", montant="2.11"))], 422, "INF-MET-10", 0),
    ("balance of EFP is not that of ABP", [financial(), financial("EFP", [post("SOLDE", "2.51"), post("VAR-TRESO", "2.51")])],
     422, "INF-MET-10", 1),
    ("eleven months", [financial("PTP", YEAR[:11])], 422, "INF-MET-11", 0),
    ("a month twice", [financial("PTP", [*YEAR[:11], YEAR[0]])], 422, "INF-MET-11", 0),
    ("thirteen posts", [financial("PTP", [*YEAR, YEAR[0]])], 422, "INF-MET-11", 0),
    ("CP of DESP", [financial(), financial("DESP", amended(DESP_POSTS, "D201", cp="247.51"))], 422, "INF-MET-11", 1),
    ("receipts of DESP", [financial("DESP", amended(DESP_POSTS, "O110", montant="1.00")), financial()], 422, "INF-MET-11", 0),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "status", "code", "index"), [row[1:] for row in FAIL], ids=[row[0] for row in FAIL])
def test_refused(gateway: Gateway, entries: list[Document], status: int, code: str, index: int) -> None:
    answer = codes(gateway.create("financieres", lot("financiere", entries)))
    assert answer == (status, code, {(code, f"/ecritures/{index}/postes")})


FORM = [
    ("executory before the vote", financial(executoireLe="2025-12-10"), 422, "INF-MET-02", "/executoireLe"),
    ("voted years before", financial(voteLe="2020-12-10"), 422, "INF-MET-02", "/voteLe"),
    ("initial budget not executory", financial(executoireLe=None), 400, "4008", "/executoireLe"),
    ("financial account not closed", without(ACCOUNT, "arreteLe"), 400, "4008", "/arreteLe"),
    ("financial account at the stage of a budget", financial("CF"), 400, "4015", "/stade"),
    ("post without amount", financial("OPP", [post("X")]), 400, "4008", "/postes/0/montant"),
    ("month outside a cash plan", financial("OPP", [post("X", "1.00", mois=1)]), 400, "4015", "/postes/0/mois"),
    ("thirteenth month", financial("PTP", [post("X", "1.00", mois=13)]), 400, "4013", "/postes/0/mois"),
    ("unknown stage", financial(stade="BR10"), 400, "4013", "/stade"),
]


@pytest.mark.parametrize(("entry", "status", "code", "path"), [row[1:] for row in FORM], ids=[row[0] for row in FORM])
def test_what_goes_together(gateway: Gateway, entry: Document, status: int, code: str, path: str) -> None:
    answer = codes(gateway.create("financieres", lot("financiere", [entry])))
    assert answer == (status, code, {(code, f"/ecritures/0{path}")})


@pytest.mark.parametrize(
    ("exercice", "closed", "late"),
    [(2023, "2024-03-15", False), (2023, "2024-03-16", True), (2024, "2025-03-16", False), (2024, "2025-03-17", True),
     (2026, "2027-03-16", False), (2026, "2027-03-17", True)],
)  # fmt: skip
def test_a_late_financial_account_is_received_with_a_warning(gateway: Gateway, exercice: int, closed: str, late: bool) -> None:
    """Décret 2012-1246, art. 212: the dates of the terms-of-use vectors."""
    entry = {**without(ACCOUNT, "voteLe"), "arreteLe": closed}
    answer = gateway.create("financieres", lot("financiere", [entry], exercice=exercice, periode=f"{exercice}-13"))
    assert answer.status_code == 201
    warned = [one["code"] for one in answer.json()["accuse"].get("avertissements", [])]
    assert warned == (["INF-MET-13"] if late else [])
