# ruff: noqa: N815 - the names are the API's own
"""The bodies of the three operations (domain model, sections 2 and 3.1); entries are validated apart, in slices."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from backend.model_types import Budget, Emitter, Exercice, Flux, Organisme, Periode, Strict, Text

MAX_ENTRIES = 50_000

LotNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._/-]{1,64}$")]


class Perimetric(Strict):
    """What every body says of whose data, which budget and which time it is about: control C5 reads it."""

    organisme: Organisme
    budget: Budget
    exercice: Exercice
    periode: Periode


class Lot(Perimetric):
    """Creation: all entries or none."""

    flux: Flux
    systemeEmetteur: Emitter
    numeroLot: LotNumber
    ecritures: Annotated[list[Any], Field(min_length=1, max_length=MAX_ENTRIES)]


class Modification(Perimetric):
    """The whole new content of one entry, and why."""

    flux: Flux | None = None
    motif: Text
    ecriture: Any


class Deletion(Perimetric):
    """Why one entry is deleted."""

    flux: Flux | None = None
    motif: Text
