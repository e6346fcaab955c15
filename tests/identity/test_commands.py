"""`poterne client` and `poterne token-key`, as an operator types them; nothing else has to run."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives import hashes
from typer.testing import CliRunner, Result

from gateway_addons.__main__ import app
from gateway_addons.adapters.identity.key_ring import read_ring
from gateway_addons.adapters.journal.reader import records
from tests.identity.forge import NOW
from tests.support import pki
from tests.support.settings_file import EXAMPLE
from tests.trust.test_self_signed import pem, self_signed

CLIENT = "anfm-infinoe-prod"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    document = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    document["journal"]["folder"], document["state"]["folder"] = str(tmp_path / "journal"), str(tmp_path / "state")
    document["policy"]["contracts_folder"] = str(EXAMPLE.parent / "contracts")
    document["apis"] = [str(EXAMPLE.parent / "apis" / "infinoe.yaml")]
    tokens = document["environments"]["production"]["tokens"]
    tokens |= {"signing_keys_folder": str(tmp_path / "ring"), "client_secrets_file": str(tmp_path / "clients.yaml")}
    document["environments"] = {"production": document["environments"]["production"]}
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return tmp_path / "gateway.yaml"


def typed(config: Path, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--config", str(config)], env={"COLUMNS": "200"})


def acts(config: Path) -> list[tuple[str, str]]:
    return [(r.fields["acte"], r.fields["sujet"]["etat"]) for r in records(config.parent / "journal") if r.kind == "acte"]


def test_a_ring_from_its_creation_to_a_key_taken_out(config: Path) -> None:
    made = typed(config, "token-key", "create")
    assert made.exit_code == 0, made.output
    first = str(read_ring(config.parent / "ring").entries[0][0].kid)
    assert first in made.output
    assert typed(config, "token-key", "create").exit_code == 2
    rotated = typed(config, "token-key", "rotate", "--reason", "rotation", "--lead-s", "3600")
    assert rotated.exit_code == 0, rotated.output
    assert typed(config, "token-key", "rotate", "--reason", "rotation").exit_code == 2, "one at a time"
    shown = typed(config, "token-key", "show").output
    assert first in shown
    assert ("signs" in shown, "published" in shown) == (True, True)
    assert [k["signs"] for k in json.loads(typed(config, "token-key", "show", "--json").stdout)] == [True, False]
    removed = typed(config, "token-key", "remove", first, "--reason", "divulguee")
    assert removed.exit_code == 0, removed.output
    assert typed(config, "token-key", "remove", first, "--reason", "encore").exit_code == 2
    assert acts(config) == [("token_key.rotate", "annonce"), ("token_key.rotate", "fait"), ("token_key.rotate", "annonce"), ("token_key.rotate", "echec"),
                            ("token_key.remove", "annonce"), ("token_key.remove", "fait"), ("token_key.remove", "annonce"), ("token_key.remove", "echec")]


def test_a_secret_is_shown_once_and_listed_without_it(config: Path) -> None:
    made = typed(config, "client", "secret", CLIENT, "--reason", "ouverture")
    assert made.exit_code == 0, made.output
    secret = next(line.strip() for line in made.output.splitlines() if line.startswith("  "))
    listed = typed(config, "client", "list").output
    assert CLIENT in listed
    assert secret not in listed
    assert f"{NOW:%Y-%m-%d}"[:4] in listed
    again = typed(config, "client", "secret", CLIENT, "--reason", "rotation", "--json")
    assert len(json.loads(typed(config, "client", "list", "--json").stdout)[0]["secrets"]) == 2
    assert typed(config, "client", "secret", CLIENT, "--reason", "fin", "--revoke", json.loads(again.stdout)["id"]).exit_code == 0
    assert typed(config, "client", "secret", CLIENT, "--reason", "fin", "--revoke", "ffffffff").exit_code == 2
    assert typed(config, "client", "secret", CLIENT, "--reason", " ").exit_code == 2
    assert [state for _, state in acts(config)] == ["annonce", "fait", "annonce", "fait", "annonce", "fait", "annonce", "echec"]
    notices = list((config.parent / "state" / "notices").glob("*.json"))
    assert len(notices) == 3, "one for each act that was done"
    everything = "".join(f.read_text() for f in config.parent.rglob("*") if f.is_file())
    assert secret not in everything, "nowhere but on the screen"


def test_a_certificates_name_and_keys_are_registered_for_the_agreed_method_only(config: Path) -> None:
    done = typed(config, "client", "certificate", "anfm-infinoe-prod-certificat", "--reason", "x", "--subject-dn", "CN=a")
    assert done.exit_code == 0, done.output
    assert typed(config, "client", "certificate", "anfm-infinoe-prod-certificat", "--reason", "x").exit_code == 2
    assert typed(config, "client", "certificate", CLIENT, "--reason", "x", "--subject-dn", "CN=a").exit_code == 2
    assert "CN=a" in typed(config, "client", "list").output


def test_a_self_signed_certificate_is_registered_for_who_agreed_on_it(config: Path) -> None:
    folder = shutil.copytree(EXAMPLE.parent / "contracts", config.parent / "contracts")
    contract = folder / "production" / "anfm.yaml"
    contract.write_text(contract.read_text().replace("auth: tls_client_auth", "auth: self_signed_tls_client_auth"))
    document = yaml.safe_load(config.read_text())
    document["policy"]["contracts_folder"] = str(folder)
    config.write_text(yaml.safe_dump(document))
    certificate, _ = self_signed()
    (config.parent / "mine.pem").write_bytes(pem(certificate))
    (config.parent / "issued.pem").write_bytes(pem(pki.root("AC").issue("délivré").certificate))
    client = ("client", "certificate", "anfm-infinoe-prod-certificat", "--reason", "x")
    assert typed(config, *client, "--self-signed", str(config.parent / "issued.pem")).exit_code == 2
    assert typed(config, *client, "--subject-dn", "CN=a").exit_code == 2, "another method than the agreed one"
    done = typed(config, *client, "--self-signed", str(config.parent / "mine.pem"))
    assert done.exit_code == 0, done.output
    assert certificate.fingerprint(hashes.SHA256()).hex() in (config.parent / "clients.yaml").read_text()


@pytest.mark.parametrize("words", [("client", "list"), ("token-key", "show")])
def test_what_is_not_there_is_told_in_a_sentence(config: Path, words: tuple[str, ...]) -> None:
    done = typed(config, *words)
    assert done.exit_code == 2
    assert "Traceback" not in done.output


def test_nothing_is_done_that_the_journal_cannot_tell(config: Path) -> None:
    (config.parent / "journal").write_text("a file where the folder should be")
    assert typed(config, "client", "secret", CLIENT, "--reason", "x").exit_code == 2
    assert not (config.parent / "clients.yaml").exists()
