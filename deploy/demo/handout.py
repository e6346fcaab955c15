"""`demo.json`: all that an outside program needs to use the running system. It holds secrets: mode 0600."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.demo.cast import REFUSED, Consumer, working
from deploy.demo.certificates import write_private
from deploy.demo.pki import CertificateFiles
from deploy.demo.place import Place
from deploy.demo.ports import HOST, Ports
from deploy.demo.processes import Process
from deploy.demo.settings_file import EnvironmentFiles
from gateway_addons.core.contract.access import ClientOAuth2


def write(place: Place, ports: Ports, opa_socket: Path, redis_url: str, revision: str,
          environments: Mapping[str, EnvironmentFiles], cast: Mapping[str, Mapping[str, Consumer]],
          processes: Sequence[Process]) -> dict[str, Any]:
    """Write it, and return what was written."""
    document: dict[str, Any] = {
        "environments": {name: _environment(place, ports, name, files, cast[name]) for name, files in environments.items()},
        "journal": str(place.journal),
        "opa": f"unix://{opa_socket}",
        "redis_url": redis_url,
        "admin": f"http://{HOST}:{ports.admin}",
        "revision": revision,
        "gateway_settings": str(place.gateway_settings),
        "pids": pids(processes),
    }
    write_private(place.handout, json.dumps(document, indent=1).encode())
    return document


def pids(processes: Sequence[Process]) -> dict[str, Any]:
    """Process ids by role: lists for those there may be several of."""
    by_role: dict[str, list[int]] = {"gateway": [], "detection": [], "opa": [], "bundles": [], "redis": [], "backend": []}
    for process in processes:
        by_role[process.role].append(process.pid)
    return {"gateway": by_role["gateway"], "detection": by_role["detection"][0], "opa": by_role["opa"][0],
            "bundles": by_role["bundles"][0], "redis": by_role["redis"][0], "backend": by_role["backend"]}


def _environment(place: Place, ports: Ports, name: str, files: EnvironmentFiles,
                 named: Mapping[str, Consumer]) -> dict[str, Any]:
    base_url = f"https://localhost:{ports.listener(name)}"
    everyone = {n: _consumer(c, files) for n, c in named.items()}
    return {
        "base_url": base_url,
        "token_url": f"{base_url}/token",
        "ca_file": str(files.pki.server_ca),
        "backend_url": f"http://{HOST}:{ports.backend(name)}",
        "backend_database": str(place.database(name)),
        "consumers": {n: everyone[n] for n in working(named)},
        "refused_consumers": {n: c | {"reason": REFUSED[n]} for n, c in everyone.items() if n in REFUSED},
        "bad_certificates": {n: _pair(pair) for n, pair in files.pki.bad.items()},
        "token_signing_key_file": str(files.credentials.token_key),
    }


def _consumer(consumer: Consumer, files: EnvironmentFiles) -> dict[str, Any]:
    return {
        "contract": consumer.id,
        **_pair(files.pki.clients[consumer.name]),
        "client_id": consumer.client_id,
        "client_secret": files.credentials.secrets[consumer.client_id],
        "other_clients": [_other_client(client, files) for client in consumer.clients[1:]],
        "scopes": list(consumer.scopes),
        "id_teleservice": list(consumer.identifiers),
        "siret": consumer.siret,
        "budgets": consumer.budgets,
        "exercices": consumer.exercices,
        "periodes": consumer.periodes,
        "operations": consumer.operations,
        "calls_per_minute": consumer.contract.calls_per_minute,
        "droits": [right.model_dump(mode="json") for right in consumer.rights],
    }


def _other_client(client: ClientOAuth2, files: EnvironmentFiles) -> dict[str, Any]:
    """A client that authenticates by another method, with its key where it needs one of its own."""
    key = files.credentials.client_keys.get(client.client_id)
    return {"client_id": client.client_id, "auth": client.auth, "scopes": list(client.scopes),
            "key_file": str(key) if key else None}


def _pair(files: CertificateFiles) -> dict[str, str]:
    return {"cert_file": str(files.certificate), "key_file": str(files.key)}
