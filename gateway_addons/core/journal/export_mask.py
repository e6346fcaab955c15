"""Masking of personal data in what leaves: networks instead of addresses, pseudonyms instead of names.

A pseudonym is a keyed hash; the key is made for one export and thrown away, so that the same person is the same pseudonym
within it, and nobody can be found from it (clauses 6.3, 6.4).
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from typing import Any

NAMED = frozenset({"nom", "utilisateur", "uid", "sudo", "machine", "par", "ouvert_par", "clos_par", "client_id"})
"""Members that name a person, or whoever acts for one."""

ADDRESSES = frozenset({"ip", "peer", "source"})

LEFT_OUT = frozenset({"entree"})
"""The question that policy was asked: all of the call's facts again, under other names."""


class Mask:
    """Masks the records of one export."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def record(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The record, masked at every depth."""
        return {name: self._value(name, value) for name, value in fields.items() if name not in LEFT_OUT}

    def _value(self, name: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self.record(value)
        if isinstance(value, list | tuple):
            return [self._value(name, item) for item in value]
        if value is None or not isinstance(value, str):
            return value
        if name in ADDRESSES:
            return network_of(value)
        return self.pseudonym(value) if name in NAMED else value

    def pseudonym(self, value: str) -> str:
        """`pseudo:` and sixteen hexadecimal digits."""
        return f"pseudo:{hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()[:16]}"


def network_of(address: str) -> str:
    """The /24 or /48 of an address; what is no address is told as nothing."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "masqué"
    return str(ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))
