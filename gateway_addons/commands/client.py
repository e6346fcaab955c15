"""`poterne client`: the credentials of OAuth2 clients. Every change is an operator's act, in the journal, with its notice."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from rich.table import Table

from gateway_addons.adapters.identity import client_desk
from gateway_addons.adapters.identity.access_notice import write_notice
from gateway_addons.adapters.identity.client_registry import CertificateName, Client, read_clients
from gateway_addons.adapters.policy.contract_files import ContractFileError, load_contracts
from gateway_addons.commands.terminal import (
    DEFAULT_CONFIG,
    AsJson,
    By,
    ConfigFile,
    Environment,
    Reason,
    announced,
    fail,
    operator_act,
    say,
    settings_of,
    show_table,
    told,
)
from gateway_addons.core.contract.gates import missing_conditions
from gateway_addons.core.contract.model import Contract
from gateway_addons.settings.gateway import Settings
from gateway_addons.settings.values import EnvironmentName

app = typer.Typer(help="The credentials of OAuth2 clients (control C4, clauses 4-f and 8-b).", no_args_is_help=True)

ClientId = Annotated[str, typer.Argument(help="The client, as the contract's acces.clients_oauth2 names it.")]


@app.command("list")
def list_(as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Every client and what it has: ids and dates, never a secret."""
    settings = settings_of(config)
    rows = [row for name in settings.environments for row in _rows(settings, name)]
    table = Table("environment", "client", "secrets", "keys", "certificate")
    for row in rows:
        secrets = "\n".join(map(_told, row["secrets"]))
        keys = "\n".join(key[:12] for key in row["keys"])
        table.add_row(row["environment"], row["client_id"], secrets, keys, row["certificate"] or "")
    show_table(as_json, rows, table)


