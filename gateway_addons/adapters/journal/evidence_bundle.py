"""A bundle of evidence (clauses 8-f, 8-g2, 6.4): the records of a period and scope, their proof, what explains them; one signed
ZIP file that is verified offline with the journal's public key alone (`evidence_check`).
"""

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from gateway_addons.adapters.journal.evidence_proof import Walk, read_sealing
from gateway_addons.adapters.journal.segments import sync_folder, writers
from gateway_addons.core.facts import rfc3339
from gateway_addons.core.incident.perimeter import Perimeter
from gateway_addons.core.journal.evidence import shown, withheld
from gateway_addons.core.journal.export_mask import Mask
from gateway_addons.core.journal.keys import SealingKey

FORMAT = 1
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
RECORDS, TIMELINE, PERIMETER, CHECKPOINT_LINES = "appels.jsonl", "chronologie.jsonl", "perimetre.json", "preuve/points.jsonl"

READ_ME = """Dossier de preuves de Poterne, la passerelle de l'API INFINOE.

manifest.json     le contenu : période, périmètre, empreinte SHA-256 de chaque fichier ; signé (manifest.sig, Ed25519)
appels.jsonl      un appel par ligne, avec sa place dans le journal (rédacteur, numéro, empreinte)
chronologie.jsonl les actes des exploitants et les événements de la passerelle
perimetre.json    ce que les appels ont touché : conventions, organismes, exercices, périodes
preuve/           la chaîne de chaque rédacteur jusqu'au point de contrôle signé qui la scelle
Les lignes retenues (hors périmètre, ou masquées) y gardent leur numéro et leurs empreintes.

Vérifier, hors ligne : poterne incident verify-export DOSSIER.zip --key journal-public.pem
"""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for: a period [`since`, `until`), a scope, whether personal data are masked, and what goes with it."""

    since: datetime
    until: datetime
    by: str
    scope: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    masked: bool = True
    documents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """More JSON files by name, such as the incident; masked like the records."""
    extra: Mapping[str, bytes] = field(default_factory=dict)
    """More files by name as they are, such as contracts and revisions."""

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Is this record in scope? An act or an event always is; a call when each named field has one of the named values."""
        if "requestId" not in record:
            return True
        return all(not values or str(record.get(name)) in values for name, values in self.scope.items())


@dataclass(slots=True)
class Made:
    """What was written; `unsealed` writers have no checkpoint yet that covers the period."""

    file: Path
    sha256: str
    calls: int
    acts: int
    unsealed: list[str]


def write_bundle(journal: Path, request: Request, key: SealingKey, out: Path,
                 progress: Callable[[int], None] = lambda _: None) -> Made:
    """Write the bundle; the file is whole and on the disk when this returns, and was not there before.

    Raises:
        FileExistsError: `out` is there.
        JournalUnavailable: the journal cannot be read.
        OSError: the file cannot be written.
    """
    if out.exists():
        raise FileExistsError(f"{out} is there already")
    partial = out.with_name(out.name + ".partial")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            made = _Writing(archive, request, key.id).write(journal, key, progress)
        with partial.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            os.fsync(stream.fileno())
        partial.chmod(0o600)
        os.link(partial, out)  # never over another file
        sync_folder(out.parent)
    finally:
        partial.unlink(missing_ok=True)
    return Made(out, digest, made.calls, made.acts, made.unsealed)


class _Writing:
    """One bundle while it is written."""

    def __init__(self, archive: zipfile.ZipFile, request: Request, key_id: str) -> None:
        self._archive, self._request = archive, request
        self._mask = Mask(os.urandom(32)) if request.masked else None
        self._files: dict[str, dict[str, Any]] = {}
        self._perimeter = Perimeter()
        self._key_id = key_id
        self.calls = self.acts = 0
        self.unsealed: list[str] = []

    def write(self, journal: Path, key: SealingKey, progress: Callable[[int], None]) -> "_Writing":
        request = self._request
        sealing = read_sealing(journal, request.since, request.until)
        points: set[bytes] = set()
        with tempfile.TemporaryFile() as records, tempfile.TemporaryFile() as timeline:
            for writer in writers(journal):
                walk = Walk(journal, writer, request.since, request.until, sealing, request.holds)
                self._prove(writer, walk, records, timeline, progress)
                if walk.seal is not None:
                    points.add(walk.seal.raw)
            self._copy(RECORDS, records)
            self._copy(TIMELINE, timeline)
        self._add(CHECKPOINT_LINES, b"".join(sorted(points)))
        self._add(PERIMETER, _json(self._perimeter.document()))
        self._add("LISEZMOI.txt", READ_ME.encode())
        for name, document in request.documents.items():
            self._add(name, _json(document if self._mask is None else self._mask.record(document)))
        for name, content in request.extra.items():
            self._add(name, content)
        manifest = _json(self._manifest())
        self._archive.writestr(MANIFEST, manifest)
        self._archive.writestr(SIGNATURE, key.sign(manifest))
        return self

    def _prove(self, writer: str, walk: Walk, records: IO[bytes], timeline: IO[bytes], progress: Callable[[int], None]) -> None:
        name, lines = f"preuve/{writer}.jsonl", 0
        digest, size = hashlib.sha256(), 0
        with self._archive.open(name, "w", force_zip64=True) as proof:
            for step in walk:
                told = shown(step.line) if step.in_scope and self._mask is None else withheld(step.line)
                raw = _json(told)
                proof.write(raw)
                digest.update(raw)
                size += len(raw)
                lines += 1
                if step.record is not None:
                    self._tell(step.record.kind, writer, step.line.seq, step.line.hash, step.record.fields,
                               records, timeline, interrupted=step.record.interrupted)
                if lines % 1000 == 0:
                    progress(1000)
        self._files[name] = {"sha256": digest.hexdigest(), "octets": size}
        if lines and walk.seal is None:
            self.unsealed.append(writer)

    def _tell(self, kind: str, writer: str, seq: int, digest: str, fields: Mapping[str, Any], records: IO[bytes],
              timeline: IO[bytes], *, interrupted: bool) -> None:
        told = dict(fields) if self._mask is None else self._mask.record(fields)
        row = _json({"preuve": {"redacteur": writer, "seq": seq, "hash": digest}, "type": kind, **told})
        if kind == "appel":
            self.calls += 1
            self._perimeter.take(told, interrupted=interrupted)
            records.write(row)
        else:
            self.acts += 1
            timeline.write(row)

    def _copy(self, name: str, source: IO[bytes]) -> None:
        source.seek(0)
        digest, size = hashlib.sha256(), 0
        with self._archive.open(name, "w", force_zip64=True) as target:
            while block := source.read(1 << 20):
                target.write(block)
                digest.update(block)
                size += len(block)
        self._files[name] = {"sha256": digest.hexdigest(), "octets": size}

    def _add(self, name: str, content: bytes) -> None:
        self._archive.writestr(name, content)
        self._files[name] = {"sha256": hashlib.sha256(content).hexdigest(), "octets": len(content)}

    def _manifest(self) -> dict[str, Any]:
        request = self._request
        return {
            "format": FORMAT, "fait_le": rfc3339(datetime.now(UTC)), "par": request.by, "cle": self._key_id,
            "periode": {"du": rfc3339(request.since), "au": rfc3339(request.until)},
            "perimetre": {name: list(values) for name, values in request.scope.items() if values},
            "masque": request.masked, "appels": self.calls, "actes": self.acts, "non_scelles": self.unsealed,
            "fichiers": self._files,
        }


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace") + b"\n"
