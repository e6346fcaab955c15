"""Contracts in YAML files: read strictly, with errors that say file, line, place, clause and what to do."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from gateway_addons.adapters.policy import strict_yaml
from gateway_addons.adapters.policy.api_files import load_apis
from gateway_addons.core.contract.api_fit import misfits
from gateway_addons.core.contract.compile import claims
from gateway_addons.core.contract.fields import Incoherent
from gateway_addons.core.contract.model import ENVIRONMENTS, Contract
from gateway_addons.core.contract.places import clause_of, nearest_name, split_clause
from gateway_addons.core.contract.readings import Readings
from gateway_addons.core.policy_exception import PolicyExceptions
from gateway_addons.core.routes import Api

MAX_FILE_BYTES = 256 * 1024
PROJECT_APIS = Path(__file__).resolve().parents[3] / "config" / "apis"
"""The APIs that contracts are held against where their folder has no `apis` beside it."""

type Apis = Mapping[str, Api]


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing that is wrong with a file: `path` is dotted, `line` is 1-based, `text` says what is wrong and what to do."""

    file: str
    line: int
    path: str
    clause: str
    text: str

    def __str__(self) -> str:
        clause = f"clause {self.clause}: " if self.clause else ""
        return f"{self.file}:{self.line}: {self.path or 'contract'}: {clause}{self.text}"


class ContractFileError(Exception):
    """Contracts' files cannot be used; the message has one line for each of `defects`."""

    def __init__(self, defects: Sequence[Defect]) -> None:
        super().__init__("\n".join(str(d) for d in defects))
        self.defects = tuple(defects)


def load_contract(file: Path, apis: Apis | None = None) -> Contract:
    """One contract; `apis` are those it may name (by default those of the folder that the contract lies in).

    Raises:
        ContractFileError: the file cannot be read, is not strict YAML, is not a contract, or does not fit its API.
    """
    return read_contract(file, _text(file), apis)


def read_contract(file: Path, text: str, apis: Apis | None = None) -> Contract:
    """The contract in `text`; `file` is its name in errors, and says where the documents beside it are.

    Raises:
        ContractFileError: like `load_contract`.
    """
    contract = _parse(file, text, Contract)
    known = apis if apis is not None else apis_for(file.resolve().parent.parent)
    places = _of_api(contract, known) + _hashes(contract, file)
    if places:
        raise ContractFileError(_located(file, text, places))
    return contract


def load_readings(file: Path) -> Readings:
    """How unclear clauses are read. Raises `ContractFileError` like `load_contract`."""
    return _parse(file, _text(file), Readings)


def load_exceptions(file: Path) -> PolicyExceptions:
    """The exceptions to controls. Raises `ContractFileError` like `load_contract`."""
    return _parse(file, _text(file), PolicyExceptions)


def load_contracts(folder: Path, apis: Apis | None = None) -> list[tuple[str, Contract]]:
    """All contracts of `folder/{production,sandbox}/*.yaml`, as (file's name, contract).

    Raises:
        ContractFileError: any file that cannot be used, that lies in the other environment's folder, or that claims what
            another claims; all defects of all files.
    """
    known = apis if apis is not None else apis_for(folder)
    found: list[tuple[str, Contract]] = []
    defects: list[Defect] = []
    for environment in sorted(set(ENVIRONMENTS.values())):
        for file in sorted((folder / environment).glob("*.yaml")):
            try:
                contract = load_contract(file, known)
            except ContractFileError as e:
                defects += e.defects
                continue
            if contract.environment != environment:
                defects += _located(file, _text(file), [(
                    "convention.environnement", f"4-e: {contract.convention.environnement} in the folder {environment}/; "
                    "move the file or correct the line")])
            found.append((f"{environment}/{file.name}", contract))
    defects += conflicts((folder / name, contract) for name, contract in found)
    if not found and not defects:
        raise ContractFileError([Defect(str(folder), 1, "", "", "no contract in production/ or sandbox/; make one with "
                                                                "`poterne contract new`")])
    if defects:
        raise ContractFileError(defects)
    return found


def conflicts(contracts: Iterable[tuple[Path, Contract]]) -> list[Defect]:
    """What two contracts of one environment claim: number, certificate, identifier, client (4-C1 to 4-C4)."""
    owners: dict[tuple[str, str, str], Path] = {}
    found: list[Defect] = []
    for file, contract in contracts:
        for claim in claims(contract):
            other = owners.setdefault((contract.environment, claim.index, claim.key), file)
            if other != file:
                found += _located(file, _text(file), [(
                    claim.path, f"{claim.clause}: {claim.key!r} is also in {other}; one contract only may have it: take it out "
                    "of one of the two")])
    return found


