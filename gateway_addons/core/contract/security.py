"""How secure the consumer says it is: homologation or questionnaire, audits, vulnerabilities (clauses 3.4, 8)."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway_addons.core.contract.fields import Day, Name, Section, Sha256, Text


class Autorite(Section):
    """Who pronounced the homologation."""

    nom: Text
    fonction: Text


class LeveeReserves(Section):
    """The exchange that lifted reservations (3.4.1-c)."""

    echange_le: Day
    participants: tuple[Text, ...] = Field(min_length=1)
    decision: Literal["ouverture", "refus"]
    motif: Text


class Successeur(Section):
    """The next attestation, due three months before the end of the current one (3.4.1-d)."""

    prononcee_le: Day | None = None
    valide_du: Day
    valide_au: Day
    document_sha256: Sha256
    recu_le: Day

    @model_validator(mode="after")
    def _dates_in_order(self) -> "Successeur":
        if self.valide_au < self.valide_du:
            raise ValueError("3.4.1-a: valide_au is before valide_du")
        return self


class Homologation(Section):
    """Way 1: the attestation of security (3.4.1)."""

    type: Literal["homologation", "ape"]
    autorite: Autorite
    prononcee_le: Day
    valide_du: Day
    valide_au: Day
    document_sha256: Sha256 | None = None
    recu_le: Day | None = None
    reserves: tuple[Text, ...] = ()
    levee_reserves: LeveeReserves | None = None
    successeur: Successeur | None = None

    @model_validator(mode="after")
    def _dates_in_order(self) -> "Homologation":
        if self.valide_au < self.valide_du:
            raise ValueError("3.4.1-a: valide_au is before valide_du")
        return self


class Groupe1(Section):
    """The answers that decide on opening (3.4.2-b)."""

    decision: Literal["ouverture", "refus"]
    le: Day
    par: Name


class Preconisation(Section):
    """A recommendation and what came of it (3.4.2-c)."""

    id: Name
    texte: Text
    emise_le: Day
    examinee_le: Day | None = None
    planifiee_pour: Day | None = None
    realisee_le: Day | None = None


class Groupe2(Section):
    """The answers that are analysed in depth (3.4.2-c)."""

    preconisations: tuple[Preconisation, ...] = ()


class RisqueCritique(Section):
    """A critical risk: the exchange is cut when it is not resolved by the end of `delai_resolution` (3.4.2-d)."""

    constate_le: Day
    delai_resolution: Day
    resolu_le: Day | None = None


class Questionnaire(Section):
    """Way 2: the security questionnaire, updated at least every three years (3.4.2)."""

    modele_version: Text
    transmis_le: Day
    retourne_le: Day
    sha256: Sha256
    groupe1: Groupe1 | None = None
    groupe2: Groupe2 = Groupe2()
    risque_critique: RisqueCritique | None = None


class Audit(Section):
    """A security audit (8-c)."""

    date: Day
    perimetre_oauth2: bool
    prochain_le: Day | None = None


class Vulnerabilite(Section):
    """A vulnerability; an open major one forbids going into production (8-d)."""

    id: Name
    severite: Literal["mineure", "moyenne", "majeure"]
    constatee_le: Day
    corrigee_le: Day | None = None


class EvolutionRisque(Section):
    """A change of risk that calls for a new homologation (3.4.1-f)."""

    signalee_le: Day
    motif: Text
    soldee_le: Day | None = None


class Securite(Section):
    """Section 3.4."""

    voie: Literal["homologation", "questionnaire"] | None = None
    transitoire: bool = False
    homologation: Homologation | None = None
    questionnaire: Questionnaire | None = None
    evolutions_risque: tuple[EvolutionRisque, ...] = ()
    audits: Annotated[tuple[Audit, ...], Field()] = ()
    vulnerabilites: tuple[Vulnerabilite, ...] = ()
