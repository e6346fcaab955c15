"""The signing keys of an environment's tokens: which one signs now, which are published, which are believed.

The ring is a folder: `ring.json` and one PEM file for each key. A key is published before it signs and stays believed until
the last token it signed has ended, so a rotation refuses nobody. `poterne token-key rotate` writes the ring; the running
gateways look at it (`watched_file`).
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from gateway_addons.adapters.identity.public_keys import MAX_KEYS, KeySetError, PublicKeys, VerificationKey

ALGORITHM = "ES256"
"""The one algorithm that Poterne signs with (RFC 8725 section 3.1)."""

RING_FILE = "ring.json"


class RingEntry(BaseModel):
    """One key of the ring: it signs from `signs_from` until a later one does, and is believed until `believed_until`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kid: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
    signs_from: AwareDatetime
    believed_until: AwareDatetime | None = None


class RingDocument(BaseModel):
    """`ring.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: Annotated[tuple[RingEntry, ...], Field(min_length=1, max_length=MAX_KEYS)]


@dataclass(frozen=True)
class KeyRing:
    """The keys with their times; a frozen snapshot."""

    entries: tuple[tuple[RingEntry, ECKey], ...]
    _sets: dict[tuple[str, ...], PublicKeys] = field(default_factory=dict, compare=False, repr=False)

    def signing_key(self, now: datetime) -> ECKey:
        """The youngest key whose time to sign has come. Raises `KeySetError` when there is none."""
        ready = [(e.signs_from, key) for e, key in self._current(now) if e.signs_from <= now]
        if not ready:
            raise KeySetError("no key may sign now")
        return max(ready, key=lambda pair: pair[0])[1]

    def public(self, now: datetime) -> PublicKeys:
        """The keys that are published and believed at this moment: also those that sign later."""
        current = self._current(now)
        named = tuple([entry.kid for entry, _ in current])
        found = self._sets.get(named)
        if found is None:  # as many as there are keys, at most: one goes after the other
            keys = (VerificationKey(entry.kid, key, frozenset({ALGORITHM})) for entry, key in current)
            found = self._sets[named] = PublicKeys(tuple(keys))
        return found

    def _current(self, now: datetime) -> list[tuple[RingEntry, ECKey]]:
        return [(e, key) for e, key in self.entries if e.believed_until is None or now < e.believed_until]


def load_key(file: Path) -> ECKey:
    """A private EC key (P-256, PEM); its `kid` is the RFC 7638 thumbprint.

    Raises:
        ValueError: not such a key.
    """
    try:
        key = ECKey.import_key(file.read_bytes())
    except JoseError as e:
        raise ValueError(f"{file}: not an EC key in PEM") from e
    if key.curve_name != "P-256" or not key.is_private:
        raise ValueError(f"{file}: a private P-256 key in PEM is needed")
    key.ensure_kid()
    return key


def read_ring(folder: Path) -> KeyRing:
    """The ring in this folder.

    Raises:
        ValueError: `ring.json` is not of its form, or a key is missing or not the one that is named.
        OSError: a file cannot be read.
    """
    document = read_document(folder)
    keys = []
    for entry in document.keys:
        key = load_key(folder / f"{entry.kid}.pem")
        if key.kid != entry.kid:
            raise ValueError(f"{folder}: the file of key {entry.kid} holds another key")
        keys.append((entry, key))
    ring = KeyRing(tuple(keys))
    ring.public(datetime.now(UTC))
    return ring


def read_document(folder: Path) -> RingDocument:
    """`ring.json` alone. Raises `ValueError` or `OSError`."""
    try:
        return RingDocument.model_validate_json((folder / RING_FILE).read_bytes())
    except ValidationError as e:
        raise ValueError(f"{folder / RING_FILE}: {e.error_count()} defects, first: {e.errors()[0]['msg']}") from e
