"""What happens to a contract in its life: changes, suspensions, incidents, its end (clauses 5.1, 6.6, 8-g, 9.3, 12, 14)."""

from typing import Annotated, Any, Literal

from pydantic import Field

from gateway_addons.core.contract.fields import Day, Moment, Name, Section, Text


class Conservation(Section):
    """How long what is kept, and why (5.1-b, 6.8-b)."""

    journaux_techniques_mois: Annotated[int, Field(ge=1, le=120)] = 12
    justification_journaux: Text
    datapass_apres_arret_mois: Annotated[int, Field(ge=0, le=120)] = 72


class Changement(Section):
    """A change, announced by e-mail (9.3-a)."""

    id: Name
    type: Literal["nominal", "urgence"]
    annonce_le: Day
    courriel_message_id: Text
    application_le: Day


class Suspension(Section):
    """An operator's suspension (12-a), with its written notice (12-b); `au` is None while it lasts."""

    motif: Literal["maintenance", "securite", "autre"]
    du: Moment
    au: Moment | None = None
    avertie_le: Moment
    message: Text


class Resiliation(Section):
    """The end of the exchange: two months after the notice, at once when security asks for it (14-c to 14-f)."""

    par: Literal["producteur", "consommateur"]
    notifiee_le: Day
    motif: Text
    canal: Literal["ecrit"]
    effective_le: Day | None = None
    cas_securite: bool = False


Register = tuple[dict[str, Any], ...]
"""A register that the gateway keeps but does not decide by (incidents, violations)."""
