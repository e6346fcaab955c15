"""Random contracts at random moments: the state that Python tells for reports is the state that the real OPA decides by."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_addons.core.contract.calendar import midnight_in_paris
from gateway_addons.core.contract.model import Contract
from gateway_addons.core.contract.readings import Readings
from gateway_addons.core.contract.state import WORDS, state_at
from tests.policy.calls import allowed_call
from tests.policy.opa_server import served
from tests.policy.variants import QUESTIONNAIRE, Change, changed

FIRST = date(2026, 1, 1)
BATCH = 60
EXAMPLES = 2 if settings.get_current_profile_name() == "suite" else 40
"""Each is a bundle of its own with as many contracts as a batch has."""
days = st.integers(0, 1500).map(lambda n: FIRST + timedelta(days=n))
near = st.sampled_from([timedelta(0), timedelta(microseconds=-1), timedelta(hours=1), timedelta(hours=-1), timedelta(days=1)])


@st.composite
def spans(draw: st.DrawFn) -> tuple[date, date]:
    first = draw(days)
    return first, first + timedelta(days=draw(st.integers(0, 1200)))


@st.composite
def homologations(draw: st.DrawFn) -> Change:
    start, end = draw(spans())
    change: Change = {
        "securite.homologation.prononcee_le": str(draw(days)), "securite.homologation.valide_du": str(start),
        "securite.homologation.valide_au": str(end), "securite.homologation.recu_le": str(draw(days)),
        "securite.homologation.successeur": None}
    if draw(st.booleans()):
        following, last = draw(spans())
        change["securite.homologation.successeur"] = {
            "valide_du": str(following), "valide_au": str(last), "recu_le": str(draw(days)), "document_sha256": "0" * 64,
            "prononcee_le": str(draw(days)) if draw(st.booleans()) else None,
            "reserves": ["r"] if draw(st.booleans()) else []}
    return change


@st.composite
def questionnaires(draw: st.DrawFn) -> Change:
    risk = {"constate_le": str(draw(days)), "delai_resolution": str(draw(days)),
            "resolu_le": str(draw(days)) if draw(st.booleans()) else None}
    answers = QUESTIONNAIRE["securite.questionnaire"] | {
        "retourne_le": str(draw(days)), "risque_critique": risk if draw(st.booleans()) else None}
    return QUESTIONNAIRE | {"securite.questionnaire": answers}


@st.composite
def endings(draw: st.DrawFn) -> Change:
    told = draw(days)
    later = str(told + timedelta(days=draw(st.integers(0, 400)))) if draw(st.booleans()) else None
    ending: Any = {"par": "producteur", "notifiee_le": str(told), "motif": "fin", "canal": "ecrit", "effective_le": later,
                   "cas_securite": draw(st.booleans())}
    return {"resiliation": ending if draw(st.booleans()) else None,
            "convention.fin_echange_le": str(draw(days)) if draw(st.booleans()) else None}


@st.composite
def suspensions(draw: st.DrawFn) -> Change:
    start = midnight_in_paris(draw(days))
    done = {"element_malveillant_supprime": True, "vulnerabilites_corrigees": draw(st.booleans()), "par": "agent-1",
            "le": midnight_in_paris(draw(days)).isoformat()}
    return {"suspensions": [{
        "motif": draw(st.sampled_from(["maintenance", "securite", "autre"])), "du": start.isoformat(), "message": "x",
        "avertie_le": start.isoformat(), "verification": done if draw(st.booleans()) else None,
        "au": (start + timedelta(days=draw(st.integers(1, 400)))).isoformat() if draw(st.booleans()) else None}]}


@st.composite
def contracts(draw: st.DrawFn) -> Change:
    change: Change = draw(st.one_of(homologations(), questionnaires()))
    if draw(st.booleans()):
        change = change | draw(endings())
    if draw(st.integers(0, 3)) == 0:
        change = change | draw(suspensions())
    etat = draw(st.sampled_from(["active"] * 12 + ["en_preavis", "brouillon", "instruite", "coupee_preventive", "terminee",
                                                   "suspendue_homologation"]))
    late = {"cgu.acceptee_le": midnight_in_paris(draw(days)).isoformat()} if draw(st.integers(0, 4)) == 0 else {}
    gate = {"datapass.etat": "submitted"} if draw(st.integers(0, 9)) == 0 else {}
    terms = {"cgu.sha256": "1" * 64} if draw(st.integers(0, 9)) == 0 else {}
    return change | {"convention.etat": etat} | late | gate | terms


reading = st.fixed_dictionaries({
    "suspension_homologation": st.sampled_from(["echeance", "fin_validite"]),
    "questionnaire_expire": st.sampled_from(["alerter", "suspendre"]),
    "nouvelle_cgu": st.sampled_from(["informer", "reaccepter"])})


def moments_of(change: Change) -> list[datetime]:
    """Midnights in Paris on and around every date that the change names: where a state may turn."""
    named = [v for v in _texts(change) if len(v) == 10 and v[:2] == "20"]
    return [midnight_in_paris(date.fromisoformat(v)) for v in named]


def _texts(node: Any) -> list[str]:
    if isinstance(node, dict):
        return [t for value in node.values() for t in _texts(value)]
    if isinstance(node, list):
        return [t for value in node for t in _texts(value)]
    return [node] if isinstance(node, str) else []


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(contracts(), min_size=BATCH, max_size=BATCH), reading, st.lists(st.tuples(days, near), min_size=5, max_size=5))
def test_python_and_rego_tell_one_state(changes: list[Change], how: dict[str, str], when: list[tuple[date, timedelta]]) -> None:
    room = how | {"delai_sous_traitance_jours": 30, "api_bloquee": False, "maintenances": [], "cgu_connues": [
        {"document": "old", "publiee_le": "2020-01-01", "sha256": "0" * 64},
        {"document": "new", "publiee_le": "2023-01-01", "sha256": "2" * 64}]}
    readings = Readings.model_validate({"version_schema": 1, "production": room, "bac_a_sable": room}).production
    made = [(f"c{n}.yaml", Contract.model_validate(changed(f"c{n}", change))) for n, change in enumerate(changes)]
    with served(made, readings) as opa:
        for (_, contract), change in zip(made, changes, strict=True):
            moments = [midnight_in_paris(day) + shift for day, shift in when]
            moments += [moment + shift for moment in moments_of(change)[:4] for shift in (timedelta(0), timedelta(microseconds=-1))]
            for now in moments:
                call = allowed_call(contract, now=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
                call["certificate"] |= {"not_before": "2020-01-01T00:00:00Z", "not_after": "2040-01-01T00:00:00Z"}
                decision = opa.decide(call)
                expected = state_at(contract, readings, now)
                assert decision["state"] == expected, (change, now)
                assert expected in WORDS
                verdict = decision["controls"]["contract"]
                assert (verdict == "pass") is (expected in {"active", "en_preavis"}), (change, now, decision)
