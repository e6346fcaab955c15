"""Absence opens gates in Rego: every fact that the input schema knows is taken away, nulled and mistyped, one at a time.

Generated from the schema, so that a fact that is new is broken without anybody thinking of it; a fact of the schema that
the sample call does not have is itself a finding.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from gateway_addons.core.guard.question import ROOM_CONTROLS, Document, Kind, Place, Question, at, dotted, with_value, without

EXEMPT: Mapping[tuple[str, str], str] = MappingProxyType({
    ("certificate.siret", "null"): "a certificate may name its SIREN alone (4-C4 asks for the SIREN)",
    ("switches.0", "absent"): "without a switch nothing is cut; the list itself must be there (8-g1)",
    ("switches.0.environment", "null"): "a switch of both environments",
    ("switches.0.limit", "null"): "a switch that leaves the quota as it is",
    ("switches.0.operations", "null"): "a switch that leaves all operations",
    ("switches.0.operations.0", "absent"): "a switch that leaves one operation less, and is another's",
    ("switches.0.flux", "null"): "a switch that leaves every flux",
    ("switches.0.flux.0", "absent"): "a switch that leaves one flux less, and is another's",
})
"""(place, break) that may still be allowed, and why."""

EXEMPT_TOKEN: Mapping[tuple[str, str], str] = MappingProxyType({
    **EXEMPT, ("client.requested_scopes.0", "absent"): "no scope asked for is all of the client's (RFC 6749 3.3)",
})

EXEMPT_HEALTH: Mapping[tuple[str, str], str] = MappingProxyType({
    **EXEMPT, ("identity.scopes.0", "absent"): "etatSante needs no scope (2.1-a); what scopes there are must still be texts",
})

OTHER_CONTROLS: Mapping[tuple[str, str], tuple[str, ...]] = MappingProxyType({
    ("identity.scopes.0", "absent"): ("rights",),
    ("certificate.siren", "absent"): ("certificate", "identity"),
    ("certificate.siren", "null"): ("certificate", "identity"),
})
"""Where another control than the room's own answers for a break, or two do."""


def places(schema: Mapping[str, Any], here: Place = ()) -> Iterator[Place]:
    """Every place that the schema knows, leaves and whole parts, but not the document itself; of an array the first member."""
    if here:
        yield here
    for name, child in schema.get("properties", {}).items():
        yield from places(child, (*here, name))
    if "items" in schema:
        yield from places(schema["items"], (*here, 0))
    for option in schema.get("anyOf", ()):
        if option.get("type") in {"object", "array"}:
            yield from (place for place in places(option, here) if place != here)


def leaves(schema: Mapping[str, Any]) -> set[Place]:
    """The facts: places without anything below them."""
    known = set(places(schema))
    return known - {place[:-1] for place in known}


def other_types(value: Any) -> Iterator[tuple[str, Any]]:
    """The same place with another type. An object with the members of an array is the one Rego iterates just as well."""
    for name, other in (("null", None), ("text", "x"), ("number", 7), ("boolean", not value if isinstance(value, bool) else True),
                        ("array", []), ("object", {})):
        if type(other) is not type(value) or name == "boolean":
            yield name, other
    if isinstance(value, list):
        yield "object with the array's members", {str(i): v for i, v in enumerate(value)}
    if isinstance(value, str | int | bool):
        yield "array of it", [value]


def broken(schema: Mapping[str, Any], document: Document, kind: Kind, exempt: Mapping[tuple[str, str], str],
           rooms: frozenset[str] | None = None) -> Iterator[Question]:
    """Each fact of the schema (in these rooms), broken in every way that is not exempt."""
    for place in places(schema):
        if rooms is not None and place[0] not in rooms:
            continue
        try:
            value = at(document, place)
        except (LookupError, TypeError):
            continue
        ways = [("absent", without(document, place))]
        ways += [(how, with_value(document, place, other)) for how, other in other_types(value)]
        for how, changed in ways:
            if (dotted(place), how) not in exempt:
                yield Question(f"{how} {dotted(place)}", changed, _controls(place, how, kind), kind=kind)


def unknown_places(schema: Mapping[str, Any], document: Document) -> list[str]:
    """Facts of the schema that the document lacks, so that they could not be broken."""
    lacking = []
    for place in sorted(leaves(schema), key=dotted):
        try:
            at(document, place)
        except (LookupError, TypeError):
            lacking.append(dotted(place))
    return lacking


def _controls(place: Place, how: str, kind: Kind) -> tuple[str, ...]:
    other = OTHER_CONTROLS.get((dotted(place), how))
    if other:
        return tuple("client" if kind == "token" and control == "identity" else control for control in other)
    control = ROOM_CONTROLS.get(str(place[0]))
    return (control,) if control else ()
