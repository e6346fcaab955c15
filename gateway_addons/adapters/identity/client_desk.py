"""What an operator does to the file of clients: secrets issued, rotated and taken back, keys and names registered.

A secret is made here, told once to who asked, and kept as its argon2id hash alone. The file is written whole, under a lock,
so that two operators do not undo each other; the running gateways take it up within a second.
"""

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import yaml
from argon2 import PasswordHasher

from gateway_addons.adapters.identity.client_registry import MAX_SECRETS, CertificateName, Client, Clients, Secret, read_clients
from gateway_addons.adapters.identity.public_keys import read_jwks
from gateway_addons.adapters.identity.ring_files import write_private
from gateway_addons.core.strict_json import read_object

SECRET_BYTES = 32
"""256 bits, so that no secret is ever guessed (RFC 6749 section 10.10)."""


def issue_secret(file: Path, client_id: str, now: datetime, overlap_s: float) -> tuple[str, Secret]:
    """A new secret; the ones before it stay good for `overlap_s`. The secret itself is nowhere but in what is returned.

    Raises:
        ValueError: there are too many secrets that are still good, or the file is not of its form.
    """
    secret = secrets.token_urlsafe(SECRET_BYTES)
    made = Secret(id=secrets.token_hex(4), argon2=PasswordHasher().hash(secret), created_at=now)
    ends = now + timedelta(seconds=overlap_s)

    def change(client: Client) -> Client:
        kept = [s if s.expires_at is not None and s.expires_at < ends else s.model_copy(update={"expires_at": ends})
                for s in client.secrets if s.is_good(now)]
        if overlap_s <= 0:
            kept = []
        if len(kept) >= MAX_SECRETS:
            raise ValueError(f"{client_id} has {len(kept)} secrets that are still good: revoke one first")
        return client.model_copy(update={"secrets": (made, *kept)})

    _change(file, client_id, change)
    return secret, made


def revoke_secret(file: Path, client_id: str, secret_id: str) -> None:
    """Take a secret back at once. Raises `ValueError` when there is none of that id."""

    def change(client: Client) -> Client:
        kept = tuple(s for s in client.secrets if s.id != secret_id)
        if len(kept) == len(client.secrets):
            raise ValueError(f"{client_id} has no secret {secret_id}")
        return client.model_copy(update={"secrets": kept})

    _change(file, client_id, change)


def register_keys(file: Path, client_id: str, jwks: bytes) -> tuple[str, ...]:
    """Register the client's public keys (a JWK Set) in place of those before; returns their ids. Raises `ValueError`."""
    keys = read_jwks(jwks)
    public = keys.document()
    if any("d" in entry for entry in read_object(jwks)["keys"]):
        raise ValueError("the key set holds a private key: it is not secret any more; make a new one and give its public half")
    _change(file, client_id, lambda client: client.model_copy(update={"jwks": public}))
    return tuple(key.key_id for key in keys.keys)


def register_name(file: Path, client_id: str, name: CertificateName) -> None:
    """Register the name that the client's certificate must carry (RFC 8705 section 2.1.2). Raises `ValueError`."""
    _change(file, client_id, lambda client: client.model_copy(update={"tls_client_auth": name}))


def register_self_signed(file: Path, client_id: str, sha256: str) -> None:
    """Add the SHA-256 (hexadecimal) of a self-signed certificate (RFC 8705 section 2.2); eight at most, for rotation.

    The listener admits it only when its certificate is in `clients.self_signed_file`, too.

    Raises:
        ValueError, OSError: like `register_name`.
    """
    _change(file, client_id, lambda client: client.model_copy(
        update={"self_signed_sha256": tuple(dict.fromkeys((*client.self_signed_sha256, sha256)))[-8:]}))


def _change(file: Path, client_id: str, change: Callable[[Client], Client]) -> None:
    with _locked(file):
        known = dict(read_clients(file).clients) if file.exists() else {}
        known[client_id] = change(known.get(client_id, Client()))
        document = Clients.model_validate({"clients": known}).model_dump(mode="json", exclude_defaults=True)
        write_private(file, yaml.safe_dump({"clients": {}} | document, sort_keys=True).encode())


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(file.with_name(f".{file.name}.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
