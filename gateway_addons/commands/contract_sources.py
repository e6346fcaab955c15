"""Where the contract commands find contracts, readings, policies and OPA: gateway.yaml, or the folders of the project."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cached_property
from pathlib import Path
from typing import Any

import typer

from gateway_addons.adapters.policy.api_files import ApiFileError
from gateway_addons.adapters.policy.bundle import policy_data
from gateway_addons.adapters.policy.contract_files import (
    ContractFileError,
    apis_for,
    load_contract,
    load_exceptions,
    load_readings,
)
from gateway_addons.adapters.policy.explain import ExplainError, PolicyFolder, explain
from gateway_addons.adapters.policy.strict_yaml import YamlDefect
from gateway_addons.core.contract.calendar import PARIS
from gateway_addons.core.contract.compile import ContractConflict
from gateway_addons.core.contract.model import ENVIRONMENTS, Contract
from gateway_addons.core.contract.readings import Readings
from gateway_addons.core.contract.sample_call import NoSuchCall
from gateway_addons.core.explanation import Explanation
from gateway_addons.core.routes import Api
from gateway_addons.settings.gateway import load
from gateway_addons.settings.values import SettingsError

PROJECT = Path(__file__).resolve().parents[2]
CANNOT = (ContractFileError, ContractConflict, ApiFileError, ExplainError, NoSuchCall, SettingsError, YamlDefect, OSError)


@dataclass(frozen=True)
class Sources:
    """The folders and files that a command works with; APIs and readings are read once."""

    contracts: Path
    readings_file: Path
    rego: Path
    opa: Path
    exceptions_file: Path | None = None

    @cached_property
    def apis(self) -> dict[str, Api]:
        """The APIs that contracts may name."""
        return apis_for(self.contracts)

    @cached_property
    def readings(self) -> Readings:
        """How unclear clauses are read."""
        return load_readings(self.readings_file)

    def ask(self, file: Path, contract: Contract, document: dict[str, Any]) -> Explanation:
        """The real OPA's answer, over this one contract and the readings."""
        granted = load_exceptions(self.exceptions_file) if self.exceptions_file else None
        data = policy_data([(file.name, contract)], self.readings.data(), granted) | {"revision": "files"}
        return explain(self.opa, PolicyFolder(self.rego, data), document)


def sources(config: Path | None) -> Sources:
    """From gateway.yaml where one is given, else the project's own folders, and OPA from `POTERNE_OPA`, `.tools` or the path."""
    if config is not None:
        policy = load(config).policy
        return Sources(policy.contracts_folder, policy.readings_file, policy.rego_folder, policy.opa_file,
                       policy.exceptions_file)
    own = PROJECT / ".tools" / "bin" / "opa"
    opa = os.environ.get("POTERNE_OPA") or (str(own) if own.exists() else shutil.which("opa") or str(own))
    return Sources(PROJECT / "config" / "contracts", PROJECT / "config" / "readings.yaml", PROJECT / "policies", Path(opa))


def contract_paths(given: list[Path], found: Sources) -> list[Path]:
    """The contracts' files that the arguments name: files, and the YAML files below folders; by default all of them."""
    files = [file for path in given or [found.contracts] for file in (_below(path) if path.is_dir() else [path])]
    if not files:
        raise FileNotFoundError(f"no contract in {', '.join(map(str, given))}")
    return files


def short(file: Path) -> str:
    """The path from here, where that is shorter."""
    return min(str(file), os.path.relpath(file), key=len)


def _below(folder: Path) -> list[Path]:
    rooms = [folder / name for name in sorted(set(ENVIRONMENTS.values())) if (folder / name).is_dir()] or [folder]
    return [file for room in rooms for file in sorted(room.glob("*.yaml"))]


def contract_file(name: str, found: Sources) -> tuple[Path, Contract]:
    """A contract by its file, or by its number or file's name in the contracts' folder. Raises what loading raises."""
    path = Path(name)
    if path.exists():
        return path, load_contract(path, found.apis)
    for file in _below(found.contracts):
        if file.stem == name:
            return file, load_contract(file, found.apis)
    for file in _below(found.contracts):
        if f"id: {name}" in file.read_text(encoding="utf-8", errors="replace"):
            contract = load_contract(file, found.apis)
            if contract.convention.id == name:
                return file, contract
    raise FileNotFoundError(f"no contract is called {name}, and there is no such file; look into {found.contracts}")


def moment(text: str | None) -> datetime:
    """A day (noon in Paris) or a moment with its zone; now by default."""
    if text is None:
        return datetime.now(UTC)
    try:
        if len(text) == 10:
            return datetime.combine(date.fromisoformat(text), time(12), PARIS)
        found = datetime.fromisoformat(text)
    except ValueError as e:
        raise typer.BadParameter(f"{text}: a day (2026-11-23) or a moment with its zone (2026-11-23T20:10:00+01:00)") from e
    if found.tzinfo is None:
        raise typer.BadParameter(f"{text}: the moment needs its zone (2026-11-23T20:10:00+01:00)")
    return found


@contextmanager
def telling() -> Iterator[None]:
    """Turn what cannot be done into its sentences and status 2."""
    try:
        yield
    except CANNOT as e:
        for line in str(e).splitlines():
            typer.echo(f"poterne: {line}", err=True)
        sys.exit(2)
