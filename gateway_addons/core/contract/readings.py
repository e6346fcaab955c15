"""How unclear points of the terms of use are read in each environment, and what its operator has stopped."""

from datetime import datetime
from typing import Any, Literal

from pydantic import model_validator

from gateway_addons.core.contract.fields import Moment, Section


class Maintenance(Section):
    """A slot of maintenance (11-b); its end is excluded."""

    du: Moment
    au: Moment

    @model_validator(mode="after")
    def _in_order(self) -> "Maintenance":
        if self.au <= self.du:
            raise ValueError("11-b: au is not after du")
        return self


class EnvironmentReadings(Section):
    """One environment; nothing has a default, so that what holds is what the file says."""

    suspension_homologation: Literal["echeance", "fin_validite"]
    questionnaire_expire: Literal["alerter", "suspendre"]
    api_bloquee: bool
    maintenances: tuple[Maintenance, ...]


class Readings(Section):
    """The file `config/readings.yaml`."""

    version_schema: Literal[1]
    production: EnvironmentReadings
    bac_a_sable: EnvironmentReadings

    def data(self) -> dict[str, Any]:
        """OPA's `data.readings`, by the code's names of the environments."""
        return {"production": _data(self.production), "sandbox": _data(self.bac_a_sable)}


def _data(readings: EnvironmentReadings) -> dict[str, Any]:
    return {
        "suspension_homologation": readings.suspension_homologation,
        "questionnaire_expire": readings.questionnaire_expire,
        "api_bloquee": readings.api_bloquee,
        "maintenances": [{"from": _text(slot.du), "to": _text(slot.au)} for slot in readings.maintenances],
    }


def _text(moment: datetime) -> str:
    return moment.isoformat()
