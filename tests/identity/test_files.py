"""Files of keys and clients: changed whole, under a lock, by operators; taken up while they are good, and only then."""

import json
import os
import stat
import threading
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from argon2 import PasswordHasher
from joserfc.jwk import ECKey, RSAKey

from gateway_addons.adapters.identity.client_desk import issue_secret, register_keys, register_name, revoke_secret
from gateway_addons.adapters.identity.client_registry import MAX_SECRETS, CertificateName, read_clients
from gateway_addons.adapters.identity.key_ring import read_ring
from gateway_addons.adapters.identity.public_keys import KeySetError
from gateway_addons.adapters.identity.ring_files import create_ring, remove, rotate
from gateway_addons.adapters.identity.watched_file import WatchedFile
from tests.identity.forge import NOW


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "clients.yaml"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_secret_is_in_the_file_as_its_hash_alone(file: Path) -> None:
    shown, made = issue_secret(file, "c", NOW, 0)
    assert len(shown) >= 43, "256 bits"
    assert shown not in file.read_text()
    assert PasswordHasher().verify(made.argon2, shown)
    assert made.argon2.startswith("$argon2id$")
    assert mode(file) == 0o600


def test_an_overlap_keeps_the_one_before_and_no_overlap_ends_it(file: Path) -> None:
    first = issue_secret(file, "c", NOW, 0)[1]
    second = issue_secret(file, "c", NOW, 60)[1]
    held = {s.id: s.expires_at for s in read_clients(file).clients["c"].secrets}
    assert held == {second.id: None, first.id: NOW + timedelta(seconds=60)}
    third = issue_secret(file, "c", NOW, 3600)[1]
    assert {s.id: s.expires_at for s in read_clients(file).clients["c"].secrets}[first.id] == NOW + timedelta(seconds=60), "an end is never put off"
    fourth = issue_secret(file, "c", NOW + timedelta(seconds=61), 0)[1]
    assert [s.id for s in read_clients(file).clients["c"].secrets] == [fourth.id]
    revoke_secret(file, "c", fourth.id)
    assert read_clients(file).clients["c"].secrets == ()
    with pytest.raises(ValueError, match="no secret"):
        revoke_secret(file, "c", third.id)


def test_secrets_of_a_client_are_bounded(file: Path) -> None:
    for _ in range(MAX_SECRETS):
        issue_secret(file, "c", NOW, 60)
    with pytest.raises(ValueError, match="revoke one first"):
        issue_secret(file, "c", NOW, 60)


