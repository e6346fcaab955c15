"""What changes between two versions of a contract, in words: rights gained and lost first, then everything else."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from gateway_addons.core.contract.access import Droit
from gateway_addons.core.contract.model import Contract

type Cell = tuple[str, ...]
"""One right in its smallest part: flux, operation, SIRET, budget, exercice, période, window, text."""

type Block = tuple[frozenset[str], ...]

DIMENSIONS = ("flux", "operation", "siret", "budget", "exercice", "periode", "depot", "texte")
NONE = "-"


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `gained` and `lost` are about rights and access, `changed` about anything else."""

    kind: Literal["gained", "lost", "changed"]
    path: str
    words: str


def changes(old: Contract | None, new: Contract | None) -> list[Change]:
    """From `old` to `new`; None where there is none."""
    found = [*_rights(old, new), *_access(old, new)]
    if old is None or new is None:
        kind: Literal["gained", "lost"] = "gained" if old is None else "lost"
        given = new or old
        return [Change(kind, "", f"the whole contract {given.convention.id if given else ''}"), *found]
    return found + list(_fields(_plain(old), _plain(new)))


def _rights(old: Contract | None, new: Contract | None) -> Iterator[Change]:
    before, after = _cells(old), _cells(new)
    for kind, cells in (("gained", after - before), ("lost", before - after)):
        for block in merged(cells):
            yield Change(kind, "droits", words(block))  # type: ignore[arg-type]


def _cells(contract: Contract | None) -> set[Cell]:
    return {cell for right in (contract.droits if contract else ()) for cell in _cells_of(right)}


def _cells_of(right: Droit) -> Iterator[Cell]:
    window = f"{right.depot_du}..{right.depot_au}"
    yield from product((right.flux,), right.operations, (right.siret,), right.budgets or (NONE,),
                       [str(e) for e in right.exercices] or (NONE,), right.months() or (NONE,), (window,), (right.texte_id,))


def merged(cells: set[Cell]) -> list[Block]:
    """The cells as few blocks: those that differ in one dimension only become one, dimension by dimension."""
    blocks: set[Block] = {tuple(frozenset((value,)) for value in cell) for cell in cells}
    for dimension in (5, 4, 3, 1, 2, 0):
        together: dict[tuple[frozenset[str], ...], frozenset[str]] = {}
        for block in blocks:
            rest = block[:dimension] + block[dimension + 1:]
            together[rest] = together.get(rest, frozenset()) | block[dimension]
        blocks = {(*rest[:dimension], values, *rest[dimension:]) for rest, values in together.items()}
    return sorted(blocks, key=lambda block: [sorted(part) for part in block])


def words(block: Block) -> str:
    """A block of rights as a person reads it."""
    flux, operation, siret, budget, exercice, periode, depot, text = (_range(part) for part in block)
    parts = [f"{operation} {flux} for {siret}"]
    named = (("budget", budget), ("exercice", exercice), ("période", periode))
    parts += [f"{name} {value}" for name, value in named if value != NONE]
    return f"{', '.join(parts)}, sent {depot.replace('..', ' to ')}, by text {text}"


def _range(values: frozenset[str]) -> str:
    """Consecutive numbers as `01..13`, everything else one by one."""
    ordered = sorted(values)
    if len(ordered) > 2 and all(v.isdigit() for v in ordered) and int(ordered[-1]) - int(ordered[0]) == len(ordered) - 1:
        return f"{ordered[0]}..{ordered[-1]}"
    return ", ".join(ordered)


def _access(old: Contract | None, new: Contract | None) -> Iterator[Change]:
    before, after = _ways_in(old), _ways_in(new)
    for kind, ways in (("gained", after - before), ("lost", before - after)):
        for path, words in sorted(ways):
            yield Change(kind, path, words)  # type: ignore[arg-type]


def _ways_in(contract: Contract | None) -> set[tuple[str, str]]:
    if contract is None:
        return set()
    access = contract.acces
    return (
        {("acces.certificats", f"certificate {c.empreinte_sha256 or c.cle_publique_sha256 or c.sujet} from {c.du} to {c.au}")
         for c in access.certificats}
        | {("acces.adresses_ip", f"address {network}") for network in access.adresses_ip}
        | {("acces.identifiants_techniques", f"identifier {name}") for name in access.identifiants_techniques}
        | {("acces.clients_oauth2", f"client {c.client_id} ({c.auth}) with scope {scope}")
           for c in access.clients_oauth2 for scope in c.scopes}
    )


def _plain(contract: Contract) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(contract.model_dump_json())
    return {name: section for name, section in document.items() if name not in {"droits", "acces"}}


def _fields(old: Any, new: Any, path: str = "") -> Iterator[Change]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in [*old, *(n for n in new if n not in old)]:
            yield from _fields(old.get(name), new.get(name), f"{path}.{name}".strip("."))
    elif isinstance(old, list) and isinstance(new, list):
        for number in range(max(len(old), len(new))):
            before, after = (side[number] if number < len(side) else None for side in (old, new))
            yield from _fields(before, after, f"{path}.{number}")
    elif old != new:
        yield Change("changed", path, f"{_told(old)} -> {_told(new)}")


def _told(value: Any) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
