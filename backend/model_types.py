# ruff: noqa: N815 - the names are the API's own
"""The field types shared by all bodies (domain model, section 2): strict, frozen, unknown fields refused (clause 5.3-a)."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from backend.legal_numbers import uai_holds

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Strict(BaseModel):
    """A body or a part of one: no coercion, no unknown field."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def iso_date(value: object) -> date:
    """The calendar date of `AAAA-MM-JJ`; a `date`, as YAML gives it, is taken as it is.

    Raises:
        PydanticCustomError: 4012.
    """
    if type(value) is date:
        return value
    if not isinstance(value, str) or _DATE.fullmatch(value) is None:
        raise PydanticCustomError("4012", "date")
    try:
        return date.fromisoformat(value)
    except ValueError as e:
        raise PydanticCustomError("4012", "date") from e


def _uai(value: object) -> str:
    if not isinstance(value, str) or not uai_holds(value):
        raise PydanticCustomError("4014", "uai")
    return value


IsoDate = Annotated[date, PlainValidator(iso_date), WithJsonSchema({"type": "string", "format": "date"})]
Siret = Annotated[str, StringConstraints(pattern=r"^[0-9]{14}$")]
Uai = Annotated[str, PlainValidator(_uai), WithJsonSchema({"type": "string", "pattern": "^[0-9]{7}[A-Z]$"})]
Exercice = Annotated[int, Field(ge=2000, le=2100)]
Periode = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-3])$")]
Identifiant = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._/-]{1,32}$")]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,250}$")]
Flux = Literal["budgetaire", "comptable", "financiere"]


class Organisme(Strict):
    """Whose entries these are."""

    siret: Siret
    codeInfinoe: Code | None = None
    uai: Uai | None = None


class Budget(Strict):
    """The budget within the organisme: BP principal, BA annexe, SACD à comptabilité distincte."""

    type: Literal["BP", "BA", "SACD"]
    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,16}$")]
    libelle: Text | None = None

    @property
    def key(self) -> str:
        """`BP/01`, as contracts and the store name it."""
        return f"{self.type}/{self.code}"


class Emitter(Strict):
    """The financial software that made the lot."""

    nom: Text
    version: Text


class OwnPerimeter(Strict):
    """An entry may carry its own perimeter, which overrides the lot's for that entry."""

    organisme: Organisme | None = None
    budget: Budget | None = None
    exercice: Exercice | None = None
    periode: Periode | None = None
    identifiant: Identifiant
