"""Control C5: which rights a body needs, read from the very bytes that are sent on (clauses 4-C5, 4-c).

Every entry of a lot counts: an entry that names another organisme, budget, exercice or période than its lot asks for that
perimeter too. What is found is a set of distinct perimeters, so that policy is asked about few, however large the lot.
"""

import re
from functools import lru_cache
from typing import Any

from gateway_addons.core.facts import Perimeter, RightsFacts
from gateway_addons.core.routes import Pointers, RouteMatch, Shape
from gateway_addons.core.strict_json import Unreadable, read_object

NOTHING_ASKED = RightsFacts(required=False, established=True, failure=None, entries=0, perimeters=())

_SIRET = re.compile(r"[0-9]{14}")
_BUDGET_TYPE = re.compile(r"BP|BA|SACD")
_BUDGET_CODE = re.compile(r"[A-Za-z0-9]{1,10}")
_PERIODE = re.compile(r"[0-9]{4}-(0[1-9]|1[0-3])")

_ABSENT = object()


class _Failure(Exception):
    """Control C5 cannot be established; the argument is the failure's name."""


def rights_facts(match: RouteMatch, body: bytes) -> RightsFacts:
    """The facts of control C5; a body that cannot be read for certain comes back with its `failure`."""
    shape = match.shape
    if shape is None:
        return NOTHING_ASKED
    try:
        return _read(match, shape, body)
    except _Failure as e:
        return RightsFacts(required=True, established=False, failure=str(e), entries=0, perimeters=())


def _read(match: RouteMatch, shape: Shape, body: bytes) -> RightsFacts:
    if not body:
        raise _Failure("body_missing")
    try:
        document = read_object(body, _names_that_count(shape))
    except Unreadable as e:
        raise _Failure("body_unreadable") from e
    lot = _values(document, shape.root)
    _check_flux(lot, match)
    entries = _entries(document, shape, match.api.max_entries)
    overrides = {tuple(_values(e, shape.entry).items()) for e in entries if _names_any(e, shape.entry)}
    asked = [lot] + [lot | {k: v for k, v in o if v is not _ABSENT} for o in overrides]
    perimeters = {_perimeter(values, shape.root, match) for values in asked}
    if len(perimeters) > match.api.max_perimeters:
        raise _Failure("too_many_perimeters")
    ordered = tuple(sorted(perimeters, key=lambda p: (p.siret, p.budget or "", p.exercice, p.periode or "")))
    return RightsFacts(required=True, established=True, failure=None, entries=len(entries) or 1, perimeters=ordered)


@lru_cache(maxsize=64)
def _names_that_count(shape: Shape) -> frozenset[str]:
    """Every member name on the way to a dimension; the rest of a body is judged, then forgotten."""
    pointers = [p for part in (shape.root, shape.entry) for _, p in part if p] + [shape.entries or ""]
    return frozenset(_key(token) for pointer in pointers for token in pointer.split("/")[1:])


def _key(token: str) -> str:
    return token.replace("~1", "/").replace("~0", "~")


def _check_flux(lot: dict[str, Any], match: RouteMatch) -> None:
    if "flux" in lot and lot["flux"] != match.route.flux:
        raise _Failure("flux_mismatch")


def _entries(document: dict[str, Any], shape: Shape, max_entries: int) -> list[Any]:
    if shape.entries is None:
        return []
    entries = _at(document, shape.entries)
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise _Failure("body_unreadable")
    if len(entries) > max_entries:
        raise _Failure("too_many_entries")
    return entries


def _names_any(entry: dict[str, Any], pointers: Pointers) -> bool:
    """Does the entry have any of the members that may override its lot? (Cheap: most entries have none.)"""
    return any(pointer.split("/", 2)[1] in entry for _, pointer in pointers if pointer)


def _values(node: Any, pointers: Pointers) -> dict[str, Any]:
    return {name: _hashable(_at(node, pointer)) for name, pointer in pointers if pointer}


def _at(node: Any, pointer: str) -> Any:
    for token in pointer.split("/")[1:]:
        key = _key(token)
        if not isinstance(node, dict) or key not in node:
            return _ABSENT
        node = node[key]
    return node


def _hashable(value: Any) -> Any:
    """Scalars as they are (True is not 1); anything else is no value of a dimension."""
    if value is _ABSENT or isinstance(value, str) or type(value) is int:
        return value
    return ()


def _perimeter(values: dict[str, Any], pointers: Pointers, match: RouteMatch) -> Perimeter:
    return Perimeter(
        flux=match.route.flux or "",
        operation=match.route.operation,
        siret=_text(values["siret"], _SIRET, "siret_invalid"),
        budget=_budget(values) if pointers.budget_type else None,
        exercice=_exercice(values["exercice"]),
        periode=_text(values["periode"], _PERIODE, "periode_invalid") if pointers.periode else None,
    )


def _text(value: Any, pattern: re.Pattern[str], failure: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _Failure(failure)
    return value


def _budget(values: dict[str, Any]) -> str:
    kind = _text(values["budget_type"], _BUDGET_TYPE, "budget_invalid")
    return f"{kind}/{_text(values['budget_code'], _BUDGET_CODE, 'budget_invalid')}"


def _exercice(value: Any) -> int:
    if type(value) is not int or not 1900 <= value <= 9999:
        raise _Failure("exercice_invalid")
    return value
