"""What an API's paths mean: route, flux, operation, scope, and the shape in which a call names the rights it needs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from gateway_addons.core.answer_shape import RECEIPT_NAMES
from gateway_addons.core.dimensions import Dimensions, FromPath, Frozen, Shape
from gateway_addons.core.errors import Refusal

SEGMENT = r"[A-Za-z0-9._-]{1,64}"
"""What stands for `{name}` in a path template: the consumer's key (domain model, section 2)."""

HEALTH = "consulter_etat"
"""The one operation that needs no right (2.1-a: the state of the API, no data)."""

Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""The name of a flux or an operation."""

ScopeName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]
ApiName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]


class Route(Frozen):
    """One method on one path template. A route without a shape takes no body and needs no right (etatSante)."""

    id: str
    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: Annotated[str, StringConstraints(pattern=r"^(/([A-Za-z0-9._-]+|\{[a-z_]{1,32}\}))+$")]
    operation: Word
    flux: Word | None = None
    scope: ScopeName | None = None
    shape: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Route":
        parts = (self.flux, self.scope, self.shape)
        if self.operation == HEALTH:
            if any(parts) or self.method != "GET":
                raise ValueError(f"{self.id}: {HEALTH} is a GET without flux, scope or shape")
        elif not all(parts):
            raise ValueError(f"{self.id}: a route has flux, scope and shape; only {HEALTH} has none")
        if len(set(self.variables)) != len(self.variables):
            raise ValueError(f"{self.id}: a variable comes twice in the path")
        return self

    @property
    def variables(self) -> list[str]:
        """The names in the path's template."""
        return re.findall(r"\{([a-z_]+)\}", self.path)


class Api(Frozen):
    """One file of `config/apis/`. `write_only`: no route but the state of the API is a GET (2.1-a)."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    api: ApiName
    content_types: tuple[str, ...] = Field(min_length=1)
    max_body_bytes: Annotated[int, Field(ge=1, le=1 << 30)]
    max_entries: Annotated[int, Field(ge=1)]
    max_perimeters: Annotated[int, Field(ge=1, le=1000)]
    write_only: bool = True
    answer_names: frozenset[str] | None = None
    dimensions: Dimensions
    shapes: dict[str, Shape]
    routes: tuple[Route, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _coherent(self) -> "Api":
        for route in self.routes:
            self._check(route)
        for flux in self.fluxes:
            if len({self.shapes[r.shape].root.names for r in self.routes if r.flux == flux and r.shape}) > 1:
                raise ValueError(f"flux {flux}: its routes have different dimensions; a right is for all of them")
        return self

    def _check(self, route: Route) -> None:
        if route.method == "GET" and route.operation != HEALTH and self.write_only:
            raise ValueError(f"{route.id}: a GET in an API that is write_only (clause 2.1-a)")
        if route.shape is None:
            return
        if route.shape not in self.shapes:
            raise ValueError(f"{route.id}: there is no shape {route.shape}")
        shape = self.shapes[route.shape]
        if route.method == "GET" and shape.body != "none":
            raise ValueError(f"{route.id}: a GET has no body; its shape needs `body: none`")
        if unknown := shape.root.names - self.dimensions.names:
            raise ValueError(f"shape {route.shape}: the API has no dimension {sorted(unknown)}")
        wanted = {source.path for _, source in shape.root.slots if isinstance(source, FromPath)}
        if absent := wanted - set(route.variables):
            raise ValueError(f"{route.id}: the path has no variable {sorted(absent)}")

    @property
    def names_in_answers(self) -> frozenset[str] | None:
        """The members that an answer of the backend may have; None for any, in an API that is not write-only."""
        return self.answer_names or (RECEIPT_NAMES if self.write_only else None)

    @cached_property
    def fluxes(self) -> dict[str, frozenset[str]]:
        """The API's flux, each with the dimensions of its rights."""
        return {r.flux: self.shapes[r.shape].root.names for r in self.routes if r.flux and r.shape}

    @cached_property
    def operations(self) -> dict[str, frozenset[str]]:
        """The operations of each flux."""
        return {flux: frozenset(r.operation for r in self.routes if r.flux == flux) for flux in self.fluxes}

    @cached_property
    def scopes(self) -> frozenset[str]:
        """Every scope."""
        return frozenset(r.scope for r in self.routes if r.scope)


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """The route of a request, the API it belongs to, and what stands for the variables of its path."""

    api: Api
    route: Route
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def shape(self) -> Shape | None:
        """How the call is read, or None where it needs no right."""
        return self.api.shapes[self.route.shape] if self.route.shape else None

    @property
    def takes_body(self) -> bool:
        """Is a body admitted?"""
        shape = self.shape
        return shape is not None and shape.body == "json"

    @property
    def headers(self) -> tuple[str, ...]:
        """The headers that name a dimension, in lower case: they go on to the backend as they were read."""
        shape = self.shape
        return shape.root.headers if shape is not None else ()


class RouteTable:
    """All routes of all APIs; a path is matched on its one canonical form."""

    def __init__(self, apis: tuple[Api, ...]) -> None:
        """Raises `ValueError` when two APIs have one name, or two routes can match the same method and path."""
        self._patterns: dict[str, tuple[re.Pattern[str], dict[str, RouteMatch]]] = {}
        names = [api.api for api in apis]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two files are for the API {sorted(twice)}")
        for api in apis:
            for route in api.routes:
                self._add(RouteMatch(api, route))

    def _add(self, match: RouteMatch) -> None:
        shape = re.sub(r"\{[a-z_]+\}", "{}", match.route.path)
        for other, (_, methods) in self._patterns.items():
            if _overlap(shape, other) and (shape != other or match.route.method in methods):
                raise ValueError(f"two routes for {match.route.method} {match.route.path}")
        parts = [f"({SEGMENT})" if part == "{}" else re.escape(part) for part in shape.split("/")]
        self._patterns.setdefault(shape, (re.compile("/".join(parts)), {}))[1][match.route.method] = match

    def find(self, method: str, path: str) -> RouteMatch:
        """The route of a canonical path.

        Raises:
            Refusal: INF-REQ-09 (404) for a path that is not there, INF-REQ-10 (405, with Allow) for another method.
        """
        fixed = self._patterns.get(path)  # a template without variables is the path itself, and no other overlaps it
        if fixed is not None and "{" not in path:
            return _of_method(fixed[1], method)
        for pattern, methods in self._patterns.values():
            if found := pattern.fullmatch(path):
                match = _of_method(methods, method)
                return replace(match, variables=dict(zip(match.route.variables, found.groups(), strict=True)))
        raise Refusal("INF-REQ-09", "no route")


def _of_method(methods: Mapping[str, RouteMatch], method: str) -> RouteMatch:
    if method not in methods:
        raise Refusal("INF-REQ-10", f"method {method}", (("Allow", ", ".join(sorted(methods))),))
    return methods[method]


def _overlap(one: str, other: str) -> bool:
    """Can one path match both templates? A variable matches any fixed part."""
    parts, others = one.split("/"), other.split("/")
    return len(parts) == len(others) and all(a == b or "{}" in {a, b} for a, b in zip(parts, others, strict=True))
