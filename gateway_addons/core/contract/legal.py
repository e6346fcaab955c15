"""On what the contract stands: DataPass, terms accepted, legal texts, personal data (clauses 1, 3.1, 3.2, 5.2, 6, 13, 14)."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from gateway_addons.core.contract.fields import Day, Moment, Name, Section, Sha256, Siret, Text


class DataPass(Section):
    """The subscription as DataPass holds it (1-a, 1-c); field names follow DataPass."""

    demande_id: int
    habilitation_slug: Text | None = None
    type: Text
    form_uid: Text
    etat: Literal["draft", "submitted", "changes_requested", "validated", "refused", "revoked", "archived"]
    habilitation_precedente_bac_a_sable: int | None = None
    soumise_le: Moment | None = None
    validee_le: Moment | None = None
    instantane_sha256: Sha256
    external_provider_id: Text | None = None


class Cgu(Section):
    """The terms of use that were accepted (1-a, 13-a, 14-a)."""

    document: Text
    publiee_le: Day
    sha256: Sha256
    acceptee_le: Moment | None = None
    acceptee_par: Text | None = None
    versions_notifiees: tuple[Text, ...] = ()


class Texte(Section):
    """A law, a regulation or a deliberation that justifies rights (3.1.1-b, 3.1.1-c); a right ends with it (13-b)."""

    id: Name
    nature: Text
    reference: Text
    url: Annotated[str, StringConstraints(pattern=r"^https://")] | None = None
    document_sha256: Sha256 | None = None
    communique_le: Day
    applicable_du: Day
    applicable_au: Day | None = None

    @model_validator(mode="after")
    def _can_be_read(self) -> "Texte":
        if self.url is None and self.document_sha256 is None:
            raise ValueError("3.1.1-c: a text needs its document (document_sha256) or its address (url)")
        return self


class Derogation(Section):
    """The derogation to professional secrecy (3.1.2-a, AMB-7)."""

    fondement: Text
    articles: tuple[Text, ...] = Field(min_length=1)


class Avis(Section):
    """What an agent of the producer decided (3.1.1-a, 3.1.1-d, 5.1-a)."""

    decision: Literal["favorable", "defavorable"]
    le: Day
    par: Name


class Instruction(Section):
    """The producer's examination of the request."""

    analyse_juridique: Avis | None = None
    eligibilite: Avis | None = None


class CadreJuridique(Section):
    """Texts, derogation, examination."""

    textes: tuple[Texte, ...] = ()
    derogation_secret: Derogation | None = None
    instruction: Instruction = Instruction()

    @model_validator(mode="after")
    def _ids_are_unique(self) -> "CadreJuridique":
        ids = [t.id for t in self.textes]
        if len(set(ids)) != len(ids):
            raise ValueError("3.1.1-b: two texts have the same id")
        return self


class Piece(Section):
    """An additional document that was asked for (3.1.2-e); one that is mandatory and not received blocks activation."""

    libelle: Text
    demandee_le: Day
    recue_le: Day | None = None
    obligatoire: bool = True


class Recette(Section):
    """The functional acceptance (3.1.2-c)."""

    confirmee: bool
    realisee_le: Day | None = None
    resultats_ref: Text | None = None


class Formalites(Section):
    """The declaration that data-protection formalities are done (3.2)."""

    coche: bool
    le: Day | None = None
    par: Text | None = None


class InformationUsager(Section):
    """What users are told (3.3, 5.2-d)."""

    requise: bool = False
    mention: Text | None = None
    url: Text | None = None
    attestee_le: Day | None = None


class Garanties(Section):
    """A subcontractor's guarantees (6.5)."""

    clauses: Text
    attestees_le: Day


class SousTraitant(Section):
    """A subcontractor, told of before it starts (5.2-h)."""

    nom: Text
    siret: Siret
    role: Text
    informe_le: Day
    mise_en_oeuvre_le: Day
    garanties_rgpd: Garanties | None = None


class Rgpd(Section):
    """Personal data."""

    contient_dcp: bool = False
    formalites_accomplies: Formalites
    destinataire_donnees: Text | None = None
    duree_conservation_mois: Annotated[int, Field(ge=0)] = 0
    information_usager: InformationUsager = InformationUsager()
    registre_traitement_ref: Text | None = None
    point_contact_droits: Text | None = None
    sous_traitants: tuple[SousTraitant, ...] = ()
