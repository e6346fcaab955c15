"""A `gateway.yaml` for commands that look at folders only: nothing in it is ever connected to."""

from pathlib import Path
from typing import Any

import yaml


def write_settings(folder: Path, **bend: Any) -> Path:
    """Write it, with journal and state below `folder`; its path."""
    environment = {
        "listen": {"port": 0}, "hosts": ["localhost"], "server": {"certificate_file": "s.pem", "key_file": "s.key"},
        "clients": {"anchors_file": "a.pem", "crl_files": ["c.crl"]}, "backend": {"url": "http://127.0.0.1:1"},
        "tokens": {"issuer": "https://x", "audience": "x", "signing_key_file": "t.pem", "client_secrets_file": "c.yaml"},
        "assertion": {"issuer": "p", "audience": "b", "signing_key_file": "x.pem"},
    }
    journal = {"folder": "journal", "signing_key_file": "journal.key", "retention": {
        category: {"months": 12, "justification": "for a test"} for category in ("calls", "acts", "checkpoints")}}
    document = {
        "schema": 1, "admin": {"port": 0}, "state": {"folder": "state"}, "opa": {"address": "unix:///opa.sock"},
        "redis": {"url": "redis://127.0.0.1:1/0"}, "journal": journal, "apis": ["infinoe.yaml"],
        "environments": {"production": environment},
    }
    file = folder / "gateway.yaml"
    file.write_text(yaml.safe_dump(document | bend))
    return file
