"""The kinds of values that the sections of a contract share."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, StringConstraints
from stdnum.exceptions import ValidationError as NumberError
from stdnum.fr import siren, siret


class Section(BaseModel):
    """A part of a contract: frozen, and a key that is not in the model is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _siren(value: str) -> str:
    try:
        return str(siren.validate(value))
    except NumberError as e:
        raise ValueError("not a SIREN: nine digits with their key (write it between quotes)") from e


def _siret(value: str) -> str:
    try:
        return str(siret.validate(value))
    except NumberError as e:
        raise ValueError("not a SIRET: fourteen digits with their key (write it between quotes)") from e


def _plain_date(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and len(value) != 10):
        raise ValueError("a date is needed (AAAA-MM-JJ), without a time")
    return value


Text = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,63}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Siren = Annotated[str, StringConstraints(pattern=r"^[0-9]{9}$"), BeforeValidator(_siren)]
Siret = Annotated[str, StringConstraints(pattern=r"^[0-9]{14}$"), BeforeValidator(_siret)]
Day = Annotated[date, BeforeValidator(_plain_date)]
Moment = AwareDatetime
Flux = Literal["budgetaire", "comptable", "financiere", "referentiel"]
Operation = Literal["creer", "modifier", "supprimer"]
