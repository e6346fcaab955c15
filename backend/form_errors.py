"""From pydantic's findings to the API's codes and JSON pointers (RFC 6901)."""

from collections.abc import Iterator, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from backend.codes import CODES
from backend.errors import MAX_DETAILS, Detail

MAX_POINTER_CHARACTERS = 300

_CODE_OF_FIELD = {
    "organisme": "4001", "siret": "4001", "budget": "4002", "exercice": "4003", "periode": "4004", "flux": "4005",
    "identifiant": "4010", "engagement": "4010",
}  # fmt: skip
_BUDGET_FIELDS = (("budget", "type"), ("budget", "code"))
_CODE_OF_TYPE = {
    "extra_forbidden": "4007",
    "missing": "4008",
    "literal_error": "4013",
    "string_pattern_mismatch": "4014",
    "string_too_long": "4014",
    "string_too_short": "4014",
    "greater_than_equal": "4013",
    "less_than_equal": "4013",
    "too_long": "4006",
    "too_short": "4006",
}


def form_details(error: ValidationError, base: tuple[str | int, ...] = (), first: int | None = None) -> Iterator[Detail]:
    """The details of one validation, at most `MAX_DETAILS`.

    `base` is where the validated value stands in the body; `first` is the position in the lot of the first entry validated,
    when what was validated is a slice of the lot's entries.
    """
    for found in error.errors(include_url=False, include_context=False, include_input=False)[:MAX_DETAILS]:
        location: tuple[str | int, ...] = found["loc"]
        index = None
        if first is not None and location and isinstance(location[0], int):
            index = first + location[0]
            location = (index, *location[1:])
        yield Detail(_code(found, location), pointer((*base, *location)), index)


def pointer(location: Sequence[str | int]) -> str:
    """The JSON pointer of a location, cut short when the caller's own key makes it very long."""
    text = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in location)
    return text[:MAX_POINTER_CHARACTERS]


def _code(found: ErrorDetails, location: Sequence[str | int]) -> str:
    kind = found["type"]
    if kind == "extra_forbidden":
        return "4007"
    if location and location[-1] in _CODE_OF_FIELD:
        return _CODE_OF_FIELD[str(location[-1])]
    if tuple(location[-2:]) in _BUDGET_FIELDS:
        return "4002"
    return kind if kind in CODES else _CODE_OF_TYPE.get(kind, "4009")
