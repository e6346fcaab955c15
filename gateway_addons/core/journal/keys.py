"""The key that seals the journal (Ed25519, RFC 8032), and how its lines name it."""

import base64
import hashlib
from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway_addons.core.journal.line import Line


class SealingKey:
    """The private key; `sign` is a line's `Sign`."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key()
        self.id = key_id(self.public)

    def sign(self, data: bytes) -> str:
        """The base64 of the signature."""
        return base64.b64encode(self._private.sign(data)).decode()


def key_id(public: Ed25519PublicKey) -> str:
    """`ed25519:` and the first 16 hexadecimal digits of the SHA-256 of the key's 32 bytes."""
    return f"ed25519:{hashlib.sha256(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]}"


def public_text(public: Ed25519PublicKey) -> str:
    """The base64 of the key's 32 bytes: how the line that brings a new key tells it."""
    return base64.b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def public_from_text(text: str) -> Ed25519PublicKey:
    """Raises `ValueError` when the text is no key."""
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))


def signed_by(line: Line, keys: Sequence[Ed25519PublicKey]) -> Ed25519PublicKey | None:
    """Which of the keys signed this line; None when none did."""
    signed = line.signed()
    if signed is None:
        return None
    data, signature = signed
    for key in keys:
        try:
            key.verify(base64.b64decode(signature), data)
        except InvalidSignature:
            continue
        return key
    return None
