"""An incident folded from its acts: what each act needs, what it changes, and what clause 8 does not let pass."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from gateway_addons.core.incident.acts import IncidentAct, apply, document, fold, next_id
from gateway_addons.core.incident.model import Incident, IncidentError
from gateway_addons.core.incident.statistics import by_type, running

T0 = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)
NAME = "INC-2026-0001"
OPEN = {"incident": NAME, "type": "intrusion", "titre": "Certificat volé"}


def act(verb: str, about: Mapping[str, str], after_h: float = 0) -> IncidentAct:
    return IncidentAct(f"incident.{verb}", T0 + timedelta(hours=after_h), "rssi", "motif", {"incident": NAME} | dict(about))


def folded(*acts: tuple[str, Mapping[str, str]]) -> Incident:
    told = [act("open", OPEN), *(act(verb, about, 1 + i) for i, (verb, about) in enumerate(acts))]
    return fold(told)[NAME]


VERIFIED = ("verify", {"element_malveillant_supprime": "oui", "vulnerabilites_corrigees": "oui", "par": "A", "le": T0.isoformat()})
CUT = ("link", {"lien": "commutateur", "reference": "sw-1"})
CLOSE = ("close", {"cause": "clé volée", "corrections": "clé renouvelée"})
BREACH = ("breach", {"connaissance_le": T0.isoformat(), "risque": "oui", "risque_eleve": "non", "anonymisees": "non"})
TOLD = ("notified", {"notifiee_cnil_le": T0.isoformat()})


def test_from_the_opening_to_the_closing() -> None:
    incident = folded(("note", {"phase": "investigation", "texte": "journal lu"}), CUT, BREACH, TOLD, VERIFIED, CLOSE)
    assert not incident.open
    assert incident.cause == "clé volée"
    assert document(incident)["etat"] == "clos"
    assert document(incident)["violation"]["echeance_cnil"] == (T0 + timedelta(hours=72)).isoformat()


@pytest.mark.parametrize(("name", "acts", "words"), [
    ("a cut that was not verified", [CUT, CLOSE], "8-g4"),
    ("a verification that says no", [CUT, ("verify", VERIFIED[1] | {"vulnerabilites_corrigees": "non"}), CLOSE], "8-g4"),
    ("the CNIL not told", [BREACH, CLOSE], "6.6-a"),
    ("a note after nothing of that name", [("note", {"incident": "INC-2026-0009", "phase": "reaction", "texte": "x"})], "no incident"),
    ("closed twice", [CLOSE, CLOSE], "closed"),
    ("an unknown phase", [("note", {"phase": "repos", "texte": "x"})], "phase"),
    ("an empty note", [("note", {"phase": "reaction", "texte": "  "})], "texte"),
    ("a link twice", [CUT, CUT], "already"),
    ("an unknown act", [("dance", {})], "no act"),
    ("told in the future", [BREACH, ("notified", {"notifiee_cnil_le": (T0 + timedelta(hours=70)).isoformat()})], "future"),
    ("notified without a breach", [TOLD], "no breach"),
    ("a moment without its zone", [("breach", BREACH[1] | {"connaissance_le": "2026-03-28T20:00:00"})], "zone"),
    ("known in the future", [("breach", BREACH[1] | {"connaissance_le": "2027-01-01T00:00:00+00:00"})], "future"),
    ("over before it began", [("over", {"fin": (T0 - timedelta(days=1)).isoformat()})], "fin"),
])
def test_what_does_not_fit_is_refused(name: str, acts: list[tuple[str, Mapping[str, str]]], words: str) -> None:
    with pytest.raises(IncidentError, match=words):
        folded(*acts)


def test_late_needs_a_reason() -> None:
    late = {"notifiee_cnil_le": (T0 + timedelta(hours=80)).isoformat()}
    with pytest.raises(IncidentError, match="motif_retard"):
        fold([act("open", OPEN), act(*BREACH, 1), act("notified", late, 81)])
    breach = fold([act("open", OPEN), act(*BREACH, 1), act("notified", late | {"motif_retard": "enquête"}, 81)])[NAME].breach
    assert breach is not None
    assert breach.late_because == "enquête"


def test_without_a_risk_or_anonymised_the_cnil_is_not_owed() -> None:
    for bend in ({"risque": "non"}, {"anonymisees": "oui"}):
        incident = folded(("breach", BREACH[1] | bend), CLOSE)
        assert not incident.open


def test_seventy_two_hours_are_elapsed_hours_across_a_change_of_the_clock() -> None:
    """T0 is the evening before summer time begins in Paris: 72 elapsed hours end one wall-clock hour later."""
    (clock,) = running([folded(BREACH)])
    assert clock.due - clock.since == timedelta(hours=72)


def test_clocks_run_until_they_are_answered() -> None:
    down = {NAME: fold([act("open", OPEN | {"type": "indisponibilite"})])[NAME]}
    assert [c.name for c in running(down.values())] == ["interruption"]
    apply(down, act("over", {"fin": T0.isoformat()}, 1))
    assert running(down.values()) == []
    assert running([folded(BREACH, TOLD)]) == []


def test_numbers_go_on_within_a_year() -> None:
    known = fold([act("open", OPEN)])
    assert next_id(known, T0) == "INC-2026-0002"
    assert next_id(known, T0.replace(year=2027)) == "INC-2027-0001"


def test_counts_by_type_and_period() -> None:
    acts = [IncidentAct("incident.open", T0 + timedelta(days=d), "a", "r", OPEN | {"incident": f"INC-2026-000{d}", "type": kind})
            for d, kind in ((1, "intrusion"), (2, "intrusion"), (3, "alteration"), (9, "intrusion"))]
    acts.append(IncidentAct("incident.close", T0 + timedelta(days=1, hours=6), "a", "r", CLOSE[1] | {"incident": "INC-2026-0001"}))
    counts = by_type(fold(acts).values(), T0, T0 + timedelta(days=5))
    assert [(c.type, c.opened, c.still_open, c.handling_h) for c in counts] == [("intrusion", 2, 1, 6.0), ("alteration", 1, 1, None)]
