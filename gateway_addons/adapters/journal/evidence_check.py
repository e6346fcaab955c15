"""Verifies a bundle of evidence, offline and with the journal's public keys alone. The bundle is not trusted."""

import base64
import binascii
import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway_addons.adapters.journal.evidence_bundle import CHECKPOINT_LINES, FORMAT, MANIFEST, RECORDS, SIGNATURE, TIMELINE
from gateway_addons.adapters.journal.reader import Joining
from gateway_addons.core.journal.evidence import EvidenceRefused, ProvenLine, follow
from gateway_addons.core.journal.keys import key_id, signed_by
from gateway_addons.core.journal.line import MAX_LINE_BYTES, NotALine, read_line

MAX_MANIFEST_BYTES = 8 << 20
MAX_FILES = 10_000
MAX_UNPACKED_BYTES = 64 << 30

_NOT_A_BUNDLE = (OSError, EOFError, zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError, AttributeError, RuntimeError)
"""What reading a file that is no bundle can raise, in the ZIP or in what it should hold."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What the bundle proves. `unsealed`: writers whose records are signed by the bundle only, not yet by a checkpoint."""

    manifest: Mapping[str, Any]
    key: str
    records: int
    shown_lines: int
    withheld_lines: int
    unsealed: tuple[str, ...]


def verify_bundle(file: Path, keys: Sequence[Ed25519PublicKey]) -> Verified:
    """Check signature, files, chains, seals, and that every record stands where it says.

    Raises:
        EvidenceRefused: it does not prove what it says; the message names the first place.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return _Checking(archive, keys).check()
    except EvidenceRefused:
        raise
    except _NOT_A_BUNDLE as e:
        raise EvidenceRefused(f"{file}: is no bundle of evidence (a consumer's export is `poterne journal check-export`'s): "
                              f"{type(e).__name__}: {e}") from e


class _Checking:
    def __init__(self, archive: zipfile.ZipFile, keys: Sequence[Ed25519PublicKey]) -> None:
        self._archive, self._keys = archive, keys

    def check(self) -> Verified:
        manifest, signer = self._manifest()
        self._files(manifest)
        seals = self._seals()
        records = {name: self._rows(name) for name in (RECORDS, TIMELINE)}
        wanted: dict[tuple[str, int], Mapping[str, Any]] = {}
        for row in (r for rows in records.values() for r in rows):
            place = row["preuve"]
            wanted[str(place["redacteur"]), int(place["seq"])] = row
        count, shown, held = len(wanted), 0, 0
        unsealed = tuple(str(w) for w in manifest["non_scelles"])
        for name in manifest["fichiers"]:
            if name.startswith("preuve/") and name != CHECKPOINT_LINES:
                writer = name.removeprefix("preuve/").removesuffix(".jsonl")
                lines = self._chain(writer, name, wanted, seals, sealed=writer not in unsealed)
                shown, held = shown + lines[0], held + lines[1]
        if wanted:
            writer, seq = next(iter(wanted))
            raise EvidenceRefused(f"{writer}: record {seq} has no place in the proof")
        if count != manifest["appels"] + manifest["actes"]:
            raise EvidenceRefused(f"{count} records are there, the manifest says {manifest['appels'] + manifest['actes']}")
        return Verified(manifest, signer, count, shown, held, unsealed)

    def _manifest(self) -> tuple[dict[str, Any], str]:
        raw = self._read(MANIFEST, MAX_MANIFEST_BYTES)
        try:
            signature = base64.b64decode(self._read(SIGNATURE, 1024), validate=True)
        except binascii.Error as e:
            raise EvidenceRefused("the signature is not base64") from e
        for key in self._keys:
            try:
                key.verify(signature, raw)
            except InvalidSignature:
                continue
            manifest: dict[str, Any] = json.loads(raw)
            if manifest["format"] != FORMAT:
                raise EvidenceRefused(f"format {manifest['format']} is not known here")
            return manifest, key_id(key)
        raise EvidenceRefused("none of the given keys signed the manifest")

    def _files(self, manifest: Mapping[str, Any]) -> None:
        listed, there = manifest["fichiers"], [i.filename for i in self._archive.infolist()]
        if len(there) > MAX_FILES or len(set(there)) != len(there):
            raise EvidenceRefused("a file is there twice, or too many are")
        if odd := set(there) ^ {*listed, MANIFEST, SIGNATURE}:
            raise EvidenceRefused(f"{min(odd)}: is not listed, or listed and not there")
        if sum(int(f["octets"]) for f in listed.values()) > MAX_UNPACKED_BYTES:
            raise EvidenceRefused("the files are too large")
        for name, told in listed.items():
            digest, size = hashlib.sha256(), 0
            with self._archive.open(name) as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
                    size += len(block)
                    if size > told["octets"]:
                        raise EvidenceRefused(f"{name}: is longer than the manifest says")
            if digest.hexdigest() != told["sha256"] or size != told["octets"]:
                raise EvidenceRefused(f"{name}: is not what was signed")

    def _seals(self) -> set[tuple[str, int, str]]:
        """Who, which line, which hash: as the signed checkpoints in the bundle say."""
        found: set[tuple[str, int, str]] = set()
        with self._archive.open(CHECKPOINT_LINES) as stream:
            while raw := stream.readline(MAX_LINE_BYTES + 1):
                try:
                    line = read_line(raw)
                except NotALine as e:
                    raise EvidenceRefused(f"a checkpoint is not what was written: {e}") from e
                if line.kind != "scellement" or signed_by(line, self._keys) is None:
                    raise EvidenceRefused(f"none of the given keys signed checkpoint line {line.seq}")
                found |= {(w, int(h["seq"]), str(h["hash"])) for w, h in line.fields()["redacteurs"].items()}
        return found

    def _chain(self, writer: str, name: str, wanted: dict[tuple[str, int], Mapping[str, Any]],
               seals: set[tuple[str, int, str]], *, sealed: bool) -> tuple[int, int]:
        joining, shown, held = Joining(writer), 0, 0
        last: ProvenLine | None = None
        for last in follow(writer, self._rows(name)):
            row = wanted.pop((writer, last.seq), None)
            if row is not None and row["preuve"]["hash"] != last.hash:
                raise EvidenceRefused(f"{writer}: record {last.seq} has another hash than its line")
            if last.raw is None:
                held += 1
                continue
            shown += 1
            record = joining.take(name, read_line(last.raw))
            if row is not None and record is not None and _told(row) != json.loads(json.dumps(record.fields)):
                raise EvidenceRefused(f"{writer}: record {last.seq} says something else than its line")
        if sealed and last is not None and (writer, last.seq, last.hash) not in seals:
            raise EvidenceRefused(f"{writer}: no checkpoint in the bundle seals line {last.seq}")
        return shown, held

    def _rows(self, name: str) -> Iterator[dict[str, Any]]:
        with self._archive.open(name) as stream:
            while raw := stream.readline(2 * MAX_LINE_BYTES + 4096):
                row = json.loads(raw)
                if not isinstance(row, dict):
                    raise EvidenceRefused(f"{name}: a row is no object")
                yield row

    def _read(self, name: str, limit: int) -> bytes:
        with self._archive.open(name) as stream:
            raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise EvidenceRefused(f"{name}: is too large")
        return raw


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in {"preuve", "type"}}
