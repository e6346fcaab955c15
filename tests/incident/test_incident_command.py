"""`poterne incident` on a real journal: every step is an act in the operators' chain, and what does not fit writes nothing."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from gateway_addons.__main__ import app
from gateway_addons.adapters.journal.incident_register import incident_acts
from gateway_addons.adapters.journal.key_files import public_pem, write_new_key
from tests.support.settings_file import EXAMPLE, write_settings

RUN = CliRunner()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    policy = yaml.safe_load(EXAMPLE.read_text())["policy"] | {"contracts_folder": str(EXAMPLE.parent / "contracts")}
    return write_settings(tmp_path, policy=policy)


def incident(config: Path, *words: str, status: int = 0) -> str:
    done = RUN.invoke(app, ["incident", words[0], "--config", str(config), *words[1:]])
    assert done.exit_code == status, done.output
    return done.output


def acts(tmp_path: Path) -> list[str]:
    return [a.kind for a in incident_acts(tmp_path / "journal")]


def test_the_life_of_an_incident(config: Path, tmp_path: Path) -> None:
    opened = json.loads(incident(config, "open", "Certificat volé", "--type", "intrusion", "--by", "rssi", "--json"))
    name = opened["id"]
    incident(config, "note", name, "journal lu", "--phase", "investigation")
    incident(config, "link", name, "commutateur", "sw-1")
    assert "8-g4" in incident(config, "close", name, "--cause", "c", "--corrections", "x", status=2)
    incident(config, "verify", name, "--element-malveillant-supprime", "--vulnerabilites-corrigees", "--par", "A. Durand")
    incident(config, "close", name, "--cause", "clé volée", "--corrections", "clé renouvelée")
    told: dict[str, Any] = json.loads(incident(config, "show", name, "--json"))
    assert (told["etat"], told["ouvert_par"], told["cause"]) == ("clos", "rssi", "clé volée")
    assert acts(tmp_path) == ["incident.open", "incident.note", "incident.link", "incident.verify", "incident.close"]
    assert "no incident is open" in incident(config, "list")
    assert name in incident(config, "list", "--all")
    assert json.loads(incident(config, "stats", "--json"))[0]["opened"] == 1


def test_what_does_not_fit_writes_nothing(config: Path, tmp_path: Path) -> None:
    incident(config, "note", "INC-2026-0001", "x", "--phase", "reaction", status=2)
    incident(config, "open", "x", "--type", "magie", status=2)
    assert acts(tmp_path) == []


def test_two_openings_have_two_numbers(config: Path) -> None:
    names = {json.loads(incident(config, "open", "x", "--type", "autre", "--json"))["id"] for _ in range(3)}
    assert len(names) == 3


def test_the_evidence_of_an_incident_is_exported_and_proven_with_the_public_key_alone(config: Path, tmp_path: Path) -> None:
    key = write_new_key(tmp_path / "journal.key")
    (tmp_path / "journal.pub").write_bytes(public_pem(key.public))
    name = json.loads(incident(config, "open", "Certificat volé", "--type", "intrusion", "--by", "Claire Martin", "--json"))["id"]
    out = tmp_path / "dossier.zip"
    told = json.loads(incident(config, "export", name, "--out", str(out), "--json"))
    assert told["acts"] == 1, "the opening itself"
    with zipfile.ZipFile(out) as archive:
        names, everything = archive.namelist(), b"".join(archive.read(n) for n in archive.namelist())
    assert any(n.startswith("conventions/production/") for n in names)
    for person in (b"@anfm.example", b"Martin", b"P. Durand"):
        assert person not in everything, "contracts go without the persons, and acts under pseudonyms"
    done = RUN.invoke(app, ["incident", "verify-export", str(out), "--key", str(tmp_path / "journal.pub"), "--json"])
    assert (done.exit_code, json.loads(done.output)["good"]) == (0, True), done.output
    out.write_bytes(out.read_bytes().replace(b"dossier", b"dossieR", 1)[:-10])
    assert RUN.invoke(app, ["incident", "verify-export", str(out), "--key", str(tmp_path / "journal.pub")]).exit_code == 1
    assert acts(tmp_path) == ["incident.open", "incident.export"]
    assert "is there already" in incident(config, "export", name, "--out", str(out), status=2)
