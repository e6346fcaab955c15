"""The written notice that goes with a suspension (clauses 12-a, 12-b, 3.4.2-d): for whom, and in what words."""

from collections.abc import Iterable
from datetime import datetime
from ipaddress import ip_network
from typing import Any
from zoneinfo import ZoneInfo

from gateway_addons.core.contract.model import Contract
from gateway_addons.core.facts import rfc3339
from gateway_addons.core.switch.order import Order, Target

PARIS = ZoneInfo("Europe/Paris")
_ROLES = ("responsable_technique", "rssi", "demandeur")
_MOTIFS = {"securite": "sécurité", "maintenance": "maintenance", "autre": "autre motif"}
_TARGETS = {"convention": "votre convention", "certificate": "un certificat de votre convention",
            "ip": "des adresses IP de votre convention", "client": "un client OAuth2 de votre convention",
            "flux": "un flux de l'API", "all": "toute l'API"}


def affected(target: Target, names: tuple[str, str] | None, contracts: Iterable[Contract]) -> list[Contract]:
    """The active contracts that the switch touches; `names` are issuer and subject of a certificate that was given whole."""
    return [contract for contract in contracts
            if contract.convention.etat in {"active", "en_preavis"}
            and target.environment in {None, contract.environment} and _touches(target, names, contract)]


def _touches(target: Target, names: tuple[str, str] | None, contract: Contract) -> bool:
    value, access = target.value, contract.acces
    match target.kind:
        case "all":
            return True
        case "convention":
            return contract.convention.id == value
        case "certificate":
            return any(value == c.empreinte_sha256 or names == (c.emetteur, c.sujet) for c in access.certificats)
        case "ip":
            return any(_overlap(value or "", network) for network in access.adresses_ip)
        case "client":
            return any(client.client_id == value for client in access.clients_oauth2)
        case "flux":
            return any(right.flux == value for right in contract.droits)


def _overlap(one: str, other: str) -> bool:
    a, b = ip_network(one), ip_network(other)
    return a.version == b.version and a.overlaps(b)


def notice(switch_id: str, order: Order, contract: Contract) -> dict[str, Any]:
    """The notice to one convention's contacts, ready to be sent."""
    contacts = [(role, getattr(contract.contacts, role)) for role in _ROLES]
    return _head(switch_id, order) | {
        "convention": contract.convention.id, "environnement": contract.environment, "organisme": contract.organisme.nom,
        "destinataires": [{"role": role, "courriel": c.courriel} for role, c in contacts if c is not None],
        "objet": _subject(order, contract), "texte": _text(switch_id, order, contract),
    }


def unreadable_notice(switch_id: str, order: Order, file: str) -> dict[str, Any]:
    """Stands for a contract whose file cannot be read: somebody must find out whom to tell."""
    return _head(switch_id, order) | {"convention": None, "fichier": file, "destinataires": [], "objet": None, "texte": None}


def _head(switch_id: str, order: Order) -> dict[str, Any]:
    return {
        "interrupteur": switch_id, "nature": "coupure" if order.kind == "cut" else "restriction", "categorie": order.motif,
        "cree_le": rfc3339(order.at), "jusqua": None if order.until is None else rfc3339(order.until),
        "envoye_le": None, "message_id": None,
    }


def _subject(order: Order, contract: Contract) -> str:
    what = "suspendu" if order.kind == "cut" else "restreint"
    return f"API {contract.convention.api} : accès {what} (convention {contract.convention.id})"


def _text(switch_id: str, order: Order, contract: Contract) -> str:
    what = "est suspendu" if order.kind == "cut" else "est restreint"
    lines = [
        "Bonjour,", "",
        f"Depuis le {_moment(order.at)}, votre accès à l'API {contract.convention.api} {what}.",
        f"Environnement : {contract.convention.environnement}.",
        f"Périmètre : {_TARGETS[order.target.kind]}.", f"Motif : {_MOTIFS[order.motif]} (article 12 des conditions générales)."]
    if order.kind == "restrict":
        lines.append(f"Reste ouvert : {_left(order)}.")
    end = f"Fin prévue : {_moment(order.until)}." if order.until else "Fin : à la levée de la mesure, dont vous serez informé."
    lines += [end, f"Référence : {switch_id}.", "", "Merci de répondre par écrit à ce message pour toute question.", ""]
    return "\n".join(lines)


def _left(order: Order) -> str:
    told = []
    if order.limit is not None:
        told.append(f"{order.limit} appels par minute")
    if order.operations is not None:
        told.append(f"opérations {', '.join(order.operations) or 'aucune'}")
    if order.flux is not None:
        told.append(f"flux {', '.join(order.flux) or 'aucun'}")
    return " ; ".join(told)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(PARIS):%d/%m/%Y à %H:%M} (heure de Paris)"
