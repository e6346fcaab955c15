"""The kinds of values that the sections of a contract share.

Each field of a section is told in a docstring that begins with its clause: the published schema shows it to editors, and an
error about the field names it.
"""

import re
from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StringConstraints
from stdnum.exceptions import ValidationError as NumberError
from stdnum.fr import siren, siret


class Section(BaseModel):
    """A part of a contract: frozen, and a key that is not in the model is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _siren(value: object) -> str:
    try:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{9}", value):
            return str(siren.validate(value))
    except NumberError:
        pass
    raise ValueError("not a SIREN: nine digits with their key, between quotes")


def _siret(value: object) -> str:
    try:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{14}", value):
            return str(siret.validate(value))
    except NumberError:
        pass
    raise ValueError("not a SIRET: fourteen digits with their key, between quotes")


def _plain_date(value: object) -> object:
    if type(value) is date or (isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value)):
        return value
    raise ValueError("a date is needed (AAAA-MM-JJ), without a time")


def _moment(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and len(value) > 10):
        return value
    raise ValueError("a moment is needed, with its zone (2026-01-31T10:00:00+01:00)")


Text = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,63}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Siren = Annotated[str, StringConstraints(pattern=r"^[0-9]{9}$"), BeforeValidator(_siren)]
Siret = Annotated[str, StringConstraints(pattern=r"^[0-9]{14}$"), BeforeValidator(_siret)]
Day = Annotated[date, BeforeValidator(_plain_date)]
Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]
Flag = StrictBool
Flux = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Operation = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Scope = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]
"""Which flux, operations and scopes there are, the API's file says (`config/apis/`)."""

Months = Annotated[int, Field(strict=True, ge=0, le=1200)]
CallsPerMinute = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
BytesPerMinute = Annotated[int, Field(strict=True, ge=1, le=1 << 40)]
Number = Annotated[int, Field(strict=True, ge=0)]


class Incoherent(ValueError):
    """Parts of a contract contradict each other; `places` holds (dotted path, what is wrong, with its clause first)."""

    def __init__(self, places: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{path}: {why}" for path, why in places))
        self.places = places
