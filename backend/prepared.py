"""What is left of a body once it was read and checked: all that the store's transaction needs, and nothing to parse."""

from dataclasses import dataclass, field
from datetime import date

from backend.errors import Detail


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, from the gateway's verified assertion; the backend trusts no other source for it."""

    siren: str
    convention: str
    application: str
    correlation_id: str
    request_id: str
    intervention_distinct: bool = True


@dataclass(frozen=True, slots=True)
class Perimeter:
    """Whose entry it is, of which budget, for which time; `budget` is `BP/01`."""

    siret: str
    budget: str
    exercice: int
    periode: str

    @property
    def book(self) -> tuple[str, str, int]:
        """Where identifiers and document numbers are unique: SIRET, budget, exercice."""
        return self.siret, self.budget, self.exercice


@dataclass(frozen=True, slots=True)
class Lookup:
    """One code that must stand in a nomenclature of the organisme at a date; `path` is relative to the entry."""

    nomenclature: str
    code: str
    day: date
    path: str


@dataclass(frozen=True, slots=True)
class Statement:
    """The totals of a financial statement that other statements of the lot must agree with; centimes."""

    kind: str
    stage: str
    balance: int | None
    receipts: int
    ae: int
    cp: int


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """What the store keeps in columns of its own, and what is checked against other entries."""

    lookups: tuple[Lookup, ...] = ()
    journal: str | None = None
    piece: str | None = None
    movement: str | None = None
    commitment: str | None = None
    amount_centimes: int | None = None
    statement: Statement | None = None


@dataclass(frozen=True, slots=True)
class PreparedEntry:
    """One entry ready for the transaction; `base` is its JSON pointer, `content` its canonical text."""

    identifiant: str
    perimeter: Perimeter
    content: str
    facts: EntryFacts
    base: str
    index: int | None = None

    def detail(self, code: str, path: str = "") -> Detail:
        """A finding about this entry, at a path relative to it."""
        return Detail(code, self.base + path, self.index)


@dataclass(frozen=True, slots=True)
class PreparedLot:
    """A lot ready for the transaction; `findings` are broken rules, reported only when the lot is not a replay."""

    flux: str
    number: str
    perimeter: Perimeter
    emitter: tuple[str, str]
    fingerprint: str
    entries: list[PreparedEntry]
    findings: list[Detail] = field(default_factory=list)
    warnings: list[Detail] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PreparedChange:
    """A modification (`entry` is the new content) or a deletion (`entry` is None) of one stored entry."""

    flux: str
    identifiant: str
    perimeter: Perimeter
    version: int
    reason: str
    entry: PreparedEntry | None
    findings: list[Detail] = field(default_factory=list)
    warnings: list[Detail] = field(default_factory=list)
