"""A contract as a YAML file with a comment on each line: what the field is for, and its clause, from the model."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel

from gateway_addons.core.contract.places import section_of

COMMENT_COLUMN = 64
SCHEMA_LINE = "# yaml-language-server: $schema="
_PLAIN = re.compile(r"[a-z][a-z_]{2,}")
_RESERVED = frozenset({"null", "true", "false", "yes", "no", "off"})


def commented(document: Mapping[str, Any], model: type[BaseModel], head: str = "") -> str:
    """The text of the file; `head` are lines put before it (the schema's line, who it is about)."""
    return head + "".join(f"{line}\n" for line in _section(document, model, 0))


def _section(document: Mapping[str, Any], model: type[BaseModel] | None, depth: int) -> Iterator[str]:
    for key, value in document.items():
        field = model.model_fields.get(key) if model else None
        comment = field.description if field and field.description else ""
        inner = section_of(field) if field else None
        yield from _entry(f"{'  ' * depth}{key}:", value, comment, inner, depth)


def _entry(start: str, value: Any, comment: str, inner: type[BaseModel] | None, depth: int) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        yield _line(start, comment)
        yield from _section(value, inner, depth + 1)
    elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
        yield _line(start, comment)
        for item in value:
            lines = list(_section(item, inner, depth + 2))
            yield f"{'  ' * (depth + 1)}- {lines[0].lstrip()}"
            yield from lines[1:]
    else:
        yield _line(f"{start} {scalar(value)}", comment)


def _line(text: str, comment: str) -> str:
    return f"{text:<{COMMENT_COLUMN}}  # {comment}" if comment else text


def scalar(value: Any) -> str:
    """A value as strict YAML reads it back: texts between quotes unless they are a plain lower-case word."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(scalar(v) for v in value)}]"
    if isinstance(value, Mapping):
        return "{}" if not value else f"{{{', '.join(f'{k}: {scalar(v)}' for k, v in value.items())}}}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value not in _RESERVED:
        return value
    return json.dumps(value, ensure_ascii=False)
