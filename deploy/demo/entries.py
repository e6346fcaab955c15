"""Realistic, balanced entries of one month, as a public body's financial software sends them; the same seed, the same entries."""

import calendar
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.demo.nomenclatures import SUPPLIERS

type Entry = dict[str, Any]
type Line = dict[str, str]

VAT_PERCENT = 20
PURCHASES = (("6061", "Energie et fluides"), ("6063", "Petit equipement"), ("6068", "Autres fournitures"),
             ("6132", "Locations immobilieres"), ("6156", "Maintenance"), ("6226", "Honoraires"),
             ("6251", "Deplacements"), ("6263", "Affranchissements"))
ASSETS = (("2183", "Materiel informatique"), ("2184", "Mobilier"), ("2154", "Materiel industriel"))


@dataclass
class Month:
    """Makes the accounting entries of one month.

    `first` is the number of the first entry: identifiers and documents of two makers with other numbers never meet.
    """

    seed: int
    exercice: int
    month: int
    first: int = 1

    def __post_init__(self) -> None:
        self._random = random.Random(f"{self.seed}/{self.exercice}/{self.month}/{self.first}")  # noqa: S311 - play money
        self._number = self.first
        self._unpaid: list[tuple[str, str, int]] = []

    @property
    def periode(self) -> str:
        """`2026-03`."""
        return f"{self.exercice}-{self.month:02}"

    def entries(self, count: int) -> list[Entry]:
        """That many entries, each balanced to the cent; invoices come before their payments."""
        kinds = (self._purchase, self._asset, self._payment, self._payroll, self._subsidy, self._sale)
        weights = (46, 6, 30, 8, 2, 8)
        return [self._random.choices(kinds, weights)[0]() for _ in range(count)]

    def _purchase(self) -> Entry:
        account, label = self._random.choice(PURCHASES)
        return self._invoice(account, label, "44566", "401")

    def _asset(self) -> Entry:
        account, label = self._random.choice(ASSETS)
        return self._invoice(account, label, "44562", "4041")

    def _invoice(self, account: str, label: str, vat_account: str, supplier_account: str) -> Entry:
        net, supplier = self._cents(2_000, 900_000), self._random.choice(SUPPLIERS)
        vat = net * VAT_PERCENT // 100
        self._unpaid.append((supplier_account, supplier, net + vat))
        return self._entry("AC", f"Facture {self._random.randint(1000, 9999)} {label.lower()}", [
            _debit(account, net, label),
            _debit(vat_account, vat, "TVA deductible"),
            _credit(supplier_account, net + vat, "Fournisseur", supplier),
        ])

    def _payment(self) -> Entry:
        if not self._unpaid:
            return self._purchase()
        account, supplier, amount = self._unpaid.pop(0)
        return self._entry("TR", "Paiement fournisseur", [
            _debit(account, amount, "Solde facture", supplier),
            _credit("515", amount, "Tresor"),
        ])

    def _payroll(self) -> Entry:
        gross = self._cents(180_000, 650_000)
        withheld, employer = gross * 22 // 100, gross * 34 // 100
        return self._entry("PA", "Paie du mois", [
            _debit("6411", gross, "Traitements"),
            _debit("6451", employer, "Cotisations patronales"),
            _credit("431", withheld + employer, "Organismes sociaux", "URSSAF"),
            _credit("421", gross - withheld, "Remunerations dues"),
        ])

    def _subsidy(self) -> Entry:
        amount = self._cents(1_000_000, 90_000_000)
        return self._entry("TR", "Subvention pour charges de service public", [
            _debit("515", amount, "Tresor"), _credit("741", amount, "Subvention Etat", "ETAT"),
        ])

    def _sale(self) -> Entry:
        net = self._cents(5_000, 300_000)
        vat = net * VAT_PERCENT // 100
        return self._entry("VE", "Prestation facturee", [
            _debit("411", net + vat, "Client", "REGION"),
            _credit("706", net, "Prestations de services"),
            _credit("44571", vat, "TVA collectee"),
        ])

    def _entry(self, journal: str, label: str, lines: Sequence[Line]) -> Entry:
        number, self._number = self._number, self._number + 1
        day = self._random.randint(1, calendar.monthrange(self.exercice, self.month)[1])
        piece_day = self._random.randint(1, day)
        return {
            "identifiant": f"{journal}-{self.exercice}-{number:07}", "journal": journal, "piece": f"{number:07}",
            "typeEcriture": "NORMALE", "dateComptable": f"{self.periode}-{day:02}",
            "datePiece": f"{self.periode}-{piece_day:02}", "libelle": label, "lignes": list(lines),
        }

    def _cents(self, low: int, high: int) -> int:
        return self._random.randint(low, high)


def commitments(exercice: int, month: int, first: int) -> Iterator[Entry]:
    """Budgetary entries without end: a commitment (AE), then a payment of a third of it (CP), by turns."""
    number, day = first, f"{exercice}-{month:02}-15"
    common = {"sens": "CONSOMMATION", "dateBudgetaire": day, "enveloppe": "FONCTIONNEMENT", "nature": "FON-PRESTA",
              "destination": "D201", "tiers": SUPPLIERS[0]}
    while True:
        commitment = f"EJ-{exercice}-{number:06}"
        amount = 120_000 + number % 1000 * 300
        yield {"identifiant": commitment, "mouvement": "AE", "evenement": "ENGAGEMENT_JURIDIQUE", **common,
               "montant": euros(amount), "libelle": "Marche de prestations"}
        yield {"identifiant": f"DP-{exercice}-{number:06}", "mouvement": "CP", "evenement": "PAIEMENT", **common,
               "engagement": commitment, "montant": euros(amount // 3), "libelle": "Acompte"}
        number += 1


def lot(siret: str, budget: str, periode: str, flux: str, number: str, entries: Sequence[Entry]) -> dict[str, Any]:
    """A lot as the API takes it (domain model, section 2); `budget` is `BP/01`."""
    return {
        **perimeter(siret, budget, periode), "flux": flux, "systemeEmetteur": {"nom": "SIFAC", "version": "7.1"},
        "numeroLot": number, "ecritures": list(entries),
    }


def perimeter(siret: str, budget: str, periode: str) -> dict[str, Any]:
    """Whose data, which budget, which time: what control C5 looks at."""
    kind, _, code = budget.partition("/")
    return {"organisme": {"siret": siret}, "budget": {"type": kind, "code": code}, "exercice": int(periode[:4]),
            "periode": periode}


def euros(cents: int) -> str:
    """`184320.00`, without floats."""
    return f"{cents // 100}.{cents % 100:02}"


def _debit(account: str, cents: int, label: str, third_party: str | None = None) -> Line:
    return _line(account, "debit", cents, label, third_party)


def _credit(account: str, cents: int, label: str, third_party: str | None = None) -> Line:
    return _line(account, "credit", cents, label, third_party)


def _line(account: str, side: str, cents: int, label: str, third_party: str | None) -> Line:
    line = {"compte": account, side: euros(cents), "libelle": label}
    return line | {"tiers": third_party} if third_party else line
