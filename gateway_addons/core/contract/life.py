"""What happens to a contract in its life: changes, suspensions, incidents, its end (clauses 5.1, 6.6, 8-g, 9.3, 12, 14)."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway_addons.core.contract.calendar import minus_working_days
from gateway_addons.core.contract.fields import Day, Flag, Moment, Name, Section, Text

NOTICE_WORKING_DAYS = {"nominal": 14, "urgence": 7}
"""How long before its application a change is announced (9.3-c)."""


class Conservation(Section):
    """How long what is kept, and why (5.1-b, 6.8-b)."""

    journaux_techniques_mois: Annotated[int, Field(strict=True, ge=1, le=120)] = 12
    """5.1-b: technical logs, in months."""
    justification_journaux: Text
    """5.1-b: why so long."""
    datapass_apres_arret_mois: Annotated[int, Field(strict=True, ge=0, le=120)] = 72
    """6.8-b: DataPass data after the end of the exchange, in months (six years)."""


class Changement(Section):
    """A change, announced by e-mail before it is applied (9.3)."""

    id: Name
    """9.3-c: its name."""
    type: Literal["nominal", "urgence"]
    """9.3-c: nominal (14 working days of notice) or urgence (7)."""
    annonce_le: Day
    """9.3-c: when it was announced."""
    courriel_message_id: Text
    """9.3-a: Message-ID of the e-mail that announced it; written notice is mandatory."""
    telephone_le: Moment | None = None
    """9.3-b: a call in addition to the e-mail, in an emergency only."""
    application_le: Day
    """9.3-c: when it is applied."""

    @model_validator(mode="after")
    def _announced_in_time(self) -> "Changement":
        days = NOTICE_WORKING_DAYS[self.type]
        latest = minus_working_days(self.application_le, days)
        if self.annonce_le > latest:
            raise ValueError(f"9.3-c: a change of type {self.type} is announced {days} working days before it is applied: "
                             f"by {latest} for {self.application_le}; announce it earlier or apply it later")
        if self.telephone_le is not None and self.type != "urgence":
            raise ValueError("9.3-b: a telephone call is for emergencies only (type urgence)")
        return self


class Verification(Section):
    """What is verified before a return to service after an incident (8-g4)."""

    element_malveillant_supprime: Flag
    """8-g4: the malicious element is gone."""
    vulnerabilites_corrigees: Flag
    """8-g4: the vulnerabilities are corrected."""
    par: Name
    """8-g4: who verified it."""
    le: Moment
    """8-g4: when; the exchange does not reopen before."""

    @property
    def complete(self) -> bool:
        """Both were verified."""
        return self.element_malveillant_supprime and self.vulnerabilites_corrigees


class Suspension(Section):
    """An operator's suspension (12-a), with its written notice (12-b); `au` is None while it lasts."""

    motif: Literal["maintenance", "securite", "autre"]
    """12-a: the reason; one for security reopens only with its verification (8-g4)."""
    du: Moment
    """12-a: from when."""
    au: Moment | None = None
    """12-a: until when, that moment excluded."""
    avertie_le: Moment
    """12-b: when the consumer was told in writing."""
    message: Text
    """12-b: what it was told."""
    verification: Verification | None = None
    """8-g4: needed before the return to service when motif is securite."""

    @model_validator(mode="after")
    def _in_order(self) -> "Suspension":
        if self.au is not None and self.au <= self.du:
            raise ValueError("12-a: au is not after du")
        return self


class Incident(Section):
    """A security incident and its follow-up (8-g)."""

    id: Name
    """8-g1: its name."""
    debut: Moment
    """8-g1: when it began."""
    fin: Moment | None = None
    """8-g4: when it ended."""
    qualification: Text | None = None
    """8-g2: what it was, its root event and its impact."""
    mesures: tuple[Text, ...] = ()
    """8-g3: what was done."""
    cause_exterieure: Flag = False
    """15-a: force majeure, for the reports only."""
    depot_plainte: Text | None = None
    """8-g5: a complaint that was lodged."""
    verification: Verification | None = None
    """8-g4: what was verified before the return to service."""


class Violation(Section):
    """A breach of personal data (6.6)."""

    id: Name
    """6.6-a: its name."""
    connaissance_le: Moment
    """6.6-a: when it became known; the CNIL is notified within 72 hours."""
    risque: Flag
    """6.6-a: whether there is a risk for persons."""
    risque_eleve: Flag = False
    """6.6-b: whether the risk is high: the persons are told too."""
    anonymisees: Flag = False
    """6.6-a: whether the data were irreversibly anonymised: then nothing is notified."""
    notifiee_cnil_le: Moment | None = None
    """6.6-a: when the CNIL was notified."""
    motif_retard: Text | None = None
    """6.6-a: why later than 72 hours."""
    personnes_informees_le: Moment | None = None
    """6.6-b: when the persons were told."""


class FinDeBesoin(Section):
    """The consumer no longer needs the data, or their text no longer applies (13-c)."""

    signalee_le: Day
    """13-c: when it told so."""
    motif: Text
    """13-c: why."""


class Resiliation(Section):
    """The end of the exchange: two months after the notice, at once when security asks for it (14-c to 14-f)."""

    par: Literal["producteur", "consommateur"]
    """14-c: who ends it."""
    notifiee_le: Day
    """14-d: when the other party was told; the notice is two months."""
    motif: Text
    """14-c: the reasons, mandatory."""
    canal: Literal["ecrit"]
    """14-c: in writing."""
    effective_le: Day | None = None
    """14-d: first day without exchange, when later than two months after the notice (14-f: when earlier, for security)."""
    cas_securite: Flag = False
    """14-f: a security problem ends the exchange without notice."""

    @model_validator(mode="after")
    def _in_order(self) -> "Resiliation":
        if self.effective_le is not None and self.effective_le < self.notifiee_le:
            raise ValueError("14-d: effective_le is before notifiee_le")
        return self
