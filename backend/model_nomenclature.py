# ruff: noqa: N815 - the names are the API's own
"""A nomenclature: the codes an organisme's entries may use (domain model, section 3.4)."""

from typing import Annotated, Literal

from pydantic import Field

from backend.model_types import Code, Exercice, IsoDate, Organisme, Strict, Text

NOMENCLATURES = ("nomenc", "tiers", "nature", "destination", "origine", "pluriannuel")
MAX_CODES = 100_000


class NomenclatureCode(Strict):
    """One code, valid from and to these days, both included; null is open."""

    code: Code
    libelle: Text
    parent: Code | None = None
    valideDu: IsoDate | None = None
    valideAu: IsoDate | None = None


class Nomenclature(Strict):
    """Codes to add (COMPLEMENT) or to put in the place of all earlier ones (REMPLACEMENT)."""

    organisme: Organisme
    exercice: Exercice
    nomenclature: Literal["nomenc", "tiers", "nature", "destination", "origine", "pluriannuel"]
    mode: Literal["COMPLEMENT", "REMPLACEMENT"]
    codes: Annotated[list[NomenclatureCode], Field(min_length=1, max_length=MAX_CODES)]
