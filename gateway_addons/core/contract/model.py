"""A contract (convention) as its YAML file says it; field names are the file's, clauses are told with each field."""

from typing import Annotated, Literal

from pydantic import StringConstraints, model_validator

from gateway_addons.core.contract.access import Acces, Droit, Volumetrie
from gateway_addons.core.contract.fields import Day, Incoherent, Name, Section, Text
from gateway_addons.core.contract.legal import CadreJuridique, Cgu, DataPass, Piece, Recette
from gateway_addons.core.contract.life import (
    Changement,
    Conservation,
    FinDeBesoin,
    Incident,
    Resiliation,
    Suspension,
    Violation,
)
from gateway_addons.core.contract.parties import Contacts, Demarche, Organisme, Service
from gateway_addons.core.contract.personal_data import Rgpd
from gateway_addons.core.contract.security import Securite

ENVIRONMENTS = {"production": "production", "bac_a_sable": "sandbox"}
"""The contract's word for an environment, and the code's."""

DEFAULT_QUOTAS = {"production": 200, "bac_a_sable": 50}
"""Calls a minute without a justification (9.2-a)."""


class Convention(Section):
    """What the contract is: its number, API, environment, and what persons decided (1-a)."""

    id: Name
    """1-a: the contract's number."""
    api: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")] = "infinoe"
    """1-a: the API, by its name in config/apis/; a contract is for one."""
    environnement: Literal["production", "bac_a_sable"]
    """4-e: the environment; nothing of one counts in the other."""
    etat: Literal["brouillon", "instruite", "active", "en_preavis", "suspendue_homologation", "coupee_preventive", "terminee"]
    """1-a: what persons decided; what dates decide is computed at each call."""
    souscription_production_le: Day | None = None
    """3.1.2-d: day of the subscription to production; texts are communicated by then."""
    fin_echange_le: Day | None = None
    """13-a: first day without exchange."""
    fin_de_besoin: FinDeBesoin | None = None
    """13-c: the consumer no longer needs the data; somebody must close the exchange."""
    finalite: Text
    """5.2-c: the single declared purpose."""


class Contract(Section):
    """Convention: one file of config/contracts/production/ or config/contracts/sandbox/."""

    version_schema: Literal[1]
    """1-c: version of this file's form."""
    convention: Convention
    """1-a: number, API, environment, decided state."""
    datapass: DataPass
    """1-a: the request in DataPass."""
    cgu: Cgu
    """1-a: the terms of use that were accepted."""
    organisme: Organisme
    """2.1-b: the public body."""
    contacts: Contacts
    """9.1.3: contacts."""
    demarche: Demarche
    """3.1.1-e: what the exchange is for."""
    services_destinataires: tuple[Service, ...] = ()
    """3.1.1-h: services that receive the data; at least one before the contract is active."""
    cadre_juridique: CadreJuridique
    """3.1.1-b: texts, derogation, examination."""
    pieces_complementaires: tuple[Piece, ...] = ()
    """3.1.2-e: additional documents."""
    recette_fonctionnelle: Recette | None = None
    """3.1.2-c: functional acceptance; mandatory in production."""
    rgpd: Rgpd
    """3.2-a: personal data."""
    securite: Securite = Securite()
    """3.4-a: what shows that the consumer is secure; mandatory in production."""
    acces: Acces
    """4-C1: certificates, addresses, identifiers, clients."""
    droits: tuple[Droit, ...] = ()
    """4-C5: lines of rights."""
    volumetrie: Volumetrie = Volumetrie()
    """9.2-a: quota and limits."""
    conservation: Conservation
    """5.1-b: how long what is kept."""
    changements: tuple[Changement, ...] = ()
    """9.3-a: changes announced."""
    suspensions: tuple[Suspension, ...] = ()
    """12-a: suspensions by the operator."""
    incidents: tuple[Incident, ...] = ()
    """8-g1: security incidents."""
    violations: tuple[Violation, ...] = ()
    """6.6-a: breaches of personal data."""
    resiliation: Resiliation | None = None
    """14-c: the end of the exchange."""

    @model_validator(mode="after")
    def _coherent(self) -> "Contract":
        """Parts that refer to each other do so. Raises `Incoherent` with every place."""
        if found := [*self._foreign_rights(), *self._foreign_entities()]:
            raise Incoherent(found)
        return self

    def _foreign_rights(self) -> list[tuple[str, str]]:
        texts = {t.id for t in self.cadre_juridique.textes}
        sirets = {e.siret for e in self.organisme.entites}
        budgets = {(e.siret, b.name) for e in self.organisme.entites for b in e.budgets}
        found = []
        for number, right in enumerate(self.droits):
            place = f"droits.{number}"
            if right.texte_id not in texts:
                found.append((f"{place}.texte_id", f"3.1.1-b: no text {right.texte_id!r}; add it to cadre_juridique.textes"))
            if right.siret not in sirets:
                found.append((f"{place}.siret", "2.1-b: not an entity of the organisme; add it to organisme.entites"))
            elif foreign := [b for b in right.budgets if (right.siret, b) not in budgets]:
                found.append((f"{place}.budgets",
                              f"4-C5: {foreign[0]} is not a budget of that entity; add it to organisme.entites"))
        return found

    def _foreign_entities(self) -> list[tuple[str, str]]:
        siren = self.organisme.siren
        found = [(f"organisme.entites.{number}.siret", "2.1-b: does not begin with the organisme's SIREN")
                 for number, entity in enumerate(self.organisme.entites) if not entity.siret.startswith(siren)]
        if not self.organisme.siret_demandeur.startswith(siren):
            found.append(("organisme.siret_demandeur", "2.1-b: does not begin with the organisme's SIREN"))
        return found

    @property
    def environment(self) -> str:
        """`production` or `sandbox`."""
        return ENVIRONMENTS[self.convention.environnement]

    @property
    def calls_per_minute(self) -> int:
        """The quota (9.2)."""
        return self.volumetrie.appels_par_minute or DEFAULT_QUOTAS[self.convention.environnement]
