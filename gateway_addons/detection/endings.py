"""What ends: certificates and lists of the listeners, what falls due on contracts, and the exercise that is due (8-h5)."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import structlog
from cryptography import x509

from gateway_addons.adapters.journal.reader import moment, whole_lines
from gateway_addons.adapters.journal.segments import OPERATOR, segments
from gateway_addons.adapters.policy.contract_files import ContractFileError, load_contract, load_readings
from gateway_addons.core.contract.due import due_within
from gateway_addons.core.detection.expiry import Ending
from gateway_addons.settings.gateway import Environment, Settings

DRILL = "alert.test"
"""The kind of the act that an exercise of the alert circuit leaves in the journal."""

MAX_FILE_BYTES = 8 << 20

log = structlog.get_logger("poterne.detection")


def endings_of(settings: Settings, drill_every_days: int) -> Sequence[Ending]:
    """Everything that ends, as the files are now; a file that cannot be read is an ending of today."""
    found = [ending for name, own in settings.environments.items() for ending in _of_environment(name, own)]
    last = last_drill(settings.journal.folder)
    due = (last or datetime.now(UTC)).date() + timedelta(days=drill_every_days if last else 0)
    found += _of_contracts(settings)
    return [*found, Ending("exercice d'alerte", "Exercice du circuit d'alerte (poterne alert test)", due, "8-h5")]


def last_drill(journal: Path) -> datetime | None:
    """When the alert circuit was last exercised with success, as the journal tells. Raises `JournalUnavailable`."""
    last = None
    for file in segments(journal / OPERATOR):
        for _, line in whole_lines(file):
            if line.kind != "acte":
                continue
            told = line.fields()
            if told["acte"] == DRILL and told["sujet"].get("etat") == "fait":
                last = moment(told["horodatage"])
    return last


def _of_environment(name: str, own: Environment) -> Iterator[Ending]:
    for certificate in _certificates(own.server.certificate_file):
        yield _ending(name, "Certificat du serveur", certificate)
    for certificate in _certificates(own.clients.anchors_file):
        yield _ending(name, "Autorité de certification admise", certificate)
    for file in own.clients.crl_files:
        until = _next_update(file)
        yield Ending(f"{name} {file.name}", f"Liste de révocation {file.name} ({name}), nextUpdate", until, "4-C1")


def _of_contracts(settings: Settings) -> Iterator[Ending]:
    """What falls due on each contract (`core.contract.due`); a file that cannot be used is due today."""
    now = datetime.now(UTC)
    try:
        readings = load_readings(settings.policy.readings_file)
    except ContractFileError as e:
        log.error("unreadable", file=str(settings.policy.readings_file), why=str(e))
        return
    for file in sorted(settings.policy.contracts_folder.rglob("*.yaml")):
        try:
            contract = load_contract(file)
        except ContractFileError as e:
            log.error("unreadable", file=str(file), why=str(e))
            yield Ending(f"contrat {file.name}", f"Fichier de convention inutilisable : {file.name}", now.date(), "1-c")
            continue
        name = contract.convention.id
        for due in due_within(contract, readings.of(contract.environment), now):
            yield Ending(f"{name} {due.path}", f"{name} : {due.what}", due.on, due.clause)


def _ending(name: str, what: str, certificate: x509.Certificate) -> Ending:
    subject = certificate.subject.rfc4514_string()
    return Ending(f"{name} {subject} {certificate.serial_number:x}", f"{what} {subject} ({name})",
                  certificate.not_valid_after_utc.date(), "4-C1")


def _certificates(file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(file))
    except (OSError, ValueError) as e:
        log.error("unreadable", file=str(file), why=str(e))
        return []


def _next_update(file: Path) -> date:
    """The day of `nextUpdate`; today when the list cannot be read, so that somebody is told."""
    try:
        raw = _read(file)
        loaded = x509.load_pem_x509_crl(raw) if raw.lstrip().startswith(b"-----") else x509.load_der_x509_crl(raw)
        until = loaded.next_update_utc
    except (OSError, ValueError) as e:
        log.error("unreadable", file=str(file), why=str(e))
        until = None
    return (until or datetime.now(UTC)).date()


def _read(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_FILE_BYTES)
