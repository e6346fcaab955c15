"""The settings of the running gateway and of its Redis, written for one system."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deploy.demo.certificates import write_private
from deploy.demo.credentials import CredentialFiles
from deploy.demo.pki import PkiFiles
from deploy.demo.place import ROOT, Place
from deploy.demo.ports import HOST, Ports
from gateway_addons.adapters.journal.key_files import write_new_key

ASSERTION_ISSUER = "poterne"


@dataclass(frozen=True)
class EnvironmentFiles:
    """What was made for one environment."""

    pki: PkiFiles
    credentials: CredentialFiles


@dataclass(frozen=True)
class Asking:
    """Where OPA listens, and whether its decisions are kept for their second."""

    socket: Path
    keep_decisions: bool = False


def backend_audience(environment: str) -> str:
    """Whom the assertion is for; the backend expects the same word."""
    return f"infinoe-backend-{environment}"


def write_gateway(place: Place, ports: Ports, opa: Asking, redis_url: str,
                  environments: Mapping[str, EnvironmentFiles]) -> None:
    """Write `gateway.yaml`; it holds the password of Redis, so only its owner may read it."""
    document = {
        "schema": 1,
        "admin": {"host": HOST, "port": ports.admin},
        "state": {"folder": str(place.state)},
        "opa": {"address": f"unix://{opa.socket}", "timeout_s": 1.0, "keep_decisions": opa.keep_decisions},
        "policy": _policy(place, ports),
        "redis": {"url": redis_url, "timeout_s": 0.5},
        "journal": {"folder": str(place.journal), "signing_key_file": str(place.journal_key), "retention": {
            category: {"months": 1, "justification": "demonstration"} for category in ("calls", "acts", "checkpoints")}},
        "detection": {"file": str(ROOT / "config" / "detection.yaml")},
        # the tour and its visitors fail on purpose, all from one address; `config/gateway.yaml` has figures for production
        "brake": {"failures_per_minute": 3000, "burst": 3000, "guesses_per_minute": 120, "guess_burst": 120},
        "apis": [str(api) for api in sorted((place.config / "apis").glob("*.yaml"))],
        "environments": {name: _environment(name, files, ports) for name, files in environments.items()},
    }
    write_new_key(place.journal_key)
    write_private(place.gateway_settings, yaml.safe_dump(document, sort_keys=False).encode())


def _policy(place: Place, ports: Ports) -> dict[str, Any]:
    keys, config = place.keys("policy"), place.config
    return {
        "store_folder": str(place.state / "policy"),
        "rego_folder": str(ROOT / "policies"),
        "contracts_folder": str(config / "contracts"),
        "readings_file": str(config / "readings.yaml"),
        "schemas_folder": str(config / "schemas"),
        "exceptions_file": str(config / "exceptions.yaml"),
        "guard_folder": str(ROOT / ".tools" / "guard"),
        "opa_file": str(ROOT / ".tools" / "bin" / "opa"),
        "signing": {"verification_key_file": str(keys / "verification.pem"), "signing_key_file": str(keys / "signing.pem")},
        "bundles": {"listen": {"host": HOST, "port": ports.bundles}, "token_file": str(keys / "token")},
    }


def _environment(name: str, files: EnvironmentFiles, ports: Ports) -> dict[str, Any]:
    pki, credentials = files.pki, files.credentials
    port = ports.listener(name)
    return {
        "listen": {"host": HOST, "port": port},
        "hosts": ["localhost", HOST],
        "server": {"certificate_file": str(pki.server.certificate), "key_file": str(pki.server.key)},
        "clients": {"anchors_file": str(pki.anchors), "crl_files": [str(crl) for crl in pki.crls], "crl_grace_s": 0,
                    "refusal": "alert"},
        "backend": {"url": f"http://{HOST}:{ports.backend(name)}"},
        "tokens": {"issuer": f"https://localhost:{port}", "audience": f"infinoe-{name}",
                   "signing_keys_folder": str(credentials.token_keys), "lifetime_s": 600,
                   "client_secrets_file": str(credentials.client_secrets)},
        "assertion": {"issuer": ASSERTION_ISSUER, "audience": backend_audience(name),
                      "signing_key_file": str(credentials.assertion_key), "lifetime_s": 60},
    }


def write_redis(folder: Path, port: int) -> tuple[Path, str]:
    """Write `redis.conf`; returns it and the URL with the password, which never appears in a command line."""
    password = secrets.token_urlsafe(24)
    file = folder / "redis.conf"
    write_private(file, "\n".join((
        f"bind {HOST}",
        f"port {port}",
        "protected-mode yes",
        f"requirepass {password}",
        'save ""',
        "appendonly no",
        f'dir "{folder}"',
        "daemonize no",
        "set-proc-title no",
        "",
    )).encode())
    return file, f"redis://:{password}@{HOST}:{port}/0"
