"""Control C5: which rights a call needs, read from the path, the headers and the very bytes that are sent on (4-C5, 4-c).

Every entry of a lot counts: an entry that names another organisme, budget, exercice or période than its lot asks for that
perimeter too. What is found is a set of distinct perimeters, so that policy is asked about few, however large the lot.
"""

from collections.abc import Callable, Sequence
from typing import Any

from gateway_addons.core.dimensions import FromPath, Places, Shape, Slot
from gateway_addons.core.facts import Perimeter, RightsFacts
from gateway_addons.core.routes import RouteMatch
from gateway_addons.core.strict_json import Unreadable, read_object

NOTHING_ASKED = RightsFacts(required=False, established=True, failure=None, entries=0, perimeters=())

type Headers = Callable[[str], Sequence[str]]
"""All values of a header, by its name in lower case: the caller's word."""

type Values = dict[Slot, Any]

_ABSENT = object()
_TYPES_OF_VALUES = frozenset({str, int, type(_ABSENT)})
_FLUX: Slot = ("flux", 0)


class _Failure(Exception):
    """Control C5 cannot be established; the argument is the failure's name."""


def no_headers(name: str) -> Sequence[str]:
    """For calls without headers."""
    return ()


def rights_facts(match: RouteMatch, body: bytes, headers: Headers = no_headers) -> RightsFacts:
    """The facts of control C5; a call that cannot be read for certain comes back with its `failure`."""
    shape = match.shape
    if shape is None:
        return NOTHING_ASKED
    try:
        return _read(match, shape, body, headers)
    except _Failure as e:
        return RightsFacts(required=True, established=False, failure=str(e), entries=0, perimeters=())


def _read(match: RouteMatch, shape: Shape, body: bytes, headers: Headers) -> RightsFacts:
    document = _document(shape, body)
    lot = _outside_the_body(shape.root, match, headers) | _in_body(document, shape.root)
    if lot.get(_FLUX, match.route.flux) != match.route.flux:
        raise _Failure("flux_mismatch")
    entries = _entries(document, shape, match.api.max_entries)
    own = shape.entry.first_members  # most entries have none of the members that may override their lot
    overrides = {tuple(_in_body(e, shape.entry).items()) for e in entries if not own.isdisjoint(e)}
    asked = [lot] + [lot | {slot: v for slot, v in o if v is not _ABSENT} for o in overrides]
    perimeters = {_perimeter(values, shape, match) for values in asked}
    if len(perimeters) > match.api.max_perimeters:
        raise _Failure("too_many_perimeters")
    ordered = tuple(sorted(perimeters, key=lambda p: (p.siret, p.budget or "", p.exercice or 0, p.periode or "")))
    return RightsFacts(required=True, established=True, failure=None, entries=len(entries) or 1, perimeters=ordered)


def _document(shape: Shape, body: bytes) -> dict[str, Any]:
    if shape.body == "none":
        if body:
            raise _Failure("body_unreadable")
        return {}
    if not body:
        raise _Failure("body_missing")
    try:
        return read_object(body, shape.names_that_count)
    except Unreadable as e:
        raise _Failure("body_unreadable") from e


def _outside_the_body(places: Places, match: RouteMatch, headers: Headers) -> Values:
    found: Values = {}
    for slot, source in places.outside_the_body:
        if isinstance(source, FromPath):
            found[slot] = _plain(slot, match.variables.get(source.path, _ABSENT))
        else:
            values = headers(source.header.lower())
            found[slot] = _plain(slot, values[0] if len(values) == 1 else _ABSENT)
    return found


def _plain(slot: Slot, value: Any) -> Any:
    """A path or header has texts only: the digits of an exercice are its number, written in the one canonical way."""
    if slot[0] == "exercice" and isinstance(value, str) and value.isascii() and value.isdigit() and value[0] != "0":
        return int(value) if len(value) <= 4 else _ABSENT
    return value


def _entries(document: dict[str, Any], shape: Shape, max_entries: int) -> list[Any]:
    if shape.way_to_entries is None:
        return []
    entries = _at(document, shape.way_to_entries)
    if not isinstance(entries, list) or not {dict}.issuperset(map(type, entries)):
        raise _Failure("body_unreadable")
    if len(entries) > max_entries:
        raise _Failure("too_many_entries")
    return entries


def _in_body(node: dict[str, Any], places: Places) -> Values:
    """Scalars as they are (True is not 1); anything else is no value of a dimension."""
    found: Values = {}
    for slot, way in places.pointers:
        value = _at(node, way)
        found[slot] = value if type(value) in _TYPES_OF_VALUES else ()
    return found


def _at(node: Any, way: Sequence[str]) -> Any:
    try:
        for name in way:
            node = node[name]
    except (KeyError, TypeError):  # not there, or not in an object: nothing else in JSON is found by a text
        return _ABSENT
    return node


def _perimeter(values: Values, shape: Shape, match: RouteMatch) -> Perimeter:
    own, places = match.api.dimensions, shape.root
    exercice = _exercice(values["exercice", 0], match) if places.exercice is not None else None
    return Perimeter(
        flux=match.route.flux or "",
        operation=match.route.operation,
        siret=_matching(values["siret", 0], own.siret.holds, "siret_invalid"),
        budget=_budget(values, shape, match) if places.budget is not None else None,
        exercice=exercice,
        periode=_periode(values["periode", 0], exercice, match) if places.periode is not None else None,
    )


def _matching(value: Any, holds: Callable[[str], bool], failure: str) -> str:
    if not isinstance(value, str) or not holds(value):
        raise _Failure(failure)
    return value


def _budget(values: Values, shape: Shape, match: RouteMatch) -> str:
    parts = [values[slot] for slot in shape.budget_slots if slot in values]
    dimension = match.api.dimensions.budget
    if dimension is None or not {str}.issuperset(map(type, parts)):
        raise _Failure("budget_invalid")
    budget = "/".join(parts)
    if len(parts) > 1 and budget.count("/") != len(parts) - 1:  # one of the parts has another
        raise _Failure("budget_invalid")
    return _matching(budget, dimension.holds, "budget_invalid")


def _exercice(value: Any, match: RouteMatch) -> int:
    dimension = match.api.dimensions.exercice
    if dimension is None or type(value) is not int or not dimension.minimum <= value <= dimension.maximum:
        raise _Failure("exercice_invalid")
    return value


def _periode(value: Any, exercice: int | None, match: RouteMatch) -> str:
    """The période with its exercice before it, so that policy can tell `2026-03` from `2025-03`."""
    dimension = match.api.dimensions.periode
    if dimension is None:
        raise _Failure("periode_invalid")
    found = _matching(value, dimension.holds, "periode_invalid")
    return found if dimension.dated or exercice is None else f"{exercice:04}-{found}"
