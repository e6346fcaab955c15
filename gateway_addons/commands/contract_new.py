"""`poterne contract new`: a complete, commented contract from a few answers, asked for where they are not given."""

import json
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from gateway_addons.adapters.policy.contract_files import read_contract
from gateway_addons.commands.contract_sources import Sources, moment, sources, telling
from gateway_addons.commands.terminal import AsJson
from gateway_addons.core.contract.calendar import plus_mois
from gateway_addons.core.contract.commented_yaml import SCHEMA_LINE, commented
from gateway_addons.core.contract.draft import CertificateOfDraft, Draft, draft_document
from gateway_addons.core.contract.gates import missing_conditions
from gateway_addons.core.contract.model import ENVIRONMENTS, Contract
from gateway_addons.core.routes import Api

SCHEMA = Path("config") / "schemas" / "contract.schema.json"


def new(
    out: Annotated[Path, typer.Argument(help="The file to write; its folder is the environment's (production/ or sandbox/).")],
    id_: Annotated[str, typer.Option("--id", prompt="Contract's number", help="1-a: the contract's number.")],
    name: Annotated[str, typer.Option("--name", prompt="Name of the organisme", help="2.1-b: the public body.")],
    siret: Annotated[str, typer.Option("--siret", prompt="SIRET (14 digits)", help="2.1-b: its establishment.")],
    certificate: Annotated[Path, typer.Option("--certificate", prompt="Client certificate (PEM file)", help="4-C1: PEM file.")],
    network: Annotated[list[str], typer.Option("--network", help="4-C2: CIDR; may be repeated.")],
    identifier: Annotated[str, typer.Option("--identifier", prompt="ID_Teleservice", help="4-C3: technical identifier.")],
    client_id: Annotated[str, typer.Option("--client-id", prompt="OAuth2 client id", help="4-C4: OAuth2 client.")],
    email: Annotated[str, typer.Option("--email", prompt="E-mail of the contacts", help="9.1.3: contacts, to be completed.")],
    environment: Annotated[str, typer.Option("--environment", help="4-e: production or bac_a_sable.")] = "bac_a_sable",
    api: Annotated[str, typer.Option("--api", help="A name of config/apis/.")] = "infinoe",
    flux: Annotated[list[str] | None, typer.Option("--flux", help="4-C5: a flux; may be repeated; all by default.")] = None,
    budget: Annotated[list[str] | None, typer.Option("--budget", help="4-C5: a budget (BP/01); may be repeated.")] = None,
    exercice: Annotated[list[int] | None, typer.Option("--exercice", help="4-C5: an exercice; may be repeated.")] = None,
    periode: Annotated[list[str] | None, typer.Option("--periode", help="4-C5: a période or a range; may be repeated.")] = None,
    months: Annotated[int, typer.Option("--months", min=1, max=120, help="How long entries may be sent.")] = 36,
    validated: Annotated[str | None, typer.Option("--validated", help="1-a: when DataPass was validated.")] = None,
    accepted: Annotated[str | None, typer.Option("--accepted", help="1-a: when the terms were accepted.")] = None,
    request: Annotated[int, typer.Option("--request", help="1-a: DataPass's number.")] = 0,
    pin: Annotated[bool, typer.Option("--pin", help="4-C1: register the fingerprint too, not the names alone.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
    as_json: AsJson = False,
    config: Annotated[Path | None, typer.Option("--config", help="gateway.yaml.", envvar="POTERNE_CONFIG")] = None,
) -> None:
    """Write a complete, commented contract; `poterne contract check` says what is still missing."""
    with telling():
        found = sources(config)
        known = found.apis
        if api not in known or environment not in ENVIRONMENTS:
            raise typer.BadParameter(f"--api is one of {', '.join(known)}; --environment one of {', '.join(ENVIRONMENTS)}")
        if out.exists() and not force:
            raise FileExistsError(f"{out} exists; --force replaces it")
        today = datetime.now(UTC).date()
        draft = Draft(
            id=id_, environment=environment, name=name, siren=siret[:9], siret=siret,
            certificate=_certificate(certificate, pin=pin), networks=tuple(network), identifier=identifier, client_id=client_id,
            email=email, flux=tuple(flux or known[api].fluxes), exercices=tuple(exercice or [today.year]),
            first_day=min(today, date(min(exercice or [today.year]), 1, 1)), last_day=plus_mois(today, months),
            budgets=tuple(budget or ["BP/01"]), periodes=tuple(periode or ["01..13"]),
            validated=moment(validated) if validated else None,
            accepted=moment(accepted) if accepted else None, request_number=request,
            terms=_newest_terms(found, environment))
        contract = _write(draft, known[api], out, found)
    if as_json:
        missing = [{"clause": c.clause, "path": c.path, "to_do": c.to_do} for c in missing_conditions(contract)]
        typer.echo(json.dumps({"file": str(out), "contract": contract.convention.id, "etat": contract.convention.etat,
                               "rights": len(contract.droits), "missing": missing}, ensure_ascii=False, indent=1))
        return
    typer.echo(f"{out}: {contract.convention.id}, {contract.convention.etat}, {len(contract.droits)} rights")
    for condition in missing_conditions(contract):
        typer.echo(f"  still missing, clause {condition.clause}: {condition.to_do} ({condition.path})")


def _write(draft: Draft, api: Api, out: Path, found: Sources) -> Contract:
    """Write the file only once it reads back as a contract."""
    head = (f"{SCHEMA_LINE}{os.path.relpath(found.contracts.parents[1] / SCHEMA, out.resolve().parent)}\n"
            f"# {draft.name}: contract {draft.id}. Comments name clauses; `poterne contract check` says what is missing.\n")
    text = commented(draft_document(draft, api), Contract, head)
    contract = read_contract(out, text, found.apis)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    return contract


def _newest_terms(found: Sources, environment: str) -> dict[str, object]:
    newest = found.readings.of(ENVIRONMENTS[environment]).cgu_connues[-1]
    return {"document": newest.document, "publiee_le": newest.publiee_le, "sha256": newest.sha256}


def _certificate(file: Path, *, pin: bool) -> CertificateOfDraft:
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
    except ValueError:
        sys.exit(f"poterne: {file}: not a certificate in PEM form")
    return CertificateOfDraft(
        subject=certificate.subject.rfc4514_string(), issuer=certificate.issuer.rfc4514_string(),
        first_day=certificate.not_valid_before_utc.date(), last_day=certificate.not_valid_after_utc.date(),
        sha256=certificate.fingerprint(hashes.SHA256()).hex() if pin else None)
