"""Settings are read once and strictly: whatever is wrong stops the start, with file and place."""

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway_addons.adapters.journal.key_files import write_new_key
from gateway_addons.settings.gateway import load
from gateway_addons.settings.values import SettingsError

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "config/gateway.yaml"


@pytest.fixture
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    return loaded


def test_the_example_is_whole() -> None:
    settings = load(EXAMPLE)
    assert set(settings.environments) == {"production", "sandbox"}
    assert settings.apis == (ROOT / "config/apis/infinoe.yaml",)
    assert settings.environments["production"].clients.refusal == "alert"


WRONG: list[tuple[str, str, Any]] = [
    ("unknown key", "extra", 1), ("unknown key in depth", "environments.production.clients.verify", False),
    ("unknown environment", "environments.recette", {}), ("no environment", "environments", {}),
    ("no revocation list", "environments.production.clients.crl_files", []),
    ("endless grace", "environments.production.clients.crl_grace_s", 10**9), ("refusal that lets in", "environments.production.clients.refusal", "none"),
    ("no time-out", "opa.timeout_s", 0), ("OPA over a proxy", "opa.address", "https://opa.example"), ("Redis of another kind", "redis.url", "memcached://x"),
    ("backend over TLS, not spoken", "environments.production.backend.url", "https://backend"), ("backend below a path", "environments.production.backend.url", "http://b/x"),
    ("token that lives for a day", "environments.production.tokens.lifetime_s", 86400), ("port out of range", "admin.port", 70000),
    ("host name in capitals", "environments.production.hosts", ["INFINOE.example"]), ("wrong schema", "schema", 2), ("head bound of nothing", "limits", {"max_head_bytes": 1}),
]


@pytest.mark.parametrize(("path", "value"), [pytest.param(*row[1:], id=row[0]) for row in WRONG])
def test_wrong_settings_stop_the_start(document: dict[str, Any], tmp_path: Path, path: str, value: Any) -> None:
    bent = copy.deepcopy(document)
    *parents, last = path.split(".")
    node = bent
    for part in parents:
        node = node[part]
    node[last] = value
    file = tmp_path / "gateway.yaml"
    file.write_text(yaml.safe_dump(bent), encoding="utf-8")
    with pytest.raises(SettingsError, match=str(file)):
        load(file)


@pytest.mark.parametrize("text", ["", "[]", "a: [", "schema: 1"])
def test_what_is_no_settings_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "gateway.yaml").write_text(text)
    with pytest.raises(SettingsError):
        load(tmp_path / "gateway.yaml")


def test_the_command_says_what_is_wrong_without_a_stack_trace(document: dict[str, Any], tmp_path: Path) -> None:
    document["journal"]["folder"], document["apis"] = "journal", [str(ROOT / "config/apis/infinoe.yaml")]
    document["state"]["folder"], document["admin"]["port"] = "state", 0
    document["journal"]["signing_key_file"] = "journal.key"
    write_new_key(tmp_path / "journal.key")
    for environment in document["environments"].values():
        environment["listen"] = {"host": "127.0.0.1", "port": 0}
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    for file, part in (("none.yaml", "cannot be read"), ("gateway.yaml", "client-authorities.pem")):
        done = subprocess.run([sys.executable, "-m", "gateway_addons", "run", "--config", str(tmp_path / file)], capture_output=True,
                              text=True, cwd=ROOT, timeout=60, check=False)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert done.stderr.splitlines()[-1].startswith("poterne: "), "what the parts logged comes before"
        assert part in done.stderr
