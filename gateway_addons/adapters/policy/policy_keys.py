"""The key pair that signs bundles (EC P-256), and the token with which OPA asks for them."""

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


def make_keys(signing_key: Path, verification_key: Path, token: Path) -> None:
    """Write a new pair and a new token; private files are readable by their owner alone.

    Raises:
        FileExistsError: one of them is there: a key is never overwritten, since a running OPA believes the old one.
        OSError: a file cannot be written.
    """
    for file in (signing_key, verification_key, token):
        if file.exists():
            raise FileExistsError(f"{file} is there already; move it away to make new keys")
    key = ec.generate_private_key(ec.SECP256R1())
    _write(signing_key, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption()), 0o600)
    _write(verification_key, key.public_key().public_bytes(serialization.Encoding.PEM,
                                                           serialization.PublicFormat.SubjectPublicKeyInfo), 0o644)
    _write(token, secrets.token_urlsafe(32).encode(), 0o600)


def _write(file: Path, content: bytes, mode: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
