"""A bundle of evidence: what is in scope is proven, what is not stays unsaid, and nothing can be changed in it unseen."""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_addons.adapters.journal.chain import Chain
from gateway_addons.adapters.journal.checkpoints import append_sealed
from gateway_addons.adapters.journal.evidence_bundle import Request, write_bundle
from gateway_addons.adapters.journal.evidence_check import Verified, verify_bundle
from gateway_addons.adapters.journal.key_files import load_key, write_new_key
from gateway_addons.core.facts import rfc3339
from gateway_addons.core.journal.evidence import EvidenceRefused
from gateway_addons.core.journal.export_mask import Mask

NOW = datetime.now(UTC)
PERIOD = Request(NOW - timedelta(hours=1), NOW + timedelta(hours=1), "rssi")


class Journal:
    """A journal with a worker's chain and an operator's, and its key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "journal"
        self.key_file = folder / "journal.key"
        self.key = write_new_key(self.key_file)
        self._heads: dict[str, dict[str, Any]] = {}

    @contextmanager
    def writer(self, name: str = "worker-0") -> Iterator[Chain]:
        chain = Chain(self.folder / name)
        chain.open()
        try:
            yield chain
            file = max((self.folder / name).glob("*.jsonl"))
            self._heads[name] = {"segment": file.name, "seq": chain.seq, "hash": chain.hash}
        finally:
            chain.close()

    def seal(self) -> None:
        append_sealed(self.folder, self.key_file, {"type": "scellement", "horodatage": rfc3339(datetime.now(UTC)), "redacteurs": self._heads})

    def export(self, out: Path, request: Request = PERIOD) -> Verified:
        write_bundle(self.folder, request, load_key(self.key_file), out)
        return verify_bundle(out, [self.key.public])


def call(number: int, contract: str = "C1", kind: str = "appel", at: datetime = NOW) -> dict[str, Any]:
    return {"type": kind, "horodatage": rfc3339(at), "requestId": f"r-{number}", "convention": contract, "ip": "192.0.2.77",
            "acteur": {"type": "robot", "client_id": "client-durand"}, "transmis": True, "exercice": 2026, "periode": "2026-03"}


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """Twenty calls of two contracts, one of them announced and concluded, an act, sealed; then later calls, sealed again."""
    made = Journal(tmp_path)
    with made.writer() as chain:
        for number in range(20):
            chain.append(call(number, "C1" if number % 2 else "C2"))
        seq = chain.append({k: v for k, v in call(20, kind="annonce").items() if k != "transmis"})
        chain.append({"type": "conclusion", "horodatage": rfc3339(NOW), "requestId": "r-20", "annonce": seq, "transmis": True})
    with made.writer("operator") as chain:
        chain.append({"type": "acte", "horodatage": rfc3339(NOW), "acte": "switch.cut", "acteur": {"nom": "Durand"}, "sujet": {"convention": "C1"}})
    made.seal()
    with made.writer() as chain:
        chain.append(call(99, at=NOW + timedelta(hours=3)))
    made.seal()
    return made


def rows(bundle: Path, name: str) -> list[dict[str, Any]]:
    with zipfile.ZipFile(bundle) as archive:
        return [json.loads(line) for line in archive.read(name).splitlines()]


def test_everything_in_the_period_is_there_and_proven(journal: Journal, tmp_path: Path) -> None:
    proven = journal.export(tmp_path / "e.zip", replace(PERIOD, masked=False))
    assert proven.records == 22, "twenty-one calls and an act"
    assert proven.unsealed == ()
    calls = rows(tmp_path / "e.zip", "appels.jsonl")
    assert {r["requestId"] for r in calls} == {f"r-{n}" for n in range(21)}
    assert next(r for r in calls if r["requestId"] == "r-20")["transmis"] is True, "announcement and conclusion are one record"
    (act,) = rows(tmp_path / "e.zip", "chronologie.jsonl")
    assert act["acte"] == "switch.cut"


def test_what_is_out_of_scope_stays_unsaid(journal: Journal, tmp_path: Path) -> None:
    proven = journal.export(tmp_path / "e.zip", replace(PERIOD, masked=False, scope={"convention": ("C2",)}))
    with zipfile.ZipFile(tmp_path / "e.zip") as archive:
        everything = b"".join(archive.read(n) for n in archive.namelist())
    assert proven.records == 11
    assert b"r-0" in everything
    assert b"r-1\"" not in everything
    assert rows(tmp_path / "e.zip", "perimetre.json")[0]["touches"]["conventions"] == {"C2": 10}


def test_masked_neither_address_nor_name_is_in_it_and_pseudonyms_hold_together(journal: Journal, tmp_path: Path) -> None:
    journal.export(tmp_path / "e.zip")
    with zipfile.ZipFile(tmp_path / "e.zip") as archive:
        everything = b"".join(archive.read(n) for n in archive.namelist())
    for personal in (b"192.0.2.77", b"client-durand", b"Durand"):
        assert personal not in everything
    calls = rows(tmp_path / "e.zip", "appels.jsonl")
    assert {r["ip"] for r in calls} == {"192.0.2.0/24"}
    assert len({r["acteur"]["client_id"] for r in calls}) == 1
    journal.export(tmp_path / "again.zip")
    assert rows(tmp_path / "again.zip", "appels.jsonl")[0]["acteur"] != calls[0]["acteur"], "another export, another key"


def test_what_no_checkpoint_covers_yet_is_said(tmp_path: Path) -> None:
    made = Journal(tmp_path)
    with made.writer() as chain:
        chain.append(call(1))
    made.seal()
    with made.writer() as chain:
        chain.append(call(2))
    assert made.export(tmp_path / "e.zip").unsealed == ("worker-0",)
    made.seal()
    assert made.export(tmp_path / "later.zip").unsealed == ()


def test_another_key_proves_nothing(journal: Journal, tmp_path: Path) -> None:
    journal.export(tmp_path / "e.zip")
    with pytest.raises(EvidenceRefused, match="none of the given keys"):
        verify_bundle(tmp_path / "e.zip", [Ed25519PrivateKey.generate().public_key()])


def test_an_export_is_never_written_over(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "e.zip").write_text("mine")
    with pytest.raises(FileExistsError):
        journal.export(tmp_path / "e.zip")
    assert (tmp_path / "e.zip").read_text() == "mine"
    assert not list(tmp_path.glob("*.partial"))


# --- tampering: the one who changes the bundle has no key ---


def rebuilt(bundle: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    with zipfile.ZipFile(bundle) as archive:
        files = {n: archive.read(n) for n in archive.namelist()}
    change(files)
    out = bundle.with_name("bent.zip")
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out


@pytest.mark.parametrize(("name", "change"), [
    ("a record altered", lambda f: f.update({"appels.jsonl": f["appels.jsonl"].replace(b"2026-03", b"2026-04")})),
    ("a record taken away", lambda f: f.update({"appels.jsonl": b"\n".join(f["appels.jsonl"].split(b"\n")[1:])})),
    ("the manifest altered", lambda f: f.update({"manifest.json": f["manifest.json"].replace(b"rssi", b"moi!")})),
    ("a file taken away", lambda f: f.pop("perimetre.json")),
    ("a file put in", lambda f: f.update({"preuve/worker-9.jsonl": b""})),
    ("a proof cut short", lambda f: f.update({"preuve/worker-0.jsonl": f["preuve/worker-0.jsonl"][:200]})),
    ("no signature", lambda f: f.pop("manifest.sig")),
    ("no manifest", lambda f: f.pop("manifest.json")),
])
def test_a_bundle_that_was_changed_is_refused(journal: Journal, tmp_path: Path, name: str, change: Any) -> None:
    journal.export(tmp_path / "e.zip")
    with pytest.raises(EvidenceRefused):
        verify_bundle(rebuilt(tmp_path / "e.zip", change), [journal.key.public])


@pytest.mark.parametrize(("name", "change", "words"), [
    ("a line altered in the proof", lambda rows: rows[3].update(hash="sha256:" + "0" * 64), "another hash"),
    ("a line taken out of the proof", lambda rows: rows.pop(3), "does not follow"),
    ("lines in another order", lambda rows: rows.insert(2, rows.pop(4)), "does not follow"),
    ("the end of the proof taken away", lambda rows: rows.pop(), r"place in the proof|no checkpoint"),
])
def test_the_journals_own_holder_cannot_sign_a_false_proof_unseen(
    journal: Journal, tmp_path: Path, name: str, change: Any, words: str,
) -> None:
    """Even with the key to sign a manifest: the chain and its checkpoints were signed before."""
    journal.export(tmp_path / "e.zip")

    def forge(files: dict[str, bytes]) -> None:
        proof = [json.loads(line) for line in files["preuve/worker-0.jsonl"].splitlines()]
        change(proof)
        forged = b"".join(json.dumps(p).encode() + b"\n" for p in proof)
        manifest = json.loads(files["manifest.json"])
        manifest["fichiers"]["preuve/worker-0.jsonl"] = {"sha256": hashlib.sha256(forged).hexdigest(), "octets": len(forged)}
        files["preuve/worker-0.jsonl"] = forged
        files["manifest.json"] = json.dumps(manifest).encode()
        files["manifest.sig"] = journal.key.sign(files["manifest.json"]).encode()

    with pytest.raises(EvidenceRefused, match=words):
        verify_bundle(rebuilt(tmp_path / "e.zip", forge), [journal.key.public])


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Journal, bytes, Verified]:
    """A small bundle, as bytes."""
    folder = tmp_path_factory.mktemp("small")
    made = Journal(folder)
    with made.writer() as chain:
        chain.append(call(1))
    made.seal()
    proven = made.export(folder / "e.zip")
    return made, (folder / "e.zip").read_bytes(), proven


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, 1 << 20), bits=st.integers(1, 255))
def test_any_changed_byte_is_refused_or_changes_nothing(small: tuple[Journal, bytes, Verified], place: int, bits: int) -> None:
    made, raw, proven = small
    bent = bytearray(raw)
    bent[place % len(raw)] ^= bits
    file = made.folder.parent / "bent.zip"
    file.write_bytes(bent)
    try:
        again = verify_bundle(file, [made.key.public])
    except EvidenceRefused:
        return
    assert again == proven, "a byte of the ZIP's own fields, such as a file's date: what is proven is the same"


@given(st.binary(max_size=300))
def test_anything_else_is_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    file = tmp_path_factory.mktemp("junk") / "j.zip"
    file.write_bytes(raw)
    with pytest.raises(EvidenceRefused):
        verify_bundle(file, [])


def test_a_zip_that_unpacks_to_more_than_it_says_is_refused(journal: Journal, tmp_path: Path) -> None:
    journal.export(tmp_path / "e.zip")
    bomb = rebuilt(tmp_path / "e.zip", lambda f: f.update({"appels.jsonl": b" " * (1 << 22)}))
    with pytest.raises(EvidenceRefused, match=r"longer than|not what was signed"):
        verify_bundle(bomb, [journal.key.public])


def test_masking_goes_to_every_depth() -> None:
    mask = Mask(b"k")
    told = mask.record({"a": [{"acteur": {"nom": "Durand", "type": "humain"}}], "ip": "2001:db8:42:1::9", "peer": None, "seq": 3, "entree": {"x": "192.0.2.1"}})
    assert told == {"a": [{"acteur": {"nom": mask.pseudonym("Durand"), "type": "humain"}}], "ip": "2001:db8:42::/48", "peer": None, "seq": 3}
    assert mask.record({"ip": "pas une adresse"}) == {"ip": "masqué"}


def test_masking_finds_whom_a_switch_or_a_file_of_clients_names() -> None:
    mask = Mask(b"k" * 32)

    def about(event: str, **told: str) -> dict[str, str]:
        masked: dict[str, str] = mask.record({"evenement": event, "sujet": told})["sujet"]
        return masked

    assert about("", cible="ip", valeur="192.0.2.77/32") == {"cible": "ip", "valeur": "192.0.2.0/24"}
    assert about("", cible="ip", valeur="2001:db8:42:1::/64") == {"cible": "ip", "valeur": "2001:db8:42::/48"}
    assert about("", cible="ip", valeur="10.0.0.0/8")["valeur"] == "10.0.0.0/8"
    assert about("", cible="client", valeur="anfm") == {"cible": "client", "valeur": mask.pseudonym("anfm")}
    assert about("clients_oauth2.prise", ajouts="anfm, musee", nombre="2") == {
        "ajouts": f"{mask.pseudonym('anfm')}, {mask.pseudonym('musee')}", "nombre": "2"}
    assert about("crl.prise", numero="7", thisUpdate="2026-03-31T16:04:11Z") == {"numero": "7", "thisUpdate": "2026-03-31T16:04:11Z"}
