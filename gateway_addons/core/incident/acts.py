"""The acts of an incident: what each says in the journal, and how an incident is folded from them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway_addons.core.incident.model import (
    LINK_KINDS,
    PHASES,
    TYPES,
    Breach,
    Incident,
    IncidentError,
    Link,
    Note,
    Verification,
)

KIND_PREFIX = "incident."
MAX_TEXT_CHARS = 4000


@dataclass(frozen=True, slots=True)
class IncidentAct:
    """One act as the journal has it: `kind` is `incident.<verb>`, `about` holds the incident's id and the verb's own fields."""

    kind: str
    at: datetime
    author: str
    reason: str
    about: Mapping[str, str]


def fold(acts: Iterable[IncidentAct]) -> dict[str, Incident]:
    """All incidents by id, from acts in the order of the journal.

    Raises:
        IncidentError: an act that does not fit; a journal that was written by this program has none.
    """
    incidents: dict[str, Incident] = {}
    for act in acts:
        apply(incidents, act)
    return incidents


def next_id(incidents: Mapping[str, Incident], now: datetime) -> str:
    """`INC-<year>-<number>`, the next of its year."""
    head = f"INC-{now.year}-"
    numbers = [int(name.removeprefix(head)) for name in incidents if name.startswith(head)]
    return f"{head}{max(numbers, default=0) + 1:04d}"


def apply(incidents: dict[str, Incident], act: IncidentAct) -> Incident:
    """Take one act into the incidents; the one it is about.

    Raises:
        IncidentError: an unknown verb or incident, a field that is missing, an act that its state does not admit.
    """
    verb = act.kind.removeprefix(KIND_PREFIX)
    name = _field(act, "incident")
    if verb == "open":
        if name in incidents:
            raise IncidentError(f"{name} is open already")
        incidents[name] = _opened(name, act)
        return incidents[name]
    incident = incidents.get(name)
    if incident is None:
        raise IncidentError(f"no incident {name}; `poterne incident list` shows them")
    if not incident.open and verb not in _ALSO_AFTER_CLOSING:
        raise IncidentError(f"{name} was closed on {incident.closed_at:%Y-%m-%d}; open a new incident and link it")
    step = _STEPS.get(verb)
    if step is None:
        raise IncidentError(f"an incident has no act {act.kind!r}")
    step(incident, act)
    return incident


def _opened(name: str, act: IncidentAct) -> Incident:
    began = _moment(act, "debut") if "debut" in act.about else act.at
    if began > act.at:
        raise IncidentError("debut: an incident does not begin in the future")
    return Incident(id=name, type=_one_of(act, "type", TYPES), title=_text(act, "titre"), opened_at=act.at, opened_by=act.author,
                    began_at=began, external_cause=act.about.get("cause_exterieure") == "oui")


def _note(incident: Incident, act: IncidentAct) -> None:
    incident.notes.append(Note(act.at, act.author, _one_of(act, "phase", PHASES), _text(act, "texte")))
    if act.about.get("depot_plainte"):
        incident.complaint = _text(act, "depot_plainte")


def _link(incident: Incident, act: IncidentAct) -> None:
    link = Link(_one_of(act, "lien", LINK_KINDS), _text(act, "reference"), act.at)
    if any(known.kind == link.kind and known.reference == link.reference for known in incident.links):
        raise IncidentError(f"{link.kind} {link.reference} is linked already")
    incident.links.append(link)


def _breach(incident: Incident, act: IncidentAct) -> None:
    known_at = _moment(act, "connaissance_le")
    if known_at > act.at:
        raise IncidentError("connaissance_le: lies in the future")
    told = incident.breach
    incident.breach = Breach(known_at, _yes(act, "risque"), _yes(act, "risque_eleve"), _yes(act, "anonymisees"),
                             told.notified_at if told else None, told.late_because if told else None)


def _notified(incident: Incident, act: IncidentAct) -> None:
    if incident.breach is None:
        raise IncidentError("no breach of personal data is recorded; say so first (poterne incident breach)")
    notified = _moment(act, "notifiee_cnil_le")
    if notified > act.at:
        raise IncidentError("notifiee_cnil_le: lies in the future")
    late = act.about.get("motif_retard")
    if notified > incident.breach.due and not late:
        raise IncidentError("motif_retard: 6.6-a: the CNIL was told after 72 hours, the reason for the delay is needed")
    incident.breach = replace(incident.breach, notified_at=notified, late_because=late)


def _verified(incident: Incident, act: IncidentAct) -> None:
    incident.verification = Verification(
        _yes(act, "element_malveillant_supprime"), _yes(act, "vulnerabilites_corrigees"), _text(act, "par"), _moment(act, "le"))


def _over(incident: Incident, act: IncidentAct) -> None:
    ended = _moment(act, "fin")
    if not incident.began_at <= ended <= act.at:
        raise IncidentError("fin: not between the incident's beginning and now")
    incident.ended_at = ended


def _closed(incident: Incident, act: IncidentAct) -> None:
    if incident.cut_something and not (incident.verification and incident.verification.complete):
        raise IncidentError("8-g4: service was cut: before closing, verify that the malicious element is removed and the "
                            "vulnerabilities are fixed (poterne incident verify)")
    breach = incident.breach
    if breach is not None and breach.must_be_notified and breach.notified_at is None:
        raise IncidentError("6.6-a: the CNIL has not been told of the breach (poterne incident notified)")
    incident.cause, incident.corrections = _text(act, "cause"), _text(act, "corrections")
    incident.ended_at = incident.ended_at or act.at
    incident.closed_at, incident.closed_by = act.at, act.author


def _exported(_: Incident, act: IncidentAct) -> None:
    _text(act, "empreinte")


_STEPS: dict[str, Callable[[Incident, IncidentAct], None]] = {
    "note": _note, "link": _link, "breach": _breach, "notified": _notified, "verify": _verified, "over": _over,
    "close": _closed, "export": _exported,
}
_ALSO_AFTER_CLOSING = frozenset({"export", "note", "link"})
"""A judicial follow-up (8-g5) goes on after the closing."""


def _field(act: IncidentAct, name: str) -> str:
    value = act.about.get(name)
    if not value:
        raise IncidentError(f"{name}: is missing")
    return value


def _text(act: IncidentAct, name: str) -> str:
    value = _field(act, name).strip()
    if not value or len(value) > MAX_TEXT_CHARS:
        raise IncidentError(f"{name}: between 1 and {MAX_TEXT_CHARS} characters are needed")
    return value


def _one_of(act: IncidentAct, name: str, choices: tuple[str, ...]) -> str:
    value = _field(act, name)
    if value not in choices:
        raise IncidentError(f"{name}: one of {', '.join(choices)} is needed, not {value!r}")
    return value


def _yes(act: IncidentAct, name: str) -> bool:
    return _one_of(act, name, ("oui", "non")) == "oui"


def _moment(act: IncidentAct, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(_field(act, name))
    except ValueError as e:
        raise IncidentError(f"{name}: a moment is needed (2026-03-31T18:04:11+02:00)") from e
    if moment.tzinfo is None:
        raise IncidentError(f"{name}: the moment has no zone (2026-03-31T18:04:11+02:00)")
    return moment


def document(incident: Incident) -> dict[str, Any]:
    """The incident for programs and for the export, with the field names of the contract's model."""
    breach, verification = incident.breach, incident.verification
    return {
        "id": incident.id, "type": incident.type, "titre": incident.title, "etat": "ouvert" if incident.open else "clos",
        "ouvert_le": incident.opened_at.isoformat(), "ouvert_par": incident.opened_by, "debut": incident.began_at.isoformat(),
        "fin": _iso(incident.ended_at), "cause_exterieure": incident.external_cause, "depot_plainte": incident.complaint,
        "phases": [{"le": n.at.isoformat(), "par": n.author, "phase": n.phase, "texte": n.text} for n in incident.notes],
        "liens": [{"lien": x.kind, "reference": x.reference, "le": x.at.isoformat()} for x in incident.links],
        "violation": None if breach is None else {
            "connaissance_le": breach.known_at.isoformat(), "risque": breach.risk, "risque_eleve": breach.high_risk,
            "anonymisees": breach.anonymised, "echeance_cnil": breach.due.isoformat() if breach.must_be_notified else None,
            "notifiee_cnil_le": _iso(breach.notified_at), "motif_retard": breach.late_because,
            "personnes_a_informer": breach.persons_must_be_told},
        "verification_remise_en_service": None if verification is None else {
            "element_malveillant_supprime": verification.malicious_element_removed,
            "vulnerabilites_corrigees": verification.vulnerabilities_fixed, "par": verification.by,
            "le": verification.at.isoformat()},
        "cause": incident.cause, "corrections": incident.corrections, "clos_le": _iso(incident.closed_at),
        "clos_par": incident.closed_by,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
