"""Masking of personal data in what leaves: networks instead of addresses, pseudonyms instead of names.

A pseudonym is a keyed hash; the key is made for one export and thrown away, so that the same person is the same pseudonym
within it, and nobody can be found from it (clauses 6.3, 6.4).
"""

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Mapping
from typing import Any

NAMED = frozenset({"nom", "utilisateur", "uid", "sudo", "machine", "par", "ouvert_par", "clos_par", "client_id"})
"""Members that name a person, or whoever acts for one."""

ADDRESSES = frozenset({"ip", "peer", "source"})

PARTS = frozenset({"ajouts", "retraits", "modifications"})
"""Members of an event that name what came, went and changed."""

_ADDRESS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?|[0-9a-fA-F]{0,4}(:[0-9a-fA-F.]{0,15}){2,8}(/[0-9]{1,3})?")
"""What looks like an address or a network, whatever the member's name."""

LEFT_OUT = frozenset({"entree"})
"""The question that policy was asked: all of the call's facts again, under other names."""


class Mask:
    """Masks the records of one export."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def record(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The record, masked at every depth."""
        told = {name: self._value(name, value) for name, value in fields.items() if name not in LEFT_OUT}
        about = told.get("sujet")
        if isinstance(about, dict):
            told["sujet"] = self._named_clients(str(fields.get("evenement") or ""), about)
        return told

    def _named_clients(self, event: str, about: dict[str, Any]) -> dict[str, Any]:
        """Clients that a switch is on, or that came and went in the file of clients."""
        if event.startswith("clients_oauth2."):
            return {name: ", ".join(map(self.pseudonym, value.split(", "))) if name in PARTS else value
                    for name, value in about.items()}
        if about.get("cible") == "client" and isinstance(about.get("valeur"), str):
            return about | {"valeur": self.pseudonym(about["valeur"])}
        return about

    def _value(self, name: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self.record(value)
        if isinstance(value, list | tuple):
            return [self._value(name, item) for item in value]
        if value is None or not isinstance(value, str):
            return value
        if name in ADDRESSES or _ADDRESS.fullmatch(value):
            return network_of(value)
        return self.pseudonym(value) if name in NAMED else value

    def pseudonym(self, value: str) -> str:
        """`pseudo:` and sixteen hexadecimal digits."""
        return f"pseudo:{hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()[:16]}"


def network_of(address: str) -> str:
    """The /24 or /48 of an address or a network; what is neither is told as nothing."""
    try:
        parsed = ipaddress.ip_network(address, strict=False)
    except ValueError:
        return "masqué"
    kept = 24 if parsed.version == 4 else 48
    return str(parsed if parsed.prefixlen <= kept else parsed.supernet(new_prefix=kept))
