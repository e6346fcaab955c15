"""The notice that means of access were given: to the contract's technical contact (clause 4-f), one file each.

The gateway sends no mail by itself; what is to be told is written here, and whoever sends it takes the file. No secret is in it.
"""

import json
from datetime import datetime
from pathlib import Path

from gateway_addons.adapters.identity.ring_files import write_private
from gateway_addons.core.contract.model import Contract
from gateway_addons.core.facts import rfc3339

_TEXT = (
    "Un moyen d'accès à l'API a été {what} pour le client {client} de la convention {contract} ({environment}). "
    "S'il s'agit d'un secret, il vous est remis séparément et n'est montré qu'une fois. "
    "Si vous n'attendiez pas cette opération, prévenez sans délai le support du producteur de l'API."
)


def write_notice(folder: Path, contract: Contract, client_id: str, what: str, now: datetime) -> Path:
    """Write the notice (mode 0600); `what` is French: émis, renouvelé, révoqué. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    contact, environment = contract.contacts.responsable_technique, contract.environment
    text = _TEXT.format(what=what, client=client_id, contract=contract.convention.id, environment=environment)
    notice = {
        "clause": "4-f", "horodatage": rfc3339(now), "environnement": environment, "convention": contract.convention.id,
        "client_id": client_id, "destinataire": contact.courriel, "objet": f"Moyen d'accès {what} : {client_id}", "texte": text,
    }
    file = folder / f"{now:%Y%m%dT%H%M%S%f}-{client_id}.json"
    write_private(file, json.dumps(notice, ensure_ascii=False, indent=1).encode())
    return file
