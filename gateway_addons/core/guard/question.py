"""What the guard asks of a candidate: calls that must be refused, each with the control that must say so."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

type Document = dict[str, Any]
type Place = tuple[str | int, ...]

Kind = Literal["decision", "token"]

ROOM_CONTROLS: Mapping[str, str] = {
    "certificate": "certificate", "address": "address", "identifier": "identifier", "identity": "identity",
    "rights": "rights", "call": "rights", "client": "client", "switches": "contract",
}
"""The control that answers for a fact, by the fact's room in the question; other facts (now, schema) are everybody's."""


@dataclass(frozen=True, slots=True)
class Question:
    """A call with one thing wrong. `name` is stable over revisions (`absent certificate.siren`): exceptions name it.

    `controls` must all fail with a reason of their own (none: any control may); all of `codes` are among the reasons of the
    first one.
    """

    name: str
    document: Document = field(repr=False)
    controls: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    kind: Kind = "decision"


@dataclass(frozen=True, slots=True)
class Asked:
    """Where a question comes from: the contract whose allowed call was broken."""

    environment: str
    contract: str
    question: Question


def at(document: Any, place: Place) -> Any:
    """What is at this place. Raises `LookupError` or `TypeError` where there is none."""
    for key in place:
        document = document[key]
    return document


def without(document: Document, place: Place) -> Document:
    """The document with this place taken out."""
    changed, parent = _copied_to(document, place)
    del parent[place[-1]]
    return changed


def with_value(document: Document, place: Place, value: Any) -> Document:
    """The document with another value at this place."""
    changed, parent = _copied_to(document, place)
    parent[place[-1]] = value
    return changed


def with_values(document: Document, changes: Mapping[str, Any]) -> Document | None:
    """The document with values at dotted places (`rights.perimeters.0.siret`); None when it has no such place."""
    changed = document
    for dotted, value in changes.items():
        place = place_of(dotted)
        try:
            at(changed, place)
        except (LookupError, TypeError):
            return None
        changed = with_value(changed, place, value)
    return changed


def _copied_to(document: Document, place: Place) -> tuple[Document, Any]:
    """A document of its own as far as the way to the place goes (the rest is shared), and the part that holds the place."""
    changed = copy.copy(document)
    parent: Any = changed
    for key in place[:-1]:
        parent[key] = copy.copy(parent[key])
        parent = parent[key]
    return changed, parent


def place_of(dotted: str) -> Place:
    """`rights.perimeters.0.siret` as a place."""
    return tuple(int(part) if part.isdigit() else part for part in dotted.split("."))


def dotted(place: Sequence[str | int]) -> str:
    """A place as it is told."""
    return ".".join(str(part) for part in place)
