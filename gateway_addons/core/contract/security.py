"""How secure the consumer says it is: homologation or questionnaire, audits, vulnerabilities (clauses 3.4, 8)."""

from typing import Literal

from pydantic import Field, model_validator

from gateway_addons.core.contract.fields import Day, Flag, Name, Section, Sha256, Text


class Autorite(Section):
    """Who pronounced the homologation (3.4.1-a)."""

    nom: Text
    """3.4.1-a: name."""
    fonction: Text
    """3.4.1-a: function."""


class LeveeReserves(Section):
    """The exchange that lifted reservations (3.4.1-c)."""

    echange_le: Day
    """3.4.1-c: when it took place."""
    participants: tuple[Text, ...] = Field(min_length=1)
    """3.4.1-c: who took part."""
    decision: Literal["ouverture", "refus"]
    """3.4.1-c: what was decided."""
    motif: Text
    """3.4.1-c: why."""


class Attestation(Section):
    """What an attestation of security says, the current one or the next (3.4.1)."""

    type: Literal["homologation", "ape"] = "homologation"
    """3.4.1-c: homologation, or provisional authorisation (APE), which needs levee_reserves."""
    valide_du: Day
    """3.4.1-a: first day of validity."""
    valide_au: Day
    """3.4.1-a: last day of validity; the next attestation is due three months before (3.4.1-d)."""
    reserves: tuple[Text, ...] = ()
    """3.4.1-c: reservations; with any, levee_reserves is needed."""
    levee_reserves: LeveeReserves | None = None
    """3.4.1-c: the exchange that opens in spite of them."""

    @model_validator(mode="after")
    def _dates_in_order(self) -> "Attestation":
        if self.valide_au < self.valide_du:
            raise ValueError("3.4.1-a: valide_au is before valide_du")
        return self

    @property
    def opens(self) -> bool:
        """No reservation and not provisional, or an exchange that decided to open all the same."""
        if self.type == "homologation" and not self.reserves:
            return True
        return self.levee_reserves is not None and self.levee_reserves.decision == "ouverture"


class Successeur(Attestation):
    """The next attestation, due three months before the end of the current one (3.4.1-d)."""

    prononcee_le: Day | None = None
    """3.4.1-a: when it was pronounced; by default when it was received."""
    document_sha256: Sha256
    """3.4.1-b: SHA-256 of the document."""
    recu_le: Day
    """3.4.1-d: when it was received."""


class Homologation(Attestation):
    """Way 1: the attestation of security (3.4.1)."""

    type: Literal["homologation", "ape"]
    """3.4.1-c: homologation, or provisional authorisation (APE), which needs levee_reserves."""
    autorite: Autorite
    """3.4.1-a: who pronounced it."""
    prononcee_le: Day
    """3.4.1-a: when; before any exchange in production."""
    document_sha256: Sha256 | None = None
    """3.4.1-b: SHA-256 of the document."""
    recu_le: Day | None = None
    """3.4.1-b: when it was received."""
    successeur: Successeur | None = None
    """3.4.1-d: the next attestation."""


class Groupe1(Section):
    """The answers that decide on opening (3.4.2-b)."""

    decision: Literal["ouverture", "refus"]
    """3.4.2-b: open or refuse."""
    le: Day
    """3.4.2-b: when; before that day the contract is not active."""
    par: Name
    """3.4.2-b: which agent."""


class Preconisation(Section):
    """A recommendation and what came of it (3.4.2-c)."""

    id: Name
    """3.4.2-c: its name."""
    texte: Text
    """3.4.2-c: what is recommended."""
    emise_le: Day
    """3.4.2-c: when."""
    examinee_le: Day | None = None
    """3.4.2-c: when the consumer examined it."""
    planifiee_pour: Day | None = None
    """3.4.2-c: by when it is planned."""
    realisee_le: Day | None = None
    """3.4.2-c: when it was done."""


class Groupe2(Section):
    """The answers that are analysed in depth (3.4.2-c)."""

    preconisations: tuple[Preconisation, ...] = ()
    """3.4.2-c: recommendations."""


class RisqueCritique(Section):
    """A critical risk: the exchange is cut when it is not resolved by the end of `delai_resolution` (3.4.2-d)."""

    constate_le: Day
    """3.4.2-d: when it was found."""
    delai_resolution: Day
    """3.4.2-d: last day to resolve it."""
    resolu_le: Day | None = None
    """3.4.2-d: when it was resolved."""


class Questionnaire(Section):
    """Way 2: the security questionnaire, updated at least every three years (3.4.2)."""

    modele_version: Text
    """3.4.2-a: version of the template."""
    transmis_le: Day
    """3.4.2-a: when the producer sent it."""
    retourne_le: Day
    """3.4.2-e: when the consumer returned it; due again after 36 months."""
    sha256: Sha256
    """3.4.2-a: SHA-256 of the answers."""
    groupe1: Groupe1 | None = None
    """3.4.2-b: the decision on the first group of answers."""
    groupe2: Groupe2 = Groupe2()
    """3.4.2-c: the second group."""
    risque_critique: RisqueCritique | None = None
    """3.4.2-d: a critical risk."""


class Audit(Section):
    """A security audit (8-c)."""

    date: Day
    """8-c: when it was done."""
    perimetre_oauth2: Flag
    """8-c: whether it covered OAuth2."""
    prochain_le: Day | None = None
    """8-c: when the next one is due."""


class Vulnerabilite(Section):
    """A vulnerability; an open major one forbids going into production (8-d)."""

    id: Name
    """8-d: its name."""
    severite: Literal["mineure", "moyenne", "majeure"]
    """8-d: how severe."""
    constatee_le: Day
    """8-d: when it was found."""
    corrigee_le: Day | None = None
    """8-d: when it was corrected."""


class EvolutionRisque(Section):
    """A change of risk that calls for a new homologation (3.4.1-f)."""

    signalee_le: Day
    """3.4.1-f: when the consumer told of it."""
    motif: Text
    """3.4.1-f: what changed."""
    soldee_le: Day | None = None
    """3.4.1-g: when the new attestation was communicated."""


class Securite(Section):
    """What shows that the consumer is secure (3.4)."""

    voie: Literal["homologation", "questionnaire"] | None = None
    """3.4-a: way 1 or way 2; mandatory in production."""
    transitoire: Flag = False
    """3.4-c: an organisme under the RGS uses way 2 for the time being."""
    transitoire_motif: Text | None = None
    """3.4-c: why; mandatory with transitoire."""
    transitoire_revue_le: Day | None = None
    """3.4-c: when this is looked at again; mandatory with transitoire (AMB-5)."""
    homologation: Homologation | None = None
    """3.4.1-a: way 1."""
    questionnaire: Questionnaire | None = None
    """3.4.2-a: way 2."""
    evolutions_risque: tuple[EvolutionRisque, ...] = ()
    """3.4.1-f: changes of risk."""
    audits: tuple[Audit, ...] = ()
    """8-c: audits."""
    vulnerabilites: tuple[Vulnerabilite, ...] = ()
    """8-d: vulnerabilities."""
    silo_securise_atteste_le: Day | None = None
    """4-d: when the consumer attested that what it receives is kept in a secure silo."""