@app.command()
def secret(
    client_id: ClientId,
    reason: Reason,
    overlap_h: Annotated[float, typer.Option(min=0, max=24 * 30, help="Hours for which the secrets before stay good.")] = 24,
    revoke: Annotated[str | None, typer.Option("--revoke", metavar="ID", help="Take this one back at once; make none.")] = None,
    environment: Environment = "production",
    by: By = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Make a secret, or another one, and show it: this once. It goes to the contract's technical contact, by a safe way."""
    settings = settings_of(config)
    file = _file(settings, environment)
    contract = _contract(settings, environment, client_id, "client_secret_basic+mtls", closing=revoke is not None)
    if revoke is not None:
        notice = _do(settings, contract, client_id, "client.secret.revoke", "révoqué", reason, by,
                     lambda: client_desk.revoke_secret(file, client_id, revoke), secret=revoke)[1]
        say(as_json, {"client_id": client_id, "revoked": revoke, "notice": str(notice)},
             f"{client_id}: secret {revoke} is good no more")
        return
    (shown, made), notice = _do(settings, contract, client_id, "client.secret.issue", "émis", reason, by,
                                lambda: client_desk.issue_secret(file, client_id, datetime.now(UTC), overlap_h * 3600))
    say(as_json, {"client_id": client_id, "client_secret": shown, "id": made.id, "notice": str(notice)},
         f"{client_id}: secret {made.id}, shown this once:\n\n  {shown}\n\nnotice to the technical contact: {notice}")


@app.command()
def key(
    client_id: ClientId,
    jwks: Annotated[Path, typer.Option("--jwks", help="The client's public keys, a JWK Set.", exists=True, dir_okay=False)],
    reason: Reason,
    environment: Environment = "production",
    by: By = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Register the public keys of a private_key_jwt client, in place of those before."""
    settings = settings_of(config)
    file, contract = _file(settings, environment), _contract(settings, environment, client_id, "private_key_jwt+mtls")
    kids, notice = _do(settings, contract, client_id, "client.key.register", "enregistré", reason, by,
                       lambda: client_desk.register_keys(file, client_id, jwks.read_bytes()))
    say(as_json, {"client_id": client_id, "keys": list(kids), "notice": str(notice)}, f"{client_id}: keys {', '.join(kids)}")


@app.command()
def certificate(
    client_id: ClientId,
    reason: Reason,
    subject_dn: Annotated[str | None, typer.Option(help="Its subject, as RFC 4514 writes it.")] = None,
    san_dns: Annotated[str | None, typer.Option(help="A DNS name of its subjectAltName.")] = None,
    san_uri: Annotated[str | None, typer.Option(help="A URI of its subjectAltName.")] = None,
    self_signed: Annotated[Path | None, typer.Option(help="PEM of a self-signed certificate (RFC 8705 section 2.2).")] = None,
    environment: Environment = "production",
    by: By = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Register what a client's certificate must be: one name (RFC 8705 section 2.1.2), or itself, self-signed (2.2)."""
    settings = settings_of(config)
    method = "self_signed_tls_client_auth" if self_signed else "tls_client_auth"
    file, contract = _file(settings, environment), _contract(settings, environment, client_id, method)
    names = (subject_dn, san_dns, san_uri)
    register = _self_signed(file, client_id, self_signed) if self_signed else _named(file, client_id, *names)
    _, notice = _do(settings, contract, client_id, "client.certificate.register", "enregistré", reason, by, register)
    say(as_json, {"client_id": client_id, "notice": str(notice)}, f"{client_id}: registered")


def _named(file: Path, client_id: str, subject_dn: str | None, san_dns: str | None, san_uri: str | None) -> Callable[[], None]:
    try:
        name = CertificateName(subject_dn=subject_dn, san_dns=san_dns, san_uri=san_uri)
    except ValueError:
        fail("give one of --subject-dn, --san-dns, --san-uri, --self-signed")
    return lambda: client_desk.register_name(file, client_id, name)


def _self_signed(file: Path, client_id: str, pem: Path) -> Callable[[], None]:
    try:
        (certificate,) = x509.load_pem_x509_certificates(pem.read_bytes())
        certificate.verify_directly_issued_by(certificate)
    except (OSError, ValueError, TypeError, InvalidSignature) as e:
        fail(f"{pem}: one self-signed certificate in PEM is needed ({type(e).__name__})")
    digest = certificate.fingerprint(hashes.SHA256()).hex()
    return lambda: client_desk.register_self_signed(file, client_id, digest)


def _do[T](settings: Settings, contract: Contract, client_id: str, kind: str, what: str, reason: str, by: str | None,
           change: Callable[[], T], **about: str) -> tuple[T, Path]:
    """The change between its announcement and its outcome in the journal, with the notice that clause 4-f asks for."""
    act = operator_act(kind, reason, by, environnement=contract.environment, convention=contract.convention.id,
                       client_id=client_id, **about)
    with announced(settings.journal.folder, act, OSError, ValueError) as outcome:
        notice = write_notice(settings.state.folder / "notices", contract, client_id, what, datetime.now(UTC))
        try:
            done = change()
        except BaseException:
            notice.unlink(missing_ok=True)
            raise
        outcome["avis"] = notice.name
    return done, notice


def _contract(settings: Settings, environment: EnvironmentName, client_id: str, auth: str, *, closing: bool = False) -> Contract:
    """The client's contract. Nothing is issued for one that may not be active (1-a); taking back is always possible."""
    with told(ContractFileError):
        contracts = [c for _, c in load_contracts(settings.policy.contracts_folder) if c.environment == environment]
    named = [(c, client) for c in contracts for client in c.acces.clients_oauth2 if client.client_id == client_id]
    if not named:
        fail(f"no contract of {environment} has the client {client_id} (acces.clients_oauth2)")
    contract, client = named[0]
    if client.auth != auth:
        fail(f"{client_id} authenticates by {client.auth} ({contract.convention.id}, acces.clients_oauth2)")
    missing = missing_conditions(contract)
    if not closing and (missing or contract.convention.etat != "active"):
        first = f"{missing[0].clause}, {missing[0].path}: {missing[0].to_do}" if missing else contract.convention.etat
        fail(f"nothing is issued before the contract {contract.convention.id} may be active (1-a): {first}")
    return contract


def _file(settings: Settings, environment: EnvironmentName) -> Path:
    own = settings.environments.get(environment)
    if own is None or own.tokens.client_secrets_file is None:
        fail(f"{environment} has no clients here: it is not set up, or believes an external authorization server")
    return own.tokens.client_secrets_file


def _rows(settings: Settings, environment: EnvironmentName) -> list[dict[str, Any]]:
    file = settings.environments[environment].tokens.client_secrets_file
    if file is None:
        return []
    with told(OSError, ValueError):
        clients = read_clients(file).clients
    return [{
        "environment": environment, "client_id": name,
        "secrets": [s.model_dump(mode="json", exclude={"argon2"}) for s in client.secrets],
        "keys": [k.key_id for k in keys.keys] if (keys := client.keys()) else [],
        "certificate": _name(client),
    } for name, client in sorted(clients.items())]


def _name(client: Client) -> str | None:
    registered = client.tls_client_auth
    return next(iter(registered.model_dump(exclude_none=True).values())) if registered else None


def _told(secret: dict[str, str | None]) -> str:
    """One secret in the table."""
    since, until = str(secret["created_at"])[:16], secret["expires_at"]
    return f"{secret['id']} since {since}" + (f", until {until[:16]}" if until else "")
