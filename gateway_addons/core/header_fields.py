"""The header fields of a head whose form was checked: split into names and values, and found by name (RFC 9110 section 5)."""

import re
from collections.abc import Mapping, Sequence

type Field = tuple[bytes, bytes]
"""Name and value; the name keeps its case."""

type FieldsByName = Mapping[bytes, Sequence[bytes]]
"""All values of each name, in order; the names in lower case."""

NAME = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
"""A token, RFC 9110 section 5.6.2, as part of a pattern."""

_FIELD = re.compile(rb"\r\n([^:]++):[\t ]*+((?:[^\t\r ]++|[\t ]++(?=[^\t\r ]))*+)")


def split_fields(block: bytes) -> tuple[Field, ...]:
    """The fields of a block of lines, each with the CRLF before it, that is known to have the form of RFC 9112 section 5.

    The blanks around a value are no part of it.
    """
    return tuple(_FIELD.findall(block))


def by_name(fields: Sequence[Field]) -> FieldsByName:
    """The same fields by their names."""
    if not fields:
        return {}
    names, values = zip(*fields, strict=True)
    single = dict(zip(map(bytes.lower, names), zip(values, strict=True), strict=True))  # each value in a tuple of its own
    return single if len(single) == len(fields) else _with_repeated(fields)


def _with_repeated(fields: Sequence[Field]) -> FieldsByName:
    found: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        found.setdefault(name.lower(), []).append(value)
    return found
