"""Contracts in YAML files: read strictly, with errors that say file, line, place, clause and what to do."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gateway_addons.core.contract.model import ENVIRONMENTS, Contract
from gateway_addons.core.contract.readings import Readings

MAX_FILE_BYTES = 256 * 1024
MAX_DEPTH = 32


class ContractFileError(Exception):
    """A contract's file cannot be used; one line for each defect."""


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML without aliases (they hide size), merge keys or repeated keys (the last would win in silence), not deep."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _refused("aliases are not accepted", event)
        if self.depth >= MAX_DEPTH:
            raise _refused(f"deeper than {MAX_DEPTH} levels", event)
        self.depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(None, None, "a key must be a plain name", key_node.start_mark)
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is repeated", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _refused(why: str, event: Any) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, why, event.start_mark)


def load_contract(file: Path) -> Contract:
    """One contract.

    Raises:
        ContractFileError: the file cannot be read, is not strict YAML, or is not a contract.
    """
    return _load(file, Contract)


def load_readings(file: Path) -> Readings:
    """How unclear clauses are read. Raises `ContractFileError` like `load_contract`."""
    return _load(file, Readings)


def _load[S: (Contract, Readings)](file: Path, kind: type[S]) -> S:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise ContractFileError(f"{file}: larger than {MAX_FILE_BYTES} bytes")
        text = file.read_text(encoding="utf-8")
        document = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader made stricter
    except OSError as e:
        raise ContractFileError(f"{file}: cannot be read ({e.strerror})") from e
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as e:
        raise ContractFileError(f"{file}: not the YAML of a contract: {' '.join(str(e).split())}") from e
    try:
        return kind.model_validate(document)
    except ValidationError as e:
        raise ContractFileError("\n".join(_defect(file, text, error) for error in e.errors(include_url=False))) from e


def load_contracts(folder: Path) -> list[tuple[str, Contract]]:
    """All contracts of `folder/{production,sandbox}/*.yaml`, as (file's name, contract).

    Raises:
        ContractFileError: any file that cannot be used, or that lies in the other environment's folder.
    """
    found = []
    for environment in sorted(set(ENVIRONMENTS.values())):
        for file in sorted((folder / environment).glob("*.yaml")):
            contract = load_contract(file)
            if contract.environment != environment:
                raise ContractFileError(f"{file}: convention.environnement is {contract.convention.environnement} (4-e)")
            found.append((f"{environment}/{file.name}", contract))
    if not found:
        raise ContractFileError(f"{folder}: no contract in production/ or sandbox/")
    return found


def _defect(file: Path, text: str, error: Any) -> str:
    path = [str(part) for part in error["loc"]]
    return f"{file}:{_line_of(text, path)}: {'.'.join(path) or 'contract'}: {error['msg']}"


def _line_of(text: str, path: list[str]) -> int:
    """The line of the deepest part of `path` that the file has (1-based)."""
    node, line = yaml.compose(text, Loader=yaml.SafeLoader), 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == part), None)
            if pair is None:
                return line
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
            line = node.start_mark.line + 1
    return line
