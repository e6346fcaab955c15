"""Amounts of money: a decimal string in, integer centimes inside, never a float (domain model, section 2)."""

import re
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

AMOUNT_PATTERN = r"^-?[0-9]{1,15}\.[0-9]{2}$"
UNSIGNED_PATTERN = r"^[0-9]{1,15}\.[0-9]{2}$"

_AMOUNT = re.compile(r"-?[0-9]{1,15}\.[0-9]{2}")


def centimes(value: object) -> int:
    """Integer centimes of an amount of either sign.

    Raises:
        PydanticCustomError: 4011, not a string of that form.
    """
    if not isinstance(value, str) or _AMOUNT.fullmatch(value) is None:
        raise PydanticCustomError("4011", "amount")
    return int(value[:-3] + value[-2:])


def unsigned_centimes(value: object) -> int:
    """As `centimes`, without a sign, not even of zero.

    Raises:
        PydanticCustomError: 4011.
    """
    found = centimes(value)
    if isinstance(value, str) and value.startswith("-"):
        raise PydanticCustomError("4011", "sign")
    return found


def positive_centimes(value: object) -> int:
    """As `unsigned_centimes`, above zero.

    Raises:
        PydanticCustomError: 4011.
    """
    found = unsigned_centimes(value)
    if found == 0:
        raise PydanticCustomError("4011", "zero")
    return found


SignedAmount = Annotated[
    int, PlainValidator(centimes), WithJsonSchema({"type": "string", "pattern": AMOUNT_PATTERN, "examples": ["-40000.00"]})
]
UnsignedAmount = Annotated[
    int,
    PlainValidator(unsigned_centimes),
    WithJsonSchema({"type": "string", "pattern": UNSIGNED_PATTERN, "examples": ["51200.00"]}),
]
PositiveAmount = Annotated[
    int,
    PlainValidator(positive_centimes),
    WithJsonSchema(
        {"type": "string", "pattern": UNSIGNED_PATTERN, "description": "au-dessus de zéro", "examples": ["184320.00"]}
    ),
]
