"""A contract (convention) as its YAML file says it; field names are the file's, clauses are told in each section's module."""

from typing import Annotated, Literal

from pydantic import StringConstraints, model_validator

from gateway_addons.core.contract.access import Acces, Droit, Volumetrie
from gateway_addons.core.contract.fields import Day, Name, Section, Text
from gateway_addons.core.contract.legal import CadreJuridique, Cgu, DataPass, Piece, Recette, Rgpd
from gateway_addons.core.contract.life import Changement, Conservation, Register, Resiliation, Suspension
from gateway_addons.core.contract.parties import Contacts, Demarche, Organisme, Service
from gateway_addons.core.contract.security import Securite

ENVIRONMENTS = {"production": "production", "bac_a_sable": "sandbox"}
"""The contract's word for an environment, and the code's."""

DEFAULT_QUOTAS = {"production": 200, "bac_a_sable": 50}
"""Calls a minute without a justification (9.2-a)."""


class Convention(Section):
    """`etat` is what persons decided; what dates decide is computed from now at each call.

    `fin_echange_le` is the first day without exchange (13-a); `api` the name of the API in `config/apis/`.
    """

    id: Name
    api: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$")] = "infinoe"
    environnement: Literal["production", "bac_a_sable"]
    etat: Literal["brouillon", "instruite", "active", "en_preavis", "suspendue_homologation", "coupee_preventive", "terminee"]
    souscription_production_le: Day | None = None
    fin_echange_le: Day | None = None
    finalite: Text


class Contract(Section):
    """One file of `config/contracts/`."""

    version_schema: Literal[1]
    convention: Convention
    datapass: DataPass
    cgu: Cgu
    organisme: Organisme
    contacts: Contacts
    demarche: Demarche
    services_destinataires: tuple[Service, ...] = ()
    cadre_juridique: CadreJuridique
    pieces_complementaires: tuple[Piece, ...] = ()
    recette_fonctionnelle: Recette | None = None
    rgpd: Rgpd
    securite: Securite = Securite()
    acces: Acces
    droits: tuple[Droit, ...] = ()
    volumetrie: Volumetrie = Volumetrie()
    conservation: Conservation
    changements: tuple[Changement, ...] = ()
    suspensions: tuple[Suspension, ...] = ()
    incidents: Register = ()
    violations: Register = ()
    resiliation: Resiliation | None = None

    @model_validator(mode="after")
    def _coherent(self) -> "Contract":
        texts = {t.id for t in self.cadre_juridique.textes}
        budgets = {(e.siret, f"{b.type}/{b.code}") for e in self.organisme.entites for b in e.budgets}
        sirets = {e.siret for e in self.organisme.entites}
        for number, right in enumerate(self.droits):
            place = f"droits.{number}"
            if right.texte_id not in texts:
                raise ValueError(f"{place}.texte_id: 3.1.1-b: no text {right.texte_id!r} in cadre_juridique.textes")
            if right.siret not in sirets:
                raise ValueError(f"{place}.siret: 2.1-b: not an entity of the organisme")
            if foreign := [b for b in right.budgets if (right.siret, b) not in budgets]:
                raise ValueError(f"{place}.budgets: 4-C5: {foreign[0]} is not a budget of that entity")
        if any(not e.siret.startswith(self.organisme.siren) for e in self.organisme.entites):
            raise ValueError("organisme.entites: 2.1-b: a SIRET does not begin with the organisme's SIREN")
        return self

    @property
    def environment(self) -> str:
        """`production` or `sandbox`."""
        return ENVIRONMENTS[self.convention.environnement]

    @property
    def calls_per_minute(self) -> int:
        """The quota (9.2)."""
        return self.volumetrie.appels_par_minute or DEFAULT_QUOTAS[self.convention.environnement]
