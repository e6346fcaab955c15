"""Personal data: formalities, what users are told, subcontractors (clauses 3.2, 3.3, 5.2, 5.3-b, 6)."""

from gateway_addons.core.contract.fields import Day, Flag, Months, Section, Siret, Text


class Formalites(Section):
    """The declaration that data-protection formalities are done (3.2)."""

    coche: Flag
    """3.2-a: ticked at the subscription to production."""
    le: Day | None = None
    """3.2-a: when; before that day a production contract is not active."""
    par: Text | None = None
    """3.2-b: who declared it; the declaration engages the consumer."""


class InformationUsager(Section):
    """What users are told (3.3, 5.2-d)."""

    requise: Flag = False
    """3.3: whether users must be told."""
    mention: Text | None = None
    """3.3: the text that they read; it says that data are exchanged with DGFiP."""
    url: Text | None = None
    """3.3: where they read it."""
    attestee_le: Day | None = None
    """5.2-d: when the consumer last attested it."""


class Garanties(Section):
    """A subcontractor's guarantees (6.5)."""

    clauses: Text
    """6.5: the clauses agreed (art. 28 RGPD)."""
    attestees_le: Day
    """6.5: when they were attested."""


class SousTraitant(Section):
    """A subcontractor, told of before it starts (5.2-h)."""

    nom: Text
    """5.2-h: its name."""
    siret: Siret
    """5.2-h: its SIRET."""
    role: Text
    """5.2-h: what it does."""
    informe_le: Day
    """5.2-h: when the partners were told in writing."""
    mise_en_oeuvre_le: Day
    """5.2-h: when it starts; a reasonable time later (AMB-8)."""
    garanties_rgpd: Garanties | None = None
    """6.5: its guarantees."""


class Rgpd(Section):
    """Personal data (3.2, 6)."""

    contient_dcp: Flag = False
    """5.3-b: whether the exchange holds personal data; then the fields of this section are mandatory."""
    formalites_accomplies: Formalites
    """3.2-a: the declaration on formalities."""
    destinataire_donnees: Text | None = None
    """5.2-e: who receives the data."""
    duree_conservation_mois: Months = 0
    """5.1-b: how long the consumer keeps them, in months."""
    information_usager: InformationUsager = InformationUsager()
    """3.3: what users are told."""
    registre_traitement_ref: Text | None = None
    """6.1: the entry in the consumer's register of processing."""
    point_contact_droits: Text | None = None
    """6.3-b: where persons exercise their rights."""
    sous_traitants: tuple[SousTraitant, ...] = ()
    """5.2-h: subcontractors."""
