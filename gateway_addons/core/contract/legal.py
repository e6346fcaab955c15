"""On what the contract stands: DataPass, terms accepted, legal texts, the examination (clauses 1, 3.1, 13, 14)."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from gateway_addons.core.contract.fields import Day, Flag, Moment, Name, Section, Sha256, Text

FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
"""A file beside the contract's own."""


class DataPass(Section):
    """The subscription as DataPass holds it; field names follow DataPass (1-a, 1-c)."""

    demande_id: Annotated[int, Field(strict=True)]
    """1-a: number of the request."""
    habilitation_slug: Text | None = None
    """1-a: name of the habilitation."""
    type: Text
    """1-a: DataPass's type, AuthorizationRequest::APIINFINOE for INFINOE."""
    form_uid: Text
    """1-a: the form; ends in -production or -sandbox, as the environment does."""
    etat: Literal["draft", "submitted", "changes_requested", "validated", "refused", "revoked", "archived"]
    """1-a: the state in DataPass; only validated opens."""
    habilitation_precedente_bac_a_sable: Annotated[int, Field(strict=True)] | None = None
    """1-a: the sandbox habilitation that went before."""
    soumise_le: Moment | None = None
    """1-a: when the request was filed."""
    validee_le: Moment | None = None
    """1-a: when DGFiP validated it."""
    instantane_sha256: Sha256
    """1-c: SHA-256 of the snapshot of the request that was accepted."""
    instantane_fichier: FileName | None = None
    """1-c: the snapshot itself, beside this file; its hash is verified at every load."""
    external_provider_id: Text | None = None
    """1-a: the id returned to DataPass."""


class Cgu(Section):
    """The terms of use that were accepted (1-a, 13-a, 14-a)."""

    document: Text
    """1-a: name of the document."""
    publiee_le: Day
    """14-a: when that version was published."""
    sha256: Sha256
    """1-c: SHA-256 of the text that was accepted."""
    fichier: FileName | None = None
    """1-c: the text itself, beside this file; its hash is verified at every load."""
    acceptee_le: Moment | None = None
    """1-a: when they were accepted."""
    acceptee_par: Text | None = None
    """1-a: by whom (contacts.demandeur)."""
    versions_notifiees: tuple[Text, ...] = ()
    """14-a: later versions that the consumer was told of."""


class Texte(Section):
    """A law, a regulation or a deliberation that justifies rights; a right ends with it (3.1.1-b, 13-b)."""

    id: Name
    """3.1.1-b: the name by which rights refer to it."""
    nature: Text
    """3.1.1-c: loi, decret, deliberation..."""
    reference: Text
    """3.1.1-c: its reference."""
    url: Annotated[str, StringConstraints(pattern=r"^https://")] | None = None
    """3.1.1-c: where it can be read; needed without document_sha256."""
    document_sha256: Sha256 | None = None
    """3.1.1-c: SHA-256 of the document; needed without url."""
    communique_le: Day
    """3.1.2-d: when it was communicated, at the latest at subscription to production."""
    applicable_du: Day
    """13-b: first day in force."""
    applicable_au: Day | None = None
    """13-b: last day in force; none while no end is known."""

    @model_validator(mode="after")
    def _can_be_read(self) -> "Texte":
        if self.url is None and self.document_sha256 is None:
            raise ValueError("3.1.1-c: a text needs its document (document_sha256) or its address (url)")
        if self.applicable_au is not None and self.applicable_au < self.applicable_du:
            raise ValueError("13-b: applicable_au is before applicable_du")
        return self


class Derogation(Section):
    """The derogation to professional secrecy (3.1.2-a, AMB-7)."""

    fondement: Text
    """3.1.2-a: the code or law that allows it."""
    articles: tuple[Text, ...] = Field(min_length=1)
    """3.1.2-a: its articles."""


class Avis(Section):
    """What an agent of the producer decided (3.1.1-a, 3.1.1-d, 5.1-a)."""

    decision: Literal["favorable", "defavorable"]
    """5.1-a: the decision."""
    le: Day
    """5.1-a: when; before that day the contract is not active."""
    par: Name
    """5.1-a: which agent."""


class Instruction(Section):
    """The producer's examination of the request (5.1-a)."""

    analyse_juridique: Avis | None = None
    """3.1.1-d: the legal analysis."""
    eligibilite: Avis | None = None
    """3.1.1-a: whether the consumer may ask for these data in its missions."""


class CadreJuridique(Section):
    """Texts, derogation, examination (3.1.1-b)."""

    textes: tuple[Texte, ...] = ()
    """2.1-c: the texts; at least one before the contract is active."""
    derogation_secret: Derogation | None = None
    """3.1.2-a: the derogation to professional secrecy; mandatory in production."""
    instruction: Instruction = Instruction()
    """5.1-a: the examination."""

    @model_validator(mode="after")
    def _ids_are_unique(self) -> "CadreJuridique":
        ids = [t.id for t in self.textes]
        if len(set(ids)) != len(ids):
            raise ValueError("3.1.1-b: two texts have the same id")
        return self


class Piece(Section):
    """An additional document that was asked for; one that is mandatory and not received blocks activation (3.1.2-e)."""

    libelle: Text
    """3.1.2-e: which document."""
    demandee_le: Day
    """3.1.2-e: when it was asked for."""
    recue_le: Day | None = None
    """3.1.2-e: when it was received."""
    obligatoire: Flag = True
    """3.1.2-e: whether activation waits for it."""


class Recette(Section):
    """The functional acceptance (3.1.2-c)."""

    confirmee: Flag
    """3.1.2-c: confirmed by the consumer."""
    realisee_le: Day | None = None
    """3.1.2-c: when it was done."""
    resultats_ref: Text | None = None
    """3.1.2-c: where the results are."""
