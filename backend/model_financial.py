# ruff: noqa: N815 - the names are the API's own
"""A financial statement: voted budgets and the financial account (domain model, section 3.3)."""

from typing import Annotated, Literal

from pydantic import Field

from backend.amounts import SignedAmount
from backend.model_budgetary import Envelope
from backend.model_types import Code, IsoDate, OwnPerimeter, Strict, Text

MAX_POSTS = 5_000


class Post(Strict):
    """One line of a statement; amounts may be negative here."""

    code: Code
    libelle: Text
    montant: SignedAmount | None = None
    mois: Annotated[int, Field(ge=1, le=12)] | None = None
    enveloppe: Envelope | None = None
    ae: SignedAmount | None = None
    cp: SignedAmount | None = None


class FinancialEntry(OwnPerimeter):
    """One statement of one stage: initial budget (BI), amending budgets (BR1 to BR9), financial account (CF)."""

    etat: Literal["ABP", "DESP", "EFP", "OCTP", "SPP", "PTP", "RFP", "OPP", "TSBCP", "CF"]
    stade: Literal["BI", "BR1", "BR2", "BR3", "BR4", "BR5", "BR6", "BR7", "BR8", "BR9", "CF"]
    voteLe: IsoDate | None = None
    executoireLe: IsoDate | None = None
    arreteLe: IsoDate | None = None
    libelle: Text | None = None
    postes: Annotated[list[Post], Field(min_length=1, max_length=MAX_POSTS)]
