"""What the model says of a place in a contract: its clause, its sentence, and the names that a section knows."""

import difflib
import re
from collections.abc import Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

_CLAUSE = re.compile(r"((?:\d+(?:\.\d+)*(?:-[A-Za-z]?\d?[a-z]?\d?)?)(?:, \d[\d.]*(?:-\w+)?)*): (.+)", re.DOTALL)
_IN_BRACKETS = re.compile(r"\((\d+(?:\.\d+)*(?:-\w+)?)[,) ]")

type Path = Sequence[str | int]


def clause_of(model: type[BaseModel], path: Path) -> str:
    """The clause that the field at `path` is there for, or else the nearest section's; "" when none is named."""
    section: type[BaseModel] | None = model
    found = ""
    for part in path:
        if isinstance(part, int) or (isinstance(part, str) and part.isdigit()):
            continue
        field = section.model_fields.get(part) if section else None
        if field is None:
            break
        own = split_clause(field.description or "")[0]
        section = section_of(field)
        found = own or found
    return found


def described(model: type[BaseModel], path: Path) -> str:
    """The sentence about the field at `path`, without its clause; "" for a place that the model does not have."""
    names = [p for p in path if isinstance(p, str) and not p.isdigit()]
    section: type[BaseModel] | None = model
    field: FieldInfo | None = None
    for name in names:
        field = section.model_fields.get(name) if section else None
        if field is None:
            return ""
        section = section_of(field)
    return split_clause(field.description or "")[1] if field else ""


def nearest_name(model: type[BaseModel], path: Path) -> str:
    """What an unknown key should have been: a near name, or the names that the section has."""
    section: type[BaseModel] | None = model
    for part in path[:-1]:
        if isinstance(part, str) and not part.isdigit() and section is not None:
            field = section.model_fields.get(part)
            section = section_of(field) if field else None
    if section is None:
        return ""
    names = list(section.model_fields)
    near = difflib.get_close_matches(str(path[-1]), names, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The section that the field holds, alone, in a list, or not at all."""
    return _section(field.annotation)


def _section(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {Union, UnionType, tuple} or get_args(annotation):
        return next((found for part in get_args(annotation) if (found := _section(part)) is not None), None)
    return None


def split_clause(text: str) -> tuple[str, str]:
    """("3.1.1-b", "rest") of "3.1.1-b: rest"; a clause in brackets counts too; ("", text) where there is none."""
    if match := _CLAUSE.fullmatch(text):
        return match[1], match[2]
    inside = _IN_BRACKETS.search(text)
    return (inside[1], text) if inside else ("", text)
