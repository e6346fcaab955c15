"""Where a call names the rights it needs: the dimensions of a right, what their values look like, and where they are found.

Flux and operation are the route's. Organisme (SIRET), budget, exercice and période are found in the path, in a header or in
the body; which of them an API has, and where, is its file's (`config/apis/`).
"""

import re
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

MAX_VALUE_CHARACTERS = 128
"""The longest value of a dimension, wherever it is found."""

Pointer = Annotated[str, StringConstraints(pattern=r"^(/[^/~]*(~[01][^/~]*)*)+$")]
"""A JSON pointer (RFC 6901) below the root."""

VariableName = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,32}$")]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$")]
RESERVED_HEADERS = frozenset({
    "authorization", "connection", "content-encoding", "content-length", "content-type", "cookie", "expect", "forwarded", "host",
    "keep-alive", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade", "x-forwarded-for", "x-request-id",
    "x-jwt-assertion", "x-correlation-id"})
"""Headers that mean something else already; no dimension is read from them."""


class Frozen(BaseModel):
    """A part of an API's file: frozen, and a key that is not in the model is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FromPath(Frozen):
    """A variable of the route's path template, `{name}`."""

    path: VariableName


class FromHeader(Frozen):
    """A header that is there exactly once; it is forwarded to the backend as it is."""

    header: HeaderName

    @model_validator(mode="after")
    def _means_nothing_else(self) -> "FromHeader":
        if self.header.lower() in RESERVED_HEADERS:
            raise ValueError(f"{self.header} means something else already; name a header of the API's own")
        return self


Source = Pointer | FromPath | FromHeader
"""One place: a JSON pointer into the body, `{path: name}` or `{header: Name}`."""

BudgetSource = Source | Annotated[tuple[Source, ...], Field(min_length=2, max_length=4)]
"""A budget may be put together from several places, with `/` between them (`BP` and `01`: `BP/01`)."""

type Slot = tuple[str, int]
"""A dimension, and which of its places."""


class Places(Frozen):
    """Where the dimensions are found; a dimension without a place is not part of this shape.

    `flux` is only compared with the route's; it is no place of its own.
    """

    flux: Source | None = None
    siret: Source | None = None
    budget: BudgetSource | None = None
    exercice: Source | None = None
    periode: Source | None = None

    @cached_property
    def slots(self) -> tuple[tuple[Slot, Source], ...]:
        """Every single place."""
        found: list[tuple[Slot, Source]] = []
        for name in ("flux", "siret", "budget", "exercice", "periode"):
            given = getattr(self, name)
            sources = given if isinstance(given, tuple) else (given,) if given is not None else ()
            found += [((name, number), source) for number, source in enumerate(sources)]
        return tuple(found)

    @cached_property
    def pointers(self) -> tuple[tuple[Slot, tuple[str, ...]], ...]:
        """The places in the body, as the member names that lead there."""
        return tuple((slot, members(source)) for slot, source in self.slots if isinstance(source, str))

    @cached_property
    def outside_the_body(self) -> tuple[tuple[Slot, FromPath | FromHeader], ...]:
        """The places in the path and in headers."""
        return tuple((slot, source) for slot, source in self.slots if not isinstance(source, str))

    @cached_property
    def first_members(self) -> frozenset[str]:
        """The members of the outermost object that lead to a place in the body."""
        return frozenset(way[0] for _, way in self.pointers)

    @cached_property
    def headers(self) -> tuple[str, ...]:
        """The headers that name a dimension, in lower case."""
        return tuple(dict.fromkeys(s.header.lower() for _, s in self.slots if isinstance(s, FromHeader)))

    @property
    def names(self) -> frozenset[str]:
        """The dimensions of a right that have a place here."""
        return frozenset(slot[0] for slot, _ in self.slots) - {"flux"}


def members(pointer: str) -> tuple[str, ...]:
    """The member names of a JSON pointer, unescaped (RFC 6901 section 4)."""
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:])


class Shape(Frozen):
    """One form of a call: where the whole call says its dimensions, and what each entry of its body may say instead.

    `body` says whether there is one: a body is always JSON, and always read, also where no dimension is found in it.
    """

    root: Places
    entries: Pointer | None = None
    entry: Places = Places()
    body: Literal["json", "none"] = "json"

    @model_validator(mode="after")
    def _complete(self) -> "Shape":
        if self.root.siret is None:
            raise ValueError("2.1-b: siret needs a place in root: every right is for one organisme")
        if any(not isinstance(source, str) for _, source in self.entry.slots):
            raise ValueError("entry: what an entry says is found in the body, by a JSON pointer")
        if more := self.entry.names - self.root.names:
            raise ValueError(f"entry: {sorted(more)} have no place in root")
        if self.entry.slots and self.entries is None:
            raise ValueError("entries: say where the entries are (a JSON pointer to an array)")
        if self.body == "none" and (self.root.pointers or self.entries):
            raise ValueError("a shape without a body cannot point into one")
        return self

    @cached_property
    def way_to_entries(self) -> tuple[str, ...] | None:
        """The member names that lead to the entries; None where there are none."""
        return members(self.entries) if self.entries is not None else None

    @cached_property
    def budget_slots(self) -> tuple[Slot, ...]:
        """The places of the budget's parts, the call's and an entry's, in order."""
        return tuple(sorted({slot for places in (self.root, self.entry) for slot, _ in places.slots if slot[0] == "budget"}))

    @cached_property
    def names_that_count(self) -> frozenset[str]:
        """Every member name on the way to a dimension; the rest of a body is judged, then forgotten."""
        ways = [way for part in (self.root, self.entry) for _, way in part.pointers]
        return frozenset(name for way in [*ways, members(self.entries or "")] for name in way)


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as e:
        raise ValueError(f"not a regular expression ({e})") from e
    return pattern


class Text(Frozen):
    """A dimension whose values are texts that match a pattern as a whole."""

    pattern: Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_compiles)]

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """The pattern, compiled; ASCII, as every value is."""
        return re.compile(self.pattern, re.ASCII)

    def holds(self, value: str) -> bool:
        """Is this a value of the dimension?"""
        return len(value) <= MAX_VALUE_CHARACTERS and self.regex.fullmatch(value) is not None


class Periode(Text):
    """Période: `dated` when the value itself begins with its exercice (`2026-03`); otherwise the exercice is put before it."""

    dated: bool = True


class Exercice(Frozen):
    """The exercice: a whole number in JSON; in a path or header its decimal digits."""

    minimum: Annotated[int, Field(ge=1)] = 1900
    maximum: Annotated[int, Field(le=9999)] = 9999


class Dimensions(Frozen):
    """What the values of the API's dimensions look like."""

    siret: Text = Text(pattern="[0-9]{14}")
    budget: Text | None = None
    exercice: Exercice | None = None
    periode: Periode | None = None

    @property
    def names(self) -> frozenset[str]:
        """The dimensions that the API has."""
        return frozenset(name for name in ("siret", "budget", "exercice", "periode") if getattr(self, name) is not None)