def apis_for(folder: Path) -> dict[str, Api]:
    """The APIs in `apis/` beside a folder of contracts, or else those of the project. Raises `ApiFileError`."""
    beside = folder.parent / "apis"
    return load_apis(beside if beside.is_dir() else PROJECT_APIS)


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise ContractFileError([Defect(str(file), 1, "", "", f"larger than {MAX_FILE_BYTES} bytes")])
        return file.read_text(encoding="utf-8")
    except OSError as e:
        raise ContractFileError([Defect(str(file), 1, "", "", f"cannot be read ({e.strerror})")]) from e
    except UnicodeDecodeError as e:
        raise ContractFileError([Defect(str(file), 1, "", "", f"is not UTF-8 ({e.reason} at byte {e.start})")]) from e


def _parse[S: (Contract, Readings, PolicyExceptions)](file: Path, text: str, kind: type[S]) -> S:
    try:
        return kind.model_validate(strict_yaml.read(text))
    except strict_yaml.YamlDefect as e:
        clause = clause_of(kind, e.path)
        raise ContractFileError([Defect(str(file), e.line, _dotted(e.path), clause, e.why)]) from e
    except ValidationError as e:
        places = [place for error in e.errors(include_url=False) for place in _places(kind, error)]
        raise ContractFileError(_located(file, text, places, kind)) from e


def _places(kind: type[BaseModel], error: Any) -> list[tuple[str, str]]:
    """The places of one of pydantic's errors, as (dotted path, text with its clause first)."""
    path = list(error["loc"])
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, Incoherent):
        return [(f"{_dotted(path)}.{place}".strip("."), why) for place, why in cause.places]
    text, given = str(error["msg"]).removeprefix("Value error, "), error.get("input")
    match error["type"]:
        case "extra_forbidden":
            text = f"unknown key; {nearest_name(kind, path)}"
        case "missing":
            text = "this key is missing; add it"
        case "string_type" if isinstance(given, int | float):
            text = f"{given} must be a text; write it between quotes"
        case "bool_type":
            text = "write true or false, without quotes"
        case "int_type" | "int_from_float":
            text = "write a whole number, without quotes"
        case "model_type" | "model_attributes_type":
            text = "a section with keys is needed here"
        case "timezone_aware":
            text = "the moment needs its zone (2026-01-31T10:00:00+01:00)"
        case _:
            pass
    return [(_dotted(path), text)]


def _located(file: Path, text: str, places: Iterable[tuple[str, str]], kind: type[BaseModel] = Contract) -> list[Defect]:
    lines = strict_yaml.lines(text)
    found = []
    for path, why in places:
        parts: tuple[str | int, ...] = tuple(int(p) if p.isdigit() else p for p in path.split(".")) if path else ()
        named, sentence = split_clause(why) if ": " in why[:20] and why[:1].isdigit() else ("", why)
        line = next(lines[parts[:size]] for size in range(len(parts), -1, -1) if parts[:size] in lines)
        found.append(Defect(str(file), line, path, named or clause_of(kind, parts), sentence))
    return found


def _of_api(contract: Contract, apis: Apis) -> list[tuple[str, str]]:
    api = apis.get(contract.convention.api)
    if api is None:
        known = ", ".join(sorted(apis))
        return [("convention.api", f"1-a: there is no API {contract.convention.api!r}; config/apis/ has {known}")]
    return misfits(contract, api)


def _hashes(contract: Contract, file: Path) -> list[tuple[str, str]]:
    """1-c: the documents beside the contract are those that were accepted."""
    named = [("datapass.instantane_fichier", contract.datapass.instantane_fichier, contract.datapass.instantane_sha256),
             ("cgu.fichier", contract.cgu.fichier, contract.cgu.sha256)]
    found = []
    for path, name, sha256 in named:
        if name is None:
            continue
        try:
            actual = hashlib.sha256((file.parent / name).read_bytes()).hexdigest()
        except OSError as e:
            found.append((path, f"1-c: {name} cannot be read ({e.strerror}); put it beside the contract"))
            continue
        if actual != sha256:
            found.append((path, f"1-c: {name} is not what was accepted: its SHA-256 is {actual}"))
    return found


def _dotted(path: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in path)
