"""How the journal names keys and clients: thumbprints, times, counts; never a key, a secret or its hash."""

import hashlib
from pathlib import Path

from gateway_addons.adapters.identity.client_registry import Clients
from gateway_addons.adapters.identity.key_ring import KeyRing
from gateway_addons.adapters.identity.public_keys import PublicKeys
from gateway_addons.core.facts import rfc3339
from gateway_addons.core.journal.in_use import UNKNOWN, InUse

CLIENTS = "clients_oauth2"


def ring_in_use(environment: str, folder: Path, digest: str, ring: KeyRing) -> InUse:
    """The keys that sign this environment's tokens, each with when it signs and until when it is believed."""
    times = {e.kid: f"{rfc3339(e.signs_from)}/{rfc3339(e.believed_until) if e.believed_until else ''}" for e, _ in ring.entries}
    return InUse("cles_jetons", environment, "", digest, {"dossier": str(folder), "nombre": str(len(times))}, times)


def clients_in_use(environment: str, file: Path, digest: str, clients: Clients) -> InUse:
    """Who may ask for tokens; its parts are the clients' names, each with the digest of its credentials."""
    found = {name: hashlib.sha256(one.model_dump_json().encode()).hexdigest()[:16] for name, one in clients.clients.items()}
    return InUse(CLIENTS, environment, "", digest, {"fichier": str(file), "nombre": str(len(found))}, found)


def external_in_use(environment: str, source: str, keys: PublicKeys | None) -> InUse:
    """The keys of another authorization server; not known yet before the first fetch."""
    if keys is None:
        return InUse("cles_externes", environment, source, UNKNOWN)
    told = "\n".join(f"{kid} {thumbprint}" for kid, thumbprint in keys.generation).encode()
    return InUse("cles_externes", environment, source, f"sha256:{hashlib.sha256(told).hexdigest()}",
                 {"nombre": str(len(keys.generation))}, dict(keys.generation))
