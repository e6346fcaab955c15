"""Who takes part: the consumers of the contracts in `config/contracts/`, each named after its contract's file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from deploy.demo.pki import Identity
from gateway_addons.adapters.policy.contract_files import load_contracts
from gateway_addons.core.contract.access import ClientOAuth2, Droit
from gateway_addons.core.contract.model import Contract

ENVIRONMENTS = ("production", "sandbox")
MODEL = "anfm"
"""The consumer of the worked examples; the bad certificates carry its names."""

REFUSED = MappingProxyType({"suspendu": "INF-SUSP-01", "brouillon": "INF-SUSP-04"})
"""Consumers whose every call is refused for the state of their contract, and the reason."""


class CastError(Exception):
    """The contracts cannot be played with."""


@dataclass(frozen=True)
class Consumer:
    """A consumer of one environment, as its contract describes it."""

    name: str
    contract: Contract

    @property
    def id(self) -> str:
        """The contract's number."""
        return self.contract.convention.id

    @property
    def client_id(self) -> str:
        """Its OAuth2 client."""
        return self.contract.acces.clients_oauth2[0].client_id

    @property
    def clients(self) -> tuple[ClientOAuth2, ...]:
        """All its OAuth2 clients; the first authenticates with a secret."""
        return self.contract.acces.clients_oauth2

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes of that client."""
        return self.contract.acces.clients_oauth2[0].scopes

    @property
    def identifiers(self) -> tuple[str, ...]:
        """Its technical identifiers (ID_Teleservice)."""
        return self.contract.acces.identifiants_techniques

    @property
    def siret(self) -> str:
        """The SIRET its rights are about."""
        return self.contract.organisme.siret_demandeur

    @property
    def rights(self) -> tuple[Droit, ...]:
        """Its lines of rights."""
        return self.contract.droits

    @property
    def identity(self) -> Identity:
        """The names its certificate must carry."""
        certificate = self.contract.acces.certificats[0]
        return Identity(certificate.sujet, certificate.emetteur)

    @property
    def operations(self) -> dict[str, list[str]]:
        """Operations by flux."""
        found: dict[str, list[str]] = {}
        for right in self.rights:
            known = found.setdefault(right.flux, [])
            known.extend(o for o in right.operations if o not in known)
        return found

    @property
    def budgets(self) -> list[str]:
        """The budgets (`BP/01`) that every flux with budgets allows."""
        return _common([list(r.budgets) for r in self.rights if r.budgets])

    @property
    def exercices(self) -> list[int]:
        """The exercices that every line allows."""
        return _common([list(r.exercices) for r in self.rights])

    @property
    def periodes(self) -> list[str]:
        """The périodes (`2026-01`) that every line with périodes allows."""
        months = _common([list(r.months()) for r in self.rights if r.periodes])
        return [f"{year}-{month}" for year in self.exercices for month in months]


def consumers(contracts: Path) -> dict[str, dict[str, Consumer]]:
    """The consumers of each environment, by name.

    Raises:
        ContractFileError: a contract that cannot be used.
        CastError: an environment without the model consumer.
    """
    found: dict[str, dict[str, Consumer]] = {environment: {} for environment in ENVIRONMENTS}
    for file, contract in load_contracts(contracts):
        name = Path(file).stem
        found[contract.environment][name] = Consumer(name, contract)
    for environment, named in found.items():
        if MODEL not in named:
            raise CastError(f"{contracts / environment}: the demonstration needs the contract {MODEL}.yaml")
    return found


def working(named: Mapping[str, Consumer]) -> dict[str, Consumer]:
    """Those whose calls are answered."""
    return {name: consumer for name, consumer in named.items() if name not in REFUSED}


def _common[T](lists: list[list[T]]) -> list[T]:
    """What is in every list, in the order of the first."""
    return [x for x in lists[0] if all(x in other for other in lists[1:])] if lists else []
