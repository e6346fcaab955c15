"""The nomenclatures that an organisme would have sent before its entries, wide enough for any realistic lot.

Accounts are roots of the plan M9-5 (an account is known when an ancestor of at least two digits is); the codes of the
worked examples of the domain model are all there.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

ACCOUNT_ROOTS: Mapping[str, str] = MappingProxyType({
    "10": "Capital et reserves", "11": "Report a nouveau", "12": "Resultat de l'exercice", "13": "Subventions d'investissement",
    "14": "Provisions reglementees", "15": "Provisions", "16": "Emprunts et dettes assimilees", "17": "Dettes rattachees",
    "18": "Comptes de liaison", "20": "Immobilisations incorporelles", "21": "Immobilisations corporelles",
    "22": "Immobilisations mises en concession", "23": "Immobilisations en cours", "24": "Immobilisations affectees",
    "26": "Participations", "27": "Autres immobilisations financieres", "28": "Amortissements",
    "29": "Depreciations des immobilisations", "31": "Matieres premieres", "32": "Autres approvisionnements",
    "33": "En-cours de production de biens", "34": "En-cours de production de services", "35": "Stocks de produits",
    "37": "Stocks de marchandises", "39": "Depreciations des stocks", "40": "Fournisseurs", "41": "Clients et redevables",
    "42": "Personnel", "43": "Securite sociale et organismes sociaux", "44": "Etat et collectivites publiques",
    "45": "Comptabilites distinctes rattachees", "46": "Debiteurs et crediteurs divers", "47": "Comptes transitoires",
    "48": "Comptes de regularisation", "49": "Depreciations des comptes de tiers", "50": "Valeurs mobilieres de placement",
    "51": "Banques, Tresor", "53": "Caisse", "54": "Regies", "58": "Virements internes", "59": "Depreciations financieres",
    "60": "Achats", "61": "Services exterieurs", "62": "Autres services exterieurs", "63": "Impots et taxes",
    "64": "Charges de personnel", "65": "Autres charges de gestion", "66": "Charges financieres",
    "67": "Charges exceptionnelles", "68": "Dotations", "69": "Impots sur les benefices", "70": "Ventes et prestations",
    "71": "Production stockee", "72": "Production immobilisee", "74": "Subventions d'exploitation",
    "75": "Autres produits de gestion", "76": "Produits financiers", "77": "Produits exceptionnels", "78": "Reprises",
    "79": "Transferts de charges", "80": "Engagements hors bilan", "86": "Valeurs inactives", "88": "Resultat en instance",
    "89": "Bilan",
})
NATURES = ("INV-MAT-INF", "INV-TRAVAUX", "FON-FOURN", "FON-ENERGIE", "FON-PRESTA", "FON-DEPLACT", "PER-TRAIT", "PER-COTIS",
           "INT-SUBV")
DESTINATIONS = ("D1", "D101", "D102", "D2", "D201", "D202", "D3", "D301")
ORIGINS = ("O1", "O110", "O120", "O2", "O210", "O220")
OPERATIONS = ("OP-2025-SERVEURS", "OP-2026-TOITURE")
SUPPLIERS = tuple(f"F{number:07}" for number in range(12853, 12893))
THIRD_PARTIES = ("ETAT", "URSSAF", "DGFIP", "REGION", *SUPPLIERS)


def documents(siret: str, exercices: Iterable[int]) -> list[dict[str, Any]]:
    """Every nomenclature of an organisme, as it would be sent for each of the exercices (domain model, section 3.4)."""
    lists: dict[str, Mapping[str, str]] = {
        "nomenc": ACCOUNT_ROOTS,
        **{name: {code: f"{name} {code}" for code in codes} for name, codes in (
            ("nature", NATURES), ("destination", DESTINATIONS), ("origine", ORIGINS), ("tiers", THIRD_PARTIES),
            ("pluriannuel", OPERATIONS))},
    }
    return [
        {"organisme": {"siret": siret}, "exercices": list(exercices), "nomenclature": name, "mode": "REMPLACEMENT",
         "codes": [{"code": code, "libelle": label} for code, label in codes.items()]}
        for name, codes in lists.items()
    ]


def write(file: Path, organismes: Mapping[str, Iterable[int]]) -> None:
    """Write the nomenclatures of organismes (SIRET, exercices) into the file the backend imports."""
    found = [document for siret, exercices in organismes.items() for document in documents(siret, exercices)]
    file.write_text(yaml.safe_dump({"schema": 1, "referentiels": found}, sort_keys=False, width=200), encoding="utf-8")
