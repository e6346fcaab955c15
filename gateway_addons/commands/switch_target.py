"""Whom a switch is on, as an operator says it; and which contracts it touches, each of which is owed a notice (12-b)."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from gateway_addons.adapters.policy.contract_files import ContractFileError, load_contract
from gateway_addons.commands.terminal import fail
from gateway_addons.core.contract.model import Contract
from gateway_addons.core.switch import notice as written
from gateway_addons.core.switch.order import OrderError, Target
from gateway_addons.settings.gateway import Settings

PARIS = ZoneInfo("Europe/Paris")

type Given = Mapping[str, str | bool | None]
"""The target's options by name, as typed."""


def touched_by(
    settings: Settings, to: Target, names: tuple[str, str] | None, *, no_contract: bool
) -> tuple[list[Contract], list[str]]:
    """The active contracts that the switch touches, and the files that cannot be read. Raises `OrderError`."""
    contracts, unreadable = _contracts(settings.policy.contracts_folder)
    found = written.affected(to, names, contracts)
    if to.kind == "convention" and any(c.convention.id == to.value for c in contracts):
        return found, []
    if not found and to.kind in {"convention", "certificate", "client"} and not no_contract:
        raise OrderError(
            f"no active contract in {settings.policy.contracts_folder} has {to.kind} {to.value}, so that no notice (12-b) can be "
            "written; correct it, give a certificate as PEM file, or say --sans-convention")
    return found, unreadable


def _contracts(folder: Path) -> tuple[list[Contract], list[str]]:
    found, unreadable = list[Contract](), list[str]()
    for file in sorted(folder.glob("*/*.yaml")):
        try:
            found.append(load_contract(file))
        except ContractFileError:
            unreadable.append(str(file.relative_to(folder)))
    return found, unreadable


def certificate_names(given: Given) -> tuple[str, str] | None:
    """Issuer and subject of a certificate that was given as PEM file. Raises `OrderError`."""
    certificate = _pem(given)
    return (certificate.issuer.rfc4514_string(), certificate.subject.rfc4514_string()) if certificate else None


def with_digest(given: Given) -> dict[Any, str | bool | None]:
    """The target as given, a PEM file replaced by its certificate's SHA-256. Raises `OrderError`."""
    certificate = _pem(given)
    return dict(given) | ({"certificate": certificate.fingerprint(hashes.SHA256()).hex()} if certificate else {})


def _pem(given: Given) -> x509.Certificate | None:
    value = given.get("certificate")
    if not isinstance(value, str) or not Path(value).is_file():
        return None
    try:
        return x509.load_pem_x509_certificate(Path(value).read_bytes())
    except ValueError as e:
        raise OrderError(f"--certificate {value}: not a certificate in PEM form ({e})") from e


def names_in(text: str | None) -> tuple[str, ...] | None:
    """Names with commas between; None when nothing was said."""
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


def moment_of(text: str) -> datetime:
    """A moment as an operator writes it; without a zone it is Paris."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{text!r} is not a moment; write it like 2026-03-31T18:04+02:00")
    return moment if moment.tzinfo else moment.replace(tzinfo=PARIS)
