"""Nomenclatures from a YAML file, put in the database before the service starts.

The file: `schema: 1` and `referentiels`, a list of documents as the API takes them, where `exercices: [2025, 2026]` may stand
for `exercice` to give the same codes to several exercices.
"""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.errors import Detail, Refusal, refuse_if_any
from backend.form_errors import form_details
from backend.model_nomenclature import Nomenclature
from backend.model_types import Strict
from backend.nomenclature_store import put_nomenclature
from backend.preparation import nomenclature_findings
from backend.prepared import Caller
from backend.rules_perimeter import siret_findings
from backend.storage import Storage

MAX_FILE_BYTES = 64 * 1024 * 1024
_OPERATOR = "import-nomenclatures"


class UnusableFileError(Exception):
    """The file is not what it should be; the message says where."""


class _Document(BaseModel):
    """What the import adds to a nomenclature; the rest is judged as the API judges it."""

    model_config = ConfigDict(extra="allow", strict=True)

    exercices: Annotated[list[int], Field(min_length=1, max_length=100)] | None = None


class _File(Strict):
    schema_: Annotated[Literal[1], Field(alias="schema")]
    referentiels: Annotated[list[_Document], Field(min_length=1)]


def read_nomenclatures(path: Path) -> list[Nomenclature]:
    """The nomenclatures of a file, one for each exercice.

    Raises:
        UnusableFileError: unreadable, or the first nomenclature that is wrong.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UnusableFileError(f"{path} is larger than {MAX_FILE_BYTES} bytes")
        file = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as e:
        raise UnusableFileError(f"{path}: {e}") from e
    found: list[Nomenclature] = []
    for position, document in enumerate(file.referentiels):
        extra = document.model_extra or {}
        for own in [{"exercice": exercice} for exercice in document.exercices or ()] or [{}]:
            found.append(_one(path, position, {**extra, **own}))
    return found


def _one(path: Path, position: int, document: dict[str, Any]) -> Nomenclature:
    try:
        nomenclature = Nomenclature.model_validate(document)
        siret = nomenclature.organisme.siret
        own = (Detail(*found) for found in siret_findings(siret, siret[:9]))
        refuse_if_any([*own, *nomenclature_findings(nomenclature)])
    except ValidationError as e:
        first = next(form_details(e))
        raise UnusableFileError(f"{path}: referentiels/{position}{first.path}: {first.code}") from e
    except Refusal as e:
        raise UnusableFileError(f"{path}: referentiels/{position}{e.details[0].path}: {e.code}") from e
    return nomenclature


def import_nomenclatures(storage: Storage, nomenclatures: list[Nomenclature]) -> None:
    """Put all of them, each with a receipt like those of the API; returns when all are committed."""
    now = datetime.now(UTC)
    futures = []
    for nomenclature in nomenclatures:
        caller = Caller(nomenclature.organisme.siret[:9], _OPERATOR, _OPERATOR, _OPERATOR, _OPERATOR)
        futures.append(storage.submit(partial(put_nomenclature, nomenclature=nomenclature, caller=caller, now=now)))
    for future in futures:
        future.result()
