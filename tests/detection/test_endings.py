"""What ends, out of real files: certificates, lists, contracts, and the exercise of the circuit; what cannot be read is due today."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from gateway_addons.adapters.journal.acts import act_now, record_act
from gateway_addons.detection.endings import DRILL, endings_of
from gateway_addons.settings.gateway import Settings, load
from tests.support import pki
from tests.support.settings_file import EXAMPLE, write_settings

CONTRACTS = EXAMPLE.parent / "contracts"
TODAY = datetime.now(UTC).date()


@pytest.fixture
def files(tmp_path: Path) -> Settings:
    """Settings whose environment, contracts and readings are real files below the test's folder."""
    top = pki.root("Racine")
    certificate, key = top.issue("serveur").write(tmp_path, "server")
    top.me.write(tmp_path, "anchors")
    (tmp_path / "root.crl").write_bytes(top.crl())
    shutil.copytree(CONTRACTS, tmp_path / "contracts")
    example = yaml.safe_load(EXAMPLE.read_text())
    own = example["environments"]["production"]
    own |= {"server": {"certificate_file": str(certificate), "key_file": str(key)},
            "clients": {"anchors_file": str(tmp_path / "anchors.pem"), "crl_files": [str(tmp_path / "root.crl")]}}
    policy = example["policy"] | {"contracts_folder": str(tmp_path / "contracts"), "readings_file": str(EXAMPLE.parent / "readings.yaml")}
    return load(write_settings(tmp_path, environments={"production": own}, policy=policy))


def subjects(settings: Settings) -> dict[str, int]:
    """Days left, by subject."""
    return {e.subject: (e.on - TODAY).days for e in endings_of(settings, 100)}


def test_everything_that_ends_is_there(files: Settings) -> None:
    found = subjects(files)
    assert any(s.startswith("production CN=serveur") for s in found)
    assert any(s.startswith("production CN=Racine") for s in found)
    assert "production root.crl" in found
    assert any(s.startswith("CONV-") for s in found), "something falls due on one of the project's contracts"


def test_what_cannot_be_read_is_due_today(files: Settings, tmp_path: Path) -> None:
    (tmp_path / "root.crl").write_bytes(b"junk")
    broken = next((tmp_path / "contracts").rglob("anfm.yaml"))
    broken.write_text("version_schema: 1\n")
    found = subjects(files)
    assert found["production root.crl"] == 0
    assert found["contrat anfm.yaml"] == 0


def test_the_exercise_is_due_so_long_after_the_last_one_that_went_well(files: Settings) -> None:
    assert subjects(files)["exercice d'alerte"] == 0, "never done: due today"
    record_act(files.journal.folder, act_now(DRILL, "a", "r", {}).told("echec"))
    assert subjects(files)["exercice d'alerte"] == 0
    record_act(files.journal.folder, act_now(DRILL, "a", "r", {}).told("fait"))
    assert subjects(files)["exercice d'alerte"] == pytest.approx(100, abs=1)
