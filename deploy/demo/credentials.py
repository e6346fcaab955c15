"""Secrets and signing keys of one environment: random, in files of mode 0600; the gateway gets hashes of the secrets only."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from argon2 import PasswordHasher
from joserfc.jwk import ECKey

from deploy.demo.certificates import key_pem, new_key, write_private
from gateway_addons.adapters.identity.ring_files import create_ring


@dataclass(frozen=True)
class CredentialFiles:
    """What the gateway and the backend read, and the secrets that the clients keep."""

    token_keys: Path
    token_key: Path
    assertion_key: Path
    assertion_jwks: Path
    client_secrets: Path
    secrets: Mapping[str, str]
    client_keys: Mapping[str, Path]


def make(folder: Path, clients: Mapping[str, tuple[str, str]]) -> CredentialFiles:
    """Make keys and secrets below `folder`; `clients` are (method, subject of the certificate) by client id."""
    by_secret = [name for name, (auth, _) in clients.items() if auth == "client_secret_basic+mtls"]
    given = {client_id: secrets.token_urlsafe(32) for client_id in by_secret}
    keys = {name: folder / f"{name}.key" for name, (auth, _) in clients.items() if auth == "private_key_jwt+mtls"}
    token_keys, now = folder / "token-keys", datetime.now(UTC)
    token_key = token_keys / f"{create_ring(token_keys, now)}.pem"
    files = CredentialFiles(token_keys, token_key, folder / "assertion.key", folder / "assertion.jwks.json",
                            folder / "client_secrets.yaml", given, keys)
    write_private(files.assertion_key, key_pem(new_key()))
    files.assertion_jwks.write_text(json.dumps({"keys": [public_jwk(files.assertion_key)]}), encoding="utf-8")
    hasher = PasswordHasher()
    registered: dict[str, dict[str, Any]] = {
        client_id: {"secrets": [{"id": secrets.token_hex(4), "argon2": hasher.hash(secret), "created_at": now}]}
        for client_id, secret in given.items()}
    for client_id, key in keys.items():
        write_private(key, key_pem(new_key()))
        registered[client_id] = {"jwks": {"keys": [public_jwk(key)]}}
    registered |= {name: {"tls_client_auth": {"subject_dn": subject}} for name, (auth, subject) in clients.items()
                   if auth == "tls_client_auth"}
    write_private(files.client_secrets, yaml.safe_dump({"clients": registered}).encode())
    return files


def public_jwk(key_file: Path) -> dict[str, str]:
    """The public half of a signing key, named by its RFC 7638 thumbprint."""
    key = ECKey.import_key(key_file.read_bytes())
    jwk = {name: str(value) for name, value in key.as_dict(private=False).items() if name in ("kty", "crv", "x", "y")}
    return jwk | {"kid": key.thumbprint(), "use": "sig", "alg": "ES256"}
