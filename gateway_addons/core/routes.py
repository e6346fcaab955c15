"""What an API's paths mean: route, flux, operation, scope, and where a body names the rights it needs."""

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gateway_addons.core.errors import Refusal

Pointer = Annotated[str, StringConstraints(pattern=r"^(/[^/~]*(~[01][^/~]*)*)+$")]
"""A JSON pointer (RFC 6901) below the root."""

SEGMENT = r"[A-Za-z0-9._-]{1,64}"
"""What stands for `{name}` in a path template: the consumer's key (domain model, section 2)."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pointers(_Frozen):
    """Where the dimensions of a right are found; a dimension without a pointer is not part of this shape."""

    flux: Pointer | None = None
    siret: Pointer | None = None
    budget_type: Pointer | None = None
    budget_code: Pointer | None = None
    exercice: Pointer | None = None
    periode: Pointer | None = None


class Shape(_Frozen):
    """The shape of a body: what its root says, and what each of its entries may say instead."""

    root: Pointers
    entries: Pointer | None = None
    entry: Pointers = Pointers()


class Route(_Frozen):
    """One method on one path template. A route without a shape takes no body and needs no right (etatSante)."""

    id: str
    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: Annotated[str, StringConstraints(pattern=r"^(/([A-Za-z0-9._-]+|\{[a-z_]+\}))+$")]
    operation: str
    flux: str | None = None
    scope: str | None = None
    shape: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Route":
        parts = (self.flux, self.scope, self.shape)
        if self.operation == "consulter_etat":
            if any(parts) or self.method != "GET":
                raise ValueError("consulter_etat is a GET without flux, scope or shape")
        elif not all(parts) or self.method == "GET":
            raise ValueError("a writing route has flux, scope and shape, and is not a GET (clause 2.1-a)")
        return self


class Api(_Frozen):
    """One file of `config/apis/`."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    api: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$")]
    content_types: tuple[str, ...] = Field(min_length=1)
    max_body_bytes: Annotated[int, Field(ge=1, le=1 << 30)]
    max_entries: Annotated[int, Field(ge=1)]
    max_perimeters: Annotated[int, Field(ge=1, le=10_000)]
    shapes: dict[str, Shape]
    routes: tuple[Route, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _known_shapes(self) -> "Api":
        if unknown := {r.shape for r in self.routes if r.shape} - self.shapes.keys():
            raise ValueError(f"routes name shapes that are not there: {sorted(unknown)}")
        return self


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """The route of a request and the API it belongs to."""

    api: Api
    route: Route

    @property
    def shape(self) -> Shape | None:
        """How the body is read, or None where there is none."""
        return self.api.shapes[self.route.shape] if self.route.shape else None


class RouteTable:
    """All routes of all APIs; a path is matched on its one canonical form."""

    def __init__(self, apis: tuple[Api, ...]) -> None:
        """Raises `ValueError` when two routes claim the same method and path."""
        self._patterns: dict[str, tuple[re.Pattern[str], dict[str, RouteMatch]]] = {}
        for api in apis:
            for route in api.routes:
                self._add(RouteMatch(api, route))

    def _add(self, match: RouteMatch) -> None:
        path = re.sub(r"\{[a-z_]+\}", "{}", match.route.path)
        pattern = re.compile(re.escape(path).replace(r"\{\}", SEGMENT))
        methods = self._patterns.setdefault(path, (pattern, {}))[1]
        if match.route.method in methods:
            raise ValueError(f"two routes for {match.route.method} {match.route.path}")
        methods[match.route.method] = match

    def find(self, method: str, path: str) -> RouteMatch:
        """The route of a canonical path.

        Raises:
            Refusal: INF-REQ-09 (404) for a path that is not there, INF-REQ-10 (405, with Allow) for another method.
        """
        for pattern, methods in self._patterns.values():
            if pattern.fullmatch(path):
                if method in methods:
                    return methods[method]
                raise Refusal("INF-REQ-10", f"method {method}", (("Allow", ", ".join(sorted(methods))),))
        raise Refusal("INF-REQ-09", "no route")
