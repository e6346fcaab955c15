"""An incident as its acts in the journal tell it (clauses 8-g1 to 8-g5, 6.6): nothing else holds its state.

Each act is journaled when it is done, so the file of an incident is as provable as the calls: it is folded from the acts, in
their order, and an act that does not fit (a note before the opening, a close without its verification) is refused before it
is written.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, get_args

IncidentType = Literal[
    "intrusion", "fuite_de_donnees", "alteration", "indisponibilite", "usage_anormal", "vulnerabilite", "autre"
]
Phase = Literal["reaction", "investigation", "traitement", "retour", "suites"]
"""The phases of clause 8: g1 immediate reaction, g2 investigation, g3 treatment, g4 after, g5 judicial follow-up."""

LinkKind = Literal["appel", "alerte", "commutateur", "convention", "revision", "certificat"]

TYPES: tuple[str, ...] = get_args(IncidentType)
PHASES: tuple[str, ...] = get_args(Phase)
LINK_KINDS: tuple[str, ...] = get_args(LinkKind)

CNIL_DELAY = timedelta(hours=72)
"""Elapsed hours from awareness, not working hours (6.6-a, GDPR article 33)."""


class IncidentError(Exception):
    """The act does not fit the incident; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Note:
    """One entry of the incident's file."""

    at: datetime
    author: str
    phase: str
    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """Something that belongs to the incident: a call's request id, an alert, a switch, a contract, a revision."""

    kind: str
    reference: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Breach:
    """A breach of personal data (6.6). `known_at` starts the 72 hours; without risk, or irreversibly anonymised, none run."""

    known_at: datetime
    risk: bool
    high_risk: bool
    anonymised: bool
    notified_at: datetime | None = None
    late_because: str | None = None

    @property
    def must_be_notified(self) -> bool:
        """Does the CNIL have to be told?"""
        return self.risk and not self.anonymised

    @property
    def due(self) -> datetime:
        """Until when."""
        return self.known_at + CNIL_DELAY

    @property
    def persons_must_be_told(self) -> bool:
        """Do the persons concerned have to be told as well (6.6-b)?"""
        return self.high_risk and not self.anonymised


@dataclass(frozen=True, slots=True)
class Verification:
    """What must be true before service returns (8-g4)."""

    malicious_element_removed: bool
    vulnerabilities_fixed: bool
    by: str
    at: datetime

    @property
    def complete(self) -> bool:
        """May service return?"""
        return self.malicious_element_removed and self.vulnerabilities_fixed


@dataclass(slots=True)
class Incident:
    """One incident, folded from its acts."""

    id: str
    type: str
    title: str
    opened_at: datetime
    opened_by: str
    began_at: datetime
    ended_at: datetime | None = None
    external_cause: bool = False
    notes: list[Note] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    breach: Breach | None = None
    verification: Verification | None = None
    complaint: str | None = None
    cause: str | None = None
    corrections: str | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None

    @property
    def open(self) -> bool:
        """Is it still being handled?"""
        return self.closed_at is None

    @property
    def cut_something(self) -> bool:
        """Did it cut or restrict service (8-g1, 8-g3)? Then the way back needs the verification of 8-g4."""
        return any(link.kind == "commutateur" for link in self.links)
