# ruff: noqa: N815 - the names are the API's own
"""An accounting entry: the journal flux of general accounting (domain model, section 3.2)."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from backend.amounts import UnsignedAmount
from backend.model_types import Code, IsoDate, OwnPerimeter, Strict, Text

MAX_LINES = 2_000


class Line(Strict):
    """One line; balance and form of the account are business rules (INF-MET-06, 07), not matters of form."""

    compte: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    debit: UnsignedAmount | None = None
    credit: UnsignedAmount | None = None
    tiers: Code | None = None
    libelle: Text
    lettrage: Code | None = None


class AccountingEntry(OwnPerimeter):
    """One entry of a journal."""

    journal: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,8}$")]
    piece: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._/-]{1,64}$")]
    typeEcriture: Literal["NORMALE", "INVENTAIRE", "EXTOURNE", "A_NOUVEAU", "CLOTURE"]
    dateComptable: IsoDate
    datePiece: IsoDate
    libelle: Text
    lignes: Annotated[list[Line], Field(max_length=MAX_LINES)]
