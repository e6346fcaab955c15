"""Does a contract fit the API it names: flux, operations, scopes, and the dimensions that its rights must have (4-C5)?"""

from collections.abc import Iterator

from gateway_addons.core.contract.access import Droit
from gateway_addons.core.contract.model import Contract
from gateway_addons.core.routes import Api

type Place = tuple[str, str]
"""A dotted path in the contract, and what is wrong there, with its clause first."""

_FIELDS = {"budget": "budgets", "exercice": "exercices", "periode": "periodes"}


def misfits(contract: Contract, api: Api) -> list[Place]:
    """Every place of the contract that names what the API does not have, or leaves out what it asks for."""
    return [*_rights(contract, api), *_clients(contract, api), *_limits(contract, api), *_entities(contract, api)]


def _rights(contract: Contract, api: Api) -> Iterator[Place]:
    for number, right in enumerate(contract.droits):
        place = f"droits.{number}"
        if right.flux not in api.fluxes:
            yield f"{place}.flux", f"4-C5: {api.api} has no flux {right.flux!r}; it has {_list(api.fluxes)}"
            continue
        if unknown := [o for o in right.operations if o not in api.operations[right.flux]]:
            yield (f"{place}.operations", f"2.2.1: {right.flux} has no operation {unknown[0]!r}; "
                                          f"it has {_list(api.operations[right.flux])}")
        yield from _dimensions(place, right, api)
        yield from _values(place, right, api)


def _dimensions(place: str, right: Droit, api: Api) -> Iterator[Place]:
    for dimension, name in _FIELDS.items():
        given = bool(getattr(right, name))
        if given and dimension not in api.fluxes[right.flux]:
            yield f"{place}.{name}", f"4-C5: a right for {right.flux} has no {name}; take the line out"
        elif not given and dimension in api.fluxes[right.flux]:
            yield f"{place}.{name}", f"4-C5: a right for {right.flux} names its {name}"


def _values(place: str, right: Droit, api: Api) -> Iterator[Place]:
    own = api.dimensions
    for budget in right.budgets:
        if own.budget is not None and not own.budget.holds(budget):
            yield f"{place}.budgets", f"4-C5: {budget!r} is no budget of {api.api}"
    for exercice in right.exercices:
        if own.exercice is not None and not own.exercice.minimum <= exercice <= own.exercice.maximum:
            yield f"{place}.exercices", f"4-C5: {exercice} is no exercice of {api.api}"
    if own.periode is not None:
        first = f"{right.exercices[0]:04}-" if own.periode.dated and right.exercices else ""
        for month in right.months():
            if not own.periode.holds(f"{first}{month}"):
                yield f"{place}.periodes", f"4-C5: {month!r} is no période of {api.api}"


def _clients(contract: Contract, api: Api) -> Iterator[Place]:
    for number, client in enumerate(contract.acces.clients_oauth2):
        if unknown := [s for s in client.scopes if s not in api.scopes]:
            yield (f"acces.clients_oauth2.{number}.scopes",
                   f"4-C5: {api.api} has no scope {unknown[0]!r}; it has {_list(api.scopes)}")


def _limits(contract: Contract, api: Api) -> Iterator[Place]:
    for number, limit in enumerate(contract.volumetrie.limites):
        place = f"volumetrie.limites.{number}"
        if limit.flux is not None and limit.flux not in api.fluxes:
            yield f"{place}.flux", f"3.1.1-g: {api.api} has no flux {limit.flux!r}; it has {_list(api.fluxes)}"
            continue
        known = api.operations[limit.flux] if limit.flux else frozenset(o for found in api.operations.values() for o in found)
        if limit.operation is not None and limit.operation not in known:
            yield f"{place}.operation", f"3.1.1-g: there is no operation {limit.operation!r}; there are {_list(known)}"


def _entities(contract: Contract, api: Api) -> Iterator[Place]:
    dimension = api.dimensions.budget
    for number, entity in enumerate(contract.organisme.entites):
        for line, budget in enumerate(entity.budgets):
            if dimension is not None and not dimension.holds(budget.name):
                yield (f"organisme.entites.{number}.budgets.{line}",
                       f"4-C5: {budget.name!r} is no budget of {api.api} ({dimension.pattern})")


def _list(names: object) -> str:
    return ", ".join(sorted(names))  # type: ignore[call-overload]
