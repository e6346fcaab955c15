"""The gateway's public keys: a JWKS file (RFC 7517), read again when it changes, so that keys rotate without a restart."""

import json
import logging
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from backend.paris_time import utc_now

MAX_FILE_BYTES = 64 * 1024

log = logging.getLogger("backend.assertion")


class KeyFileError(Exception):
    """The file is not a key set that may be used; the message is for the operator."""


class AssertionKeys:
    """The public keys by key id. A changed file that cannot be used is refused whole, and the former keys stay."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            KeyFileError: at the start there is nothing to stay with.
        """
        self._path = path
        self._stamp = _stamp(path)
        self._keys = _read(path)

    def find(self, kid: str) -> ECKey | None:
        """The key of that id in the file as it is now."""
        try:
            stamp = _stamp(self._path)
            if stamp != self._stamp:
                self._stamp = stamp
                self._keys = _read(self._path)
                log.info("assertion keys read again at %s: %s", utc_now().isoformat(), ", ".join(self._keys))
        except KeyFileError:
            log.exception("the changed assertion key file is refused; the former keys stay")
        return self._keys.get(kid)


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError as e:
        raise KeyFileError(f"cannot read {path}") from e
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read(path: Path) -> dict[str, ECKey]:
    """EC P-256 public keys, each with its own kid; a private key has no business here.

    Raises:
        KeyFileError: unreadable, empty, or a key of another sort.
    """
    try:
        with path.open("rb") as file:
            members = json.loads(file.read(MAX_FILE_BYTES))["keys"]
        keys: dict[str, ECKey] = {}
        for member in members:
            if member.get("kty") != "EC" or member.get("crv") != "P-256" or "d" in member:
                raise KeyFileError(f"{path}: only EC P-256 public keys are accepted")
            if member.get("use", "sig") != "sig" or member.get("alg", "ES256") != "ES256":
                raise KeyFileError(f"{path}: only keys to verify ES256 signatures are accepted")
            keys[str(member["kid"])] = ECKey.import_key(member)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, JoseError) as e:
        raise KeyFileError(f"{path} is not a JWKS of public keys with key ids") from e
    if not keys or len(keys) != len(members):
        raise KeyFileError(f"{path}: no key, or a key id twice")
    return keys
