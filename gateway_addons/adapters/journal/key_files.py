"""The sealing key in its file: PEM (PKCS#8), readable by its owner only; beside it the public half, for whoever verifies."""

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.journal.keys import SealingKey
from gateway_addons.core.journal.masking import KEY_BYTES, Masking, Pseudonyms
from gateway_addons.settings.journal import PersonalData


def load_key(file: Path) -> SealingKey:
    """The private key.

    Raises:
        JournalUnavailable: the file is not there, is no Ed25519 key, or others may read it.
    """
    try:
        if file.stat().st_mode & 0o077:
            raise JournalUnavailable(f"{file}: others may read the key that seals the journal; chmod 600 it")
        key = load_pem_private_key(file.read_bytes(), password=None)
    except OSError as e:
        raise JournalUnavailable(f"{file}: {e.strerror}; `poterne journal key new` makes the key that seals the journal") from e
    except (ValueError, TypeError) as e:
        raise JournalUnavailable(f"{file}: no private key in PEM: {e}") from e
    if not isinstance(key, Ed25519PrivateKey):
        raise JournalUnavailable(f"{file}: not an Ed25519 key")
    return SealingKey(key)


def new_key_pem() -> tuple[bytes, SealingKey]:
    """A fresh private key, as PEM and ready for use."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), SealingKey(key)


def write_new_key(file: Path) -> SealingKey:
    """Make a key; an existing file is never overwritten, since old seals would lose their key (`FileExistsError`)."""
    pem, key = new_key_pem()
    file.parent.mkdir(parents=True, exist_ok=True)
    write_durably(file, pem, os.O_EXCL)
    return key


def write_new_pseudonym_key(file: Path) -> None:
    """Make the key of the pseudonyms, in hexadecimal; never over an existing file (`FileExistsError`)."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_durably(file, secrets.token_hex(KEY_BYTES).encode() + b"\n", os.O_EXCL)


def masking_of(personal: PersonalData) -> Masking:
    """How personal data is told, with the key where one is needed.

    Raises:
        JournalUnavailable: the key cannot be read, or others may read it.
    """
    return Masking(personal.ip, personal.client_id, personal.subject,
                   None if personal.key_file is None else _pseudonyms(personal.key_file))


def _pseudonyms(file: Path) -> Pseudonyms:
    try:
        if file.stat().st_mode & 0o077:
            raise JournalUnavailable(f"{file}: others may read the key of the pseudonyms; chmod 600 it")
        return Pseudonyms(bytes.fromhex(file.read_text(encoding="ascii")))
    except OSError as e:
        raise JournalUnavailable(f"{file}: {e.strerror}; `poterne journal key pseudonyms` makes it") from e
    except ValueError as e:
        raise JournalUnavailable(f"{file}: {e}") from e


def write_durably(file: Path, content: bytes, flag: int = 0) -> None:
    """Write a file of mode 600 to the disk."""
    fd = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC | flag, 0o600)
    try:
        os.write(fd, content)
        os.fsync(fd)
    finally:
        os.close(fd)


def public_pem(key: Ed25519PublicKey) -> bytes:
    """The public half in PEM (SubjectPublicKeyInfo)."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def load_public_key(file: Path) -> Ed25519PublicKey:
    """A public key out of a PEM file.

    Raises:
        JournalUnavailable: the file cannot be read or holds no Ed25519 public key.
    """
    try:
        key = load_pem_public_key(file.read_bytes())
    except (OSError, ValueError) as e:
        raise JournalUnavailable(f"{file}: no public key in PEM: {e}") from e
    if not isinstance(key, Ed25519PublicKey):
        raise JournalUnavailable(f"{file}: not an Ed25519 key")
    return key
