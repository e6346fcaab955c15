"""What a revision changes against another, in words: rules, rights and access of each consumer, readings, exceptions.

Read from what OPA gets (compiled data and modules), so that what is shown is what would decide.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from gateway_addons.core.contract.changes import NONE, Cell, merged, words
from gateway_addons.core.contract.compile import NEVER

type Kind = Literal["gained", "lost", "changed", "added", "removed"]

_PACKAGE = re.compile(r"^package\s+([a-z0-9_.]+)", re.MULTILINE)
_RULE = re.compile(r"^(?:default\s+)?([a-z_][a-z0-9_]*)", re.MULTILINE)
OWN = frozenset({"rights", "certificates", "addresses", "identifiers", "clients"})
"""Members of a compiled contract that are told as rights and access."""


@dataclass(frozen=True, slots=True)
class RevisionChange:
    """One change: `where` is a rule, a contract (with its environment), or a part of the data."""

    kind: Kind
    where: str
    words: str


def revision_changes(old: Mapping[str, Any], old_modules: Mapping[str, bytes], new: Mapping[str, Any],
                     new_modules: Mapping[str, bytes]) -> list[RevisionChange]:
    """From the old revision to the new one; rules first."""
    found = list(_rules(old_modules, new_modules))
    for environment in sorted({*old["contracts"], *new["contracts"]}):
        before, after = (side["contracts"].get(environment, {}).get("by_id", {}) for side in (old, new))
        for name in sorted({*before, *after}):
            if before.get(name) != after.get(name):
                found += _contract(f"{environment} {name}", before.get(name), after.get(name))
    for part in sorted({*old, *new} - {"contracts", "revision"}):
        found += _fields(part, old.get(part), new.get(part))
    return found


def _rules(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Iterator[RevisionChange]:
    for file in sorted({*old, *new}):
        before, after = _rules_of(old.get(file, b"")), _rules_of(new.get(file, b""))
        for rule in sorted({*before, *after}):
            if before.get(rule) != after.get(rule):
                kind: Kind = "added" if rule not in before else "removed" if rule not in after else "changed"
                yield RevisionChange(kind, rule, f"rule in {file}")


def _rules_of(module: bytes) -> dict[str, list[str]]:
    """The bodies of each rule of a module, without comments."""
    text = module.decode("utf-8", "replace")
    package = _PACKAGE.search(text)
    found: dict[str, list[str]] = {}
    for block in re.split(r"\n(?=[a-z])", "\n".join(line for line in text.splitlines() if not line.startswith("#"))):
        name = _RULE.match(block)
        if name and name[1] != "package":
            found.setdefault(f"{package[1] if package else "?"}.{name[1]}", []).append(block.strip())
    return found


def _contract(where: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[RevisionChange]:
    if old is None or new is None:
        yield RevisionChange("added" if old is None else "removed", where, "the whole contract")
    before, after = _cells(old), _cells(new)
    for kind, cells in (("gained", after - before), ("lost", before - after)):
        for block in merged(cells):
            yield RevisionChange(kind, where, words(block))  # type: ignore[arg-type]
    ways_before, ways_after = _ways_in(old), _ways_in(new)
    for kind, ways in (("gained", ways_after - ways_before), ("lost", ways_before - ways_after)):
        for way in sorted(ways):
            yield RevisionChange(kind, where, way)  # type: ignore[arg-type]
    if old is not None and new is not None:
        for name in sorted({*old, *new} - OWN):
            yield from _fields(where, old.get(name), new.get(name), name)


def _cells(contract: Mapping[str, Any] | None) -> set[Cell]:
    return {cell for right in (contract["rights"] if contract else ()) for cell in product(
        (right["flux"],), right["operations"], (right["siret"],), _values(right["budgets"]), _values(right["exercices"]),
        _values(right["months"]), (f"{right['from']}..{right['to']}",), (_text(right["text"]),))}


def _values(dimension: Sequence[Any]) -> list[str]:
    return [NONE if value is None else str(value) for value in dimension]


def _text(text: Mapping[str, Any]) -> str:
    return f"{text['id']} ({text['from']} to {'open' if text['to'] == NEVER else text['to']})"


def _ways_in(contract: Mapping[str, Any] | None) -> set[str]:
    if contract is None:
        return set()
    return (
        {f"certificate {key} from {r['from']} to {r['to']}" for key, found in contract["certificates"].items() for r in found}
        | {f"address {network}" for network in contract["addresses"]}
        | {f"identifier {name}" for name in contract["identifiers"]}
        | {f"client {name} ({client.get('auth')}) with scope {scope}" for name, client in contract["clients"].items()
           for scope in client["scopes"]}
    )


def _fields(where: str, old: Any, new: Any, path: str = "") -> Iterator[RevisionChange]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}, key=str):
            yield from _fields(where, old.get(name), new.get(name), f"{path}.{name}".strip("."))
    elif old != new:
        yield RevisionChange("changed", where, f"{path}: {_told(old)} -> {_told(new)}".removeprefix(": "))


def _told(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 200 else text[:200] + "..."
