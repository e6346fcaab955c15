"""Changing a ring of signing keys: made, rotated, cleared of a key that must not be believed any more.

Files are mode 0600, written whole and renamed; the key's file is there before `ring.json` names it, and goes after.
"""

import os
from datetime import datetime, timedelta
from pathlib import Path

from joserfc.jwk import ECKey

from gateway_addons.adapters.identity.key_ring import RING_FILE, RingDocument, RingEntry, read_document


def create_ring(folder: Path, now: datetime) -> str:
    """A new ring with one key, which signs at once; returns its kid. Raises `FileExistsError` when there is a ring."""
    if (folder / RING_FILE).exists():
        raise FileExistsError(f"{folder / RING_FILE} is already there")
    kid = _new_key(folder)
    _write_document(folder, RingDocument(keys=(RingEntry(kid=kid, signs_from=now),)))
    return kid


def rotate(folder: Path, now: datetime, *, publish_for_s: float, token_lifetime_s: float) -> RingEntry:
    """Add a key that signs after `publish_for_s`; the ones before stay believed until their last tokens have ended.

    Keys that nothing can need any more are deleted. Returns the new entry.

    Raises:
        ValueError: a key that does not sign yet is already there, or the ring cannot be read.
    """
    document = read_document(folder)
    if any(entry.signs_from > now for entry in document.keys):
        raise ValueError("a rotation is under way: its key does not sign yet")
    signs_from = now + timedelta(seconds=publish_for_s)
    ends = signs_from + timedelta(seconds=token_lifetime_s + _CLOCK_MARGIN_S)
    kept = [e if e.believed_until is not None else e.model_copy(update={"believed_until": ends})
            for e in document.keys if e.believed_until is None or now < e.believed_until]
    entry = RingEntry(kid=_new_key(folder), signs_from=signs_from)
    _write_document(folder, RingDocument(keys=(*kept, entry)))
    _delete_unnamed(folder)
    return entry


def remove(folder: Path, kid: str, now: datetime) -> str:
    """Take a key out at once: no token that it signed is believed any more. Returns the kid that signs now.

    Raises:
        ValueError: no such key.
    """
    document = read_document(folder)
    kept = [entry for entry in document.keys if entry.kid != kid]
    if len(kept) == len(document.keys):
        raise ValueError(f"no key {kid} in the ring")
    usable = [e for e in kept if e.signs_from <= now and (e.believed_until is None or now < e.believed_until)]
    if usable:
        youngest = max(usable, key=lambda e: e.signs_from)
        kept = [e.model_copy(update={"believed_until": None}) if e is youngest else e for e in kept]
        signer = youngest.kid
    else:
        signer = _new_key(folder)
        kept.append(RingEntry(kid=signer, signs_from=now))
    _write_document(folder, RingDocument(keys=tuple(kept)))
    _delete_unnamed(folder)
    return signer


_CLOCK_MARGIN_S = 60
"""What the clocks of several gateways may differ by."""


def write_private(file: Path, content: bytes) -> None:
    """Write a file of mode 0600 whole or not at all: a new one beside it, flushed, then renamed."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}.new")
    fd = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(file)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    place = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def _new_key(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = ECKey.generate_key("P-256", auto_kid=True)
    kid = str(key.kid)
    write_private(folder / f"{kid}.pem", key.as_pem(private=True))
    return kid


def _write_document(folder: Path, document: RingDocument) -> None:
    write_private(folder / RING_FILE, document.model_dump_json(indent=1).encode())


def _delete_unnamed(folder: Path) -> None:
    named = {f"{entry.kid}.pem" for entry in read_document(folder).keys}
    for file in folder.glob("*.pem"):
        if file.name not in named:
            file.unlink()
