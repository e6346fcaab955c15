"""How unclear points of the terms of use are read in each environment, and what its operator has stopped."""

from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from gateway_addons.core.contract.calendar import MAINTENANCE_HOURS, maintenance_window
from gateway_addons.core.contract.fields import Day, Flag, Moment, Section, Sha256, Text
from gateway_addons.core.facts import rfc3339

Days = Annotated[int, Field(strict=True, ge=0, le=3650)]


class Maintenance(Section):
    """A slot of maintenance; its end is excluded (11-b)."""

    du: Moment
    """11-b: from when, not before 23:00 in Paris."""
    au: Moment
    """11-b: until when, at most two hours later and not after 06:00 in Paris."""

    @model_validator(mode="after")
    def _within_the_night(self) -> "Maintenance":
        start, end = maintenance_window(self.du)
        if self.au <= self.du:
            raise ValueError("11-b: au is not after du")
        if self.au - self.du > timedelta(hours=MAINTENANCE_HOURS):
            raise ValueError(f"11-b: a slot lasts {MAINTENANCE_HOURS} hours at most; divide the work over several nights")
        if self.du < start or self.au > end:
            raise ValueError("11-b: a slot lies between 23:00 and 06:00 of the following morning, in Paris")
        return self


class TermsOfUse(Section):
    """A version of the terms of use (1-a, 14-a)."""

    document: Text
    """1-a: name of the document."""
    publiee_le: Day
    """14-a: when it was published."""
    sha256: Sha256
    """1-c: SHA-256 of its text."""


class EnvironmentReadings(Section):
    """One environment; nothing has a default, so that what holds is what the file says."""

    suspension_homologation: Literal["echeance", "fin_validite"]
    """3.4.1-e: when a missing renewal suspends (AMB-1)."""
    questionnaire_expire: Literal["alerter", "suspendre"]
    """3.4.2-e: what a questionnaire that is not updated after three years does (AMB-2)."""
    nouvelle_cgu: Literal["informer", "reaccepter"]
    """14-a: whether a new version of the terms must be accepted again (AMB-10)."""
    delai_sous_traitance_jours: Days
    """5.2-h: how long before it starts a subcontractor is told of (AMB-8)."""
    cgu_connues: Annotated[tuple[TermsOfUse, ...], Field(min_length=1)]
    """1-a: the versions of the terms that may have been accepted, the newest last."""
    api_bloquee: Flag
    """12-a: true stops the whole API."""
    maintenances: tuple[Maintenance, ...]
    """11-b: slots of maintenance, one a night at most."""

    @model_validator(mode="after")
    def _in_order(self) -> "EnvironmentReadings":
        nights = [maintenance_window(slot.du)[0] for slot in self.maintenances]
        if len(set(nights)) != len(nights):
            raise ValueError("11-b: two slots are in one night; keep one")
        if any(a.publiee_le > b.publiee_le for a, b in pairwise(self.cgu_connues)):
            raise ValueError("14-a: cgu_connues goes from the oldest version to the newest")
        return self


class Readings(Section):
    """The file `config/readings.yaml`."""

    version_schema: Literal[1]
    """1-c: version of this file's form."""
    production: EnvironmentReadings
    """4-e: production."""
    bac_a_sable: EnvironmentReadings
    """4-e: the sandbox."""

    def of(self, environment: str) -> EnvironmentReadings:
        """Those of `production` or `sandbox`."""
        return self.production if environment == "production" else self.bac_a_sable

    def data(self) -> dict[str, Any]:
        """OPA's `data.readings`, by the code's names of the environments."""
        return {"production": environment_data(self.production), "sandbox": environment_data(self.bac_a_sable)}


def environment_data(readings: EnvironmentReadings) -> dict[str, Any]:
    """`data.readings` of one environment."""
    return {
        "suspension_homologation": readings.suspension_homologation,
        "questionnaire_expire": readings.questionnaire_expire,
        "new_terms": readings.nouvelle_cgu,
        "terms": [terms.sha256 for terms in readings.cgu_connues],
        "api_bloquee": readings.api_bloquee,
        "maintenances": [{"from": rfc3339(slot.du), "to": rfc3339(slot.au)} for slot in readings.maintenances],
    }