def test_operators_at_the_same_time_undo_nothing(file: Path) -> None:
    threads = [threading.Thread(target=register_name, args=(file, f"c{n}", CertificateName(subject_dn=f"CN={n}"))) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(read_clients(file).clients) == {f"c{n}" for n in range(12)}


def test_public_keys_only(file: Path) -> None:
    key = ECKey.generate_key("P-256", auto_kid=True)
    assert register_keys(file, "c", json.dumps({"keys": [key.as_dict(private=False)]}).encode()) == (key.kid,)
    for bad in (json.dumps({"keys": [key.as_dict(private=True)]}).encode(), b"{}", b"x", json.dumps({"keys": [key.as_dict(private=False)] * 2}).encode()):
        with pytest.raises(ValueError):
            register_keys(file, "c", bad)
    keys = read_clients(file).clients["c"].keys()
    assert keys is not None
    assert keys.knows(str(key.kid)), "a refused set changes nothing"


@pytest.mark.parametrize("text", ["", "clients: []", "clients: {a: {unknown: 1}}", "clients: {'a b': {}}", "clients: {a: {jwks: {keys: [{kty: EC}]}}}", "a: b: c", "[]"])
def test_a_file_of_another_form_is_refused_without_what_it_holds(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ValueError, match=r"clients\.yaml"):
        read_clients(file)


def test_a_watched_file_is_never_replaced_by_something_worse(file: Path) -> None:
    issue_secret(file, "c", NOW, 0)
    watched = WatchedFile(file, lambda: read_clients(file))
    assert not watched.refresh(), "nothing changed"
    good = watched.value
    for bad in ("clients: 1", None):
        file.unlink() if bad is None else file.write_text(bad)
        assert not watched.refresh()
        assert watched.value is good
        assert watched.alert is not None
    file.write_text(yaml.safe_dump({"clients": {"d": {}}}))
    assert watched.refresh()
    assert (set(watched.value.clients), watched.alert) == ({"d"}, None)


# --- the ring ---

def test_files_of_the_ring_are_private_and_named_by_their_key(tmp_path: Path) -> None:
    ring = tmp_path / "ring"
    kid = create_ring(ring, NOW)
    assert {(f.name, mode(f)) for f in ring.iterdir()} == {("ring.json", 0o600), (f"{kid}.pem", 0o600)}
    assert mode(ring) == 0o700
    with pytest.raises(FileExistsError):
        create_ring(ring, NOW)


def test_one_rotation_at_a_time_and_what_is_over_is_deleted(tmp_path: Path) -> None:
    ring = tmp_path / "ring"
    first = create_ring(ring, NOW)
    second = rotate(ring, NOW, publish_for_s=30, token_lifetime_s=600)
    with pytest.raises(ValueError, match="under way"):
        rotate(ring, NOW + timedelta(seconds=29), publish_for_s=30, token_lifetime_s=600)
    rotate(ring, NOW + timedelta(seconds=30), publish_for_s=30, token_lifetime_s=600)
    assert (ring / f"{first}.pem").exists(), "its last tokens live"
    rotate(ring, NOW + timedelta(seconds=700), publish_for_s=30, token_lifetime_s=600)
    assert not (ring / f"{first}.pem").exists()
    assert (ring / f"{second.kid}.pem").exists() or len(read_ring(ring).entries) <= 3


def test_the_last_key_taken_out_leaves_another_that_signs(tmp_path: Path) -> None:
    ring = tmp_path / "ring"
    kid = create_ring(ring, NOW)
    signer = remove(ring, kid, NOW)
    assert read_ring(ring).signing_key(NOW).kid == signer != kid
    assert not (ring / f"{kid}.pem").exists()
    with pytest.raises(ValueError, match="no key"):
        remove(ring, kid, NOW)


def test_the_young_key_taken_out_gives_the_pen_back(tmp_path: Path) -> None:
    ring = tmp_path / "ring"
    kid = create_ring(ring, NOW)
    young = rotate(ring, NOW, publish_for_s=10, token_lifetime_s=600)
    later = NOW + timedelta(seconds=20)
    assert read_ring(ring).signing_key(later).kid == young.kid
    assert remove(ring, young.kid, later) == kid
    assert read_ring(ring).signing_key(NOW + timedelta(days=400)).kid == kid, "and it does not run out"


def test_a_ring_that_is_not_whole_stops_the_start(tmp_path: Path) -> None:
    ring = tmp_path / "ring"
    kid = create_ring(ring, NOW)
    pem = ring / f"{kid}.pem"
    for content in (ECKey.generate_key("P-256").as_pem(private=True), ECKey.generate_key("P-384").as_pem(private=True), RSAKey.generate_key(2048).as_pem(private=True),
                    ECKey.generate_key("P-256").as_pem(private=False), b"", b"-----BEGIN"):
        pem.write_bytes(content)
        with pytest.raises(ValueError):
            read_ring(ring)
    pem.unlink()
    with pytest.raises(OSError):
        read_ring(ring)
    for document in ("", "{}", '{"keys": []}', '{"keys": [{"kid": "x", "signs_from": "2026-01-01T00:00:00Z"}]}', '{"keys": [], "more": 1}',
                     json.dumps({"keys": [{"kid": kid, "signs_from": "2026-01-01T00:00:00"}]})):
        (ring / "ring.json").write_text(document)
        with pytest.raises(ValueError):
            read_ring(ring)


def test_before_its_time_no_key_signs(tmp_path: Path) -> None:
    ring = tmp_path / "ring"
    create_ring(ring, NOW)
    with pytest.raises(KeySetError):
        read_ring(ring).signing_key(NOW - timedelta(seconds=1))


def test_a_write_that_fails_leaves_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    issue_secret(file, "c", NOW, 0)
    before = file.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        issue_secret(file, "c", NOW, 0)
    assert file.read_bytes() == before
    assert [f.name for f in file.parent.iterdir() if f.name.endswith(".new")] == []


def test_what_is_written_before_the_call_counts_in_it(file: Path) -> None:
    """Nobody has to wait for the next look: a new secret is good, and a withdrawn one is not, as soon as the command has ended."""
    issue_secret(file, "c", NOW, 0)
    clients = WatchedFile(file, lambda: read_clients(file))
    made = issue_secret(file, "d", NOW, 0)[1]
    assert "d" not in clients.value.clients
    assert [s.id for s in clients.of_now().clients["d"].secrets] == [made.id]
    revoke_secret(file, "d", made.id)
    assert clients.of_now().clients["d"].secrets == ()
    file.write_text("clients: [")
    assert clients.of_now().clients["d"].secrets == ()
    assert clients.alert
