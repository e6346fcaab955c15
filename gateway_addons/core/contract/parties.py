"""Who the contract is with: the organisme, its contacts, its purpose (clauses 2.1, 3.1.1, 5.2, 9.1, 11-d)."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from gateway_addons.core.contract.fields import Day, Name, Section, Siren, Siret, Text


class Budget(Section):
    """A budget of an entity: principal, annexe, or service à comptabilité distincte."""

    type: Literal["BP", "BA", "SACD"]
    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,10}$")]


class Entite(Section):
    """An establishment of the organisme and its budgets."""

    siret: Siret
    budgets: tuple[Budget, ...] = Field(min_length=1)


class Organisme(Section):
    """The national public body (2.1-b)."""

    nom: Text
    categorie: Literal["organisme_public_national"]
    siren: Siren
    siret_demandeur: Siret
    code_infinoe: Name | None = None
    uai: Annotated[str, StringConstraints(pattern=r"^[0-9]{7}[A-Z]$")] | None = None
    soumis_rgs: bool
    enveloppe_intervention_distincte: bool = True
    entites: tuple[Entite, ...] = Field(min_length=1)


class Contact(Section):
    """A person or a desk; its address never leaves the gateway towards a caller (9.3-d)."""

    prenom: Text | None = None
    nom: Text | None = None
    fonction: Text | None = None
    courriel: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
    telephone: Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ]{6,20}$")] | None = None
    verifie_le: Day | None = None


class Contacts(Section):
    """The contacts that DataPass asks for (9.1.3)."""

    demandeur: Contact
    responsable_traitement: Contact
    delegue_protection_donnees: Contact | None = None
    responsable_technique: Contact
    rssi: Contact | None = None
    privilegies_usagers_interdits: bool = True


class Teleservice(Section):
    """What the consumer says of its own service (11-d)."""

    couverture: Text
    taux_disponibilite: Annotated[float, Field(ge=0, le=100)]


class Demarche(Section):
    """What the exchange is for (3.1.1-e)."""

    intitule: Text
    description: Text
    usage_des_donnees: Text
    date_prevue_mise_en_production: Day | None = None
    teleservice: Teleservice | None = None


class Service(Section):
    """A service that receives the data (3.1.1-h, 5.2-e)."""

    code: Name
    libelle: Text
