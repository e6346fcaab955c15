"""Each change of what a running gateway believes and decides by leaves one record, however many workers there are."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from deploy.demo.certificates import Authority, Pair
from deploy.demo.pki import ISSUING
from deploy.demo.place import ROOT
from gateway_addons.adapters.journal.reader import records
from tests.e2e.conftest import Consumer, start
from tests.supervisor.conftest import HEALTH, Gateway, alive, until


@pytest.fixture
def two_workers(tmp_path: Path) -> Iterator[Gateway]:
    for running in start(tmp_path):
        gateway = Gateway(running)
        gateway.change(workers=2)
        assert gateway.reload()["done"] is True
        yield gateway


def told(gateway: Gateway, act: str) -> list[dict[str, Any]]:
    """The acts and events of that name."""
    found = records(Path(gateway.running.document["journal"]))
    return [r.fields for r in found if act in (r.fields.get("acte"), r.fields.get("evenement"))]


def new(gateway: Gateway, act: str, before: list[dict[str, Any]], count: int = 1) -> list[dict[str, Any]]:
    """The records that came since; they must be just so many."""
    assert until(lambda: len(told(gateway, act)) >= len(before) + count, 20), f"no {act}"
    return told(gateway, act)[len(before):]


def issuing(gateway: Gateway) -> tuple[Authority, Path]:
    """The demonstration's authority of client certificates, and the file of its list."""
    clients = yaml.safe_load(gateway.settings_file.read_text())["environments"]["production"]["clients"]
    file = next(Path(f) for f in clients["crl_files"] if Path(f).name == "clients.crl.pem")
    certificate = x509.load_pem_x509_certificate((file.parent / ISSUING / "ca.pem").read_bytes())
    key = load_pem_private_key((file.parent / ISSUING / "ca.key").read_bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    return Authority(Pair(certificate, key)), file


def digest(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


def refused(consumer: Consumer) -> bool:
    """By an answer on the open connection, by a TLS alert on a new one."""
    try:
        return consumer.call("GET", HEALTH).status_code == 403
    except httpx.ReadError:
        return True


def put(file: Path, content: bytes) -> None:
    fresh = file.with_name("fresh")
    fresh.write_bytes(content)
    fresh.replace(file)


def test_each_change_leaves_one_record(two_workers: Gateway) -> None:
    gateway = two_workers
    authority, file = issuing(gateway)
    consumer = gateway.running.consumer("charge")
    assert consumer.call("GET", HEALTH).status_code == 200
    first = told(gateway, "crl.prise")
    assert Counter((r["sujet"]["environnement"], r["sujet"]["nom"]) for r in first) == Counter(
        {(e, n): 1 for e in ("production", "sandbox") for n in ("racine.crl.pem", "clients.crl.pem")}), "each list once"

    # a revocation list
    old, later = file.read_bytes(), datetime.now(UTC) + timedelta(minutes=1)
    before = x509.load_pem_x509_crl(old).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    mine = x509.load_pem_x509_certificate(Path(consumer.own["cert_file"]).read_bytes())
    raw = authority.revocations(later - timedelta(minutes=1), [mine])
    put(file, raw)
    (record,) = new(gateway, "crl.prise", first)
    about, parsed = record["sujet"], x509.load_pem_x509_crl(raw)
    assert (about["fichier"], about["empreinte"], about["remplace"]) == (str(file), digest(raw), digest(old))
    assert (about["emetteur"], about["entrees"]) == (parsed.issuer.rfc4514_string(), "1")
    assert datetime.fromisoformat(about["nextUpdate"]) == parsed.next_update_utc
    assert datetime.fromisoformat(about["thisUpdate"]) == parsed.last_update_utc
    assert int(about["numero"]) > before == int(about["numeroPrecedent"])
    assert until(lambda: refused(consumer)), "whom it revokes is refused"

    # one that cannot be used
    put(file, raw[:-80] + b"\n-----END X509 CRL-----\n")
    (refusal,) = new(gateway, "confiance.refusee", [])
    assert "clients.crl.pem" in refusal["sujet"]["cause"]
    put(file, authority.revocations(later))
    assert len(new(gateway, "confiance.retablie", [])) == 1
    assert len(new(gateway, "crl.prise", [*first, record])) == 1

    # settings: a word that cannot be used, then more than one section
    good = gateway.settings_file.read_text()
    gateway.change(extra=1)
    os.kill(gateway.pid, signal.SIGHUP)
    assert until(lambda: told(gateway, "gateway.reload")[-1]["sujet"]["etat"] == "echec")
    gateway.settings_file.write_text(good)
    settings = told(gateway, "reglages.prise")
    gateway.change(drain={"roll_calls_s": 7.0})
    assert gateway.reload()["done"] is True
    (reglages,) = new(gateway, "reglages.prise", settings)
    assert reglages["sujet"]["empreinte"] == digest(gateway.settings_file.read_bytes())
    assert (reglages["sujet"].get("modifications") or reglages["sujet"]["ajouts"]) == "drain"
    assert [a["sujet"]["etat"] for a in told(gateway, "gateway.reload")] == ["annonce", "fait", "echec", "annonce", "fait"]

    # a key, a client
    keys = told(gateway, "cles_jetons.prise")
    assert gateway.command("token-key", "rotate", "--environment", "production", "--reason", "essai").returncode == 0
    (ring,) = new(gateway, "cles_jetons.prise", keys)
    assert (ring["sujet"]["environnement"], len(ring["sujet"]["ajouts"]), ring["sujet"]["nombre"]) == ("production", 43, "2")

    # while nothing runs
    os.kill(gateway.pid, signal.SIGTERM)
    assert until(lambda: not alive(gateway.pid))
    crls = told(gateway, "crl.prise")
    put(file, authority.revocations(later + timedelta(seconds=1), [mine]))
    command = [sys.executable, "-m", "gateway_addons", "run", "--config", str(gateway.settings_file)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as again:
        try:
            assert len(new(gateway, "crl.prise", crls)) == 1
        finally:
            again.terminate()
            again.wait(60)
    assert [len(told(gateway, a)) for a in ("gateway.start", "gateway.stop", "crl.prise", "cles_jetons.prise", "reglages.prise")] == [
        2, 2, len(crls) + 1, len(keys) + 1, len(settings) + 1]
    found = gateway.command("journal", "search", "--act", "crl.*", "--json")
    assert [json.loads(line)["evenement"] for line in found.stdout.splitlines()] == ["crl.prise"] * (len(crls) + 1), found.stderr
    verified = gateway.command("journal", "verify", "--json")
    assert (verified.returncode, json.loads(verified.stdout)["whole"]) == (0, True), verified.stdout
