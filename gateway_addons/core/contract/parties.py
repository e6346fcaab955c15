"""Who the contract is with: the organisme, its contacts, its purpose (clauses 2.1, 3.1.1, 5.2, 9.1, 11-d)."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from gateway_addons.core.contract.fields import Day, Flag, Name, Section, Siren, Siret, Text


class Budget(Section):
    """A budget of an entity: principal, annexe, or service à comptabilité distincte (4-C5)."""

    type: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,32}$")] | None = None
    """4-C5: the kind of budget, for INFINOE BP, BA or SACD; none where the API has no kinds."""
    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,32}$")]
    """4-C5: its code, between quotes."""

    @property
    def name(self) -> str:
        """As rights name it: `BP/01`."""
        return f"{self.type}/{self.code}" if self.type else self.code


class Entite(Section):
    """An establishment of the organisme and its budgets (2.1-b)."""

    siret: Siret
    """2.1-b: SIRET of the establishment, between quotes."""
    budgets: tuple[Budget, ...] = ()
    """4-C5: its budgets."""


class Organisme(Section):
    """The national public body (2.1-b)."""

    nom: Text
    """2.1-b: its name."""
    categorie: Literal["organisme_public_national"]
    """2.1-b: only national public bodies send to INFINOE."""
    siren: Siren
    """4-C4: SIREN, between quotes; the certificate must name it."""
    siret_demandeur: Siret
    """2.1-b: SIRET of the establishment that asked."""
    code_infinoe: Name | None = None
    """2.1-b: its code in INFINOE."""
    uai: Annotated[str, StringConstraints(pattern=r"^[0-9]{7}[A-Z]$")] | None = None
    """2.1-b: UAI, for teaching bodies only."""
    soumis_rgs: Flag
    """3.4-b: whether the RGS applies: way 1 (homologation) then, way 2 (questionnaire) otherwise."""
    enveloppe_intervention_distincte: Flag = True
    """2.2.1: whether interventions have an envelope of their own (GBCP, art. 178)."""
    entites: tuple[Entite, ...] = Field(min_length=1)
    """2.1-b: the establishments that rights may be about."""


class Contact(Section):
    """A person or a desk; its address never leaves the gateway towards a caller (9.3-d)."""

    prenom: Text | None = None
    """6.8-d: first name."""
    nom: Text | None = None
    """6.8-d: name."""
    fonction: Text | None = None
    """6.8-d: function."""
    courriel: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
    """9.3-a: e-mail address; notices go there."""
    telephone: Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ]{6,20}$")] | None = None
    """9.3-b: telephone, for emergencies only; between quotes."""
    verifie_le: Day | None = None
    """5.2-b: when these data were last verified; due every twelve months."""


class Contacts(Section):
    """The contacts that DataPass asks for (9.1.3)."""

    demandeur: Contact
    """9.1.3: who asked."""
    responsable_traitement: Contact
    """5.2-b: the controller."""
    delegue_protection_donnees: Contact | None = None
    """9.1.3: the data protection officer; mandatory in production."""
    responsable_technique: Contact
    """4-f: receives the means of access."""
    rssi: Contact | None = None
    """8-g3: told of incidents."""
    privilegies_usagers_interdits: Flag = True
    """9.3-d: contact points are not disclosed to users."""


class Teleservice(Section):
    """What the consumer says of its own service (11-d)."""

    couverture: Text
    """11-d: its hours."""
    taux_disponibilite: Annotated[float, Field(strict=True, ge=0, le=100)]
    """11-d: its availability, in percent."""


class Demarche(Section):
    """What the exchange is for (3.1.1-e)."""

    intitule: Text
    """3.1.1-e: title."""
    description: Text
    """3.1.1-e: what is done."""
    usage_des_donnees: Text
    """3.1.1-e: what the data are used for."""
    date_prevue_mise_en_production: Day | None = None
    """3.1.1-e: when production is planned."""
    teleservice: Teleservice | None = None
    """11-d: coverage and availability of the consumer's service; mandatory in production."""


class Service(Section):
    """A service that receives the data (3.1.1-h, 5.2-e)."""

    code: Name
    """3.1.1-h: its code."""
    libelle: Text
    """3.1.1-h: its name."""
