# ruff: noqa: N815 - the names are the API's own
"""A budgetary entry: execution of AE, CP and receipts (domain model, section 3.1)."""

from typing import Literal

from backend.amounts import PositiveAmount
from backend.model_types import Code, Identifiant, IsoDate, OwnPerimeter, Text

ENVELOPES = ("PERSONNEL", "FONCTIONNEMENT", "INTERVENTION", "INVESTISSEMENT", "FONCTIONNEMENT_INTERVENTION")

type Envelope = Literal["PERSONNEL", "FONCTIONNEMENT", "INTERVENTION", "INVESTISSEMENT", "FONCTIONNEMENT_INTERVENTION"]
type ReceiptType = Literal[
    "SCSP",
    "AUTRES_FINANCEMENTS_ETAT",
    "FISCALITE_AFFECTEE",
    "AUTRES_FINANCEMENTS_PUBLICS",
    "RECETTES_PROPRES",
    "FINANCEMENTS_ETAT_FLECHES",
    "AUTRES_FINANCEMENTS_PUBLICS_FLECHES",
    "RECETTES_PROPRES_FLECHES",
]


class BudgetaryEntry(OwnPerimeter):
    """One movement; which fields go together is checked in `rules_budgetary`."""

    mouvement: Literal["AE", "CP", "RECETTE"]
    sens: Literal["CONSOMMATION", "ANNULATION", "ENCAISSEMENT", "REVERSEMENT"]
    evenement: Literal[
        "ENGAGEMENT_JURIDIQUE", "RETRAIT_ENGAGEMENT", "SANS_ENGAGEMENT_PREALABLE", "PAIEMENT", "ENCAISSEMENT"
    ]
    dateBudgetaire: IsoDate
    enveloppe: Envelope | None = None
    nature: Code | None = None
    destination: Code | None = None
    origine: Code | None = None
    typeRecette: ReceiptType | None = None
    flechee: bool | None = None
    operationPluriannuelle: Code | None = None
    tiers: Code | None = None
    engagement: Identifiant | None = None
    montant: PositiveAmount
    libelle: Text
