"""What the journal tells of persons: as it is, masked, or as a pseudonym under a key (clauses 5.1, 6.8).

A masked value is gone: a network instead of an address, nothing instead of a name. A pseudonym keeps what policy compares,
so that a recorded call can be decided again: equal values stay equal, and addresses of one network stay in one network.
The latter is prefix-preserving (Xu, Fan, Ammar, Moon: Crypto-PAn, 2002): the first n bits of a pseudonym depend on the key
and the first n bits of the address only. Whoever knows some addresses and their pseudonyms learns the common prefixes
of others; destroying the key makes the journal's pseudonyms anonymous, that knowledge aside.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import orjson
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

Mode = Literal["clear", "mask", "pseudonym"]

KEY_BYTES = 32
_CACHED = 4096
_KEPT_BITS = {4: 24, 6: 48}
"""So much of an address is left when it is masked."""

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address
type Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Pseudonyms:
    """Pseudonyms under one key."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key of the pseudonyms has {KEY_BYTES} bytes")
        self._key = key
        self._cipher = Cipher(algorithms.AES(key[16:]), modes.ECB())  # noqa: S305 - one block is one question, Crypto-PAn's way
        self._pad = self._blocks(key[:16])
        self.id = hashlib.sha256(b"poterne pseudonyms" + key).hexdigest()[:8]
        self.address = lru_cache(_CACHED)(self._address)
        self.text = lru_cache(_CACHED)(self._text)

    def _text(self, value: str) -> str:
        """`hmac:` and 128 bits of HMAC-SHA256 (RFC 2104)."""
        return f"hmac:{hmac.digest(self._key, value.encode('utf-8', 'surrogateescape'), 'sha256')[:16].hex()}"

    def _address(self, value: str) -> str:
        """The pseudonym of an address, itself an address; what is no address becomes a text's pseudonym."""
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return self._text(value)
        return str(type(address)(self._permuted(int(address), address.max_prefixlen, address.max_prefixlen)))

    def network(self, value: str) -> str:
        """The network that holds the pseudonyms of exactly the addresses of this network."""
        network: Network = ipaddress.ip_network(value, strict=False)
        bits = network.max_prefixlen
        moved = self._permuted(int(network.network_address), network.prefixlen, bits)
        return f"{type(network.network_address)(moved)}/{network.prefixlen}"

    def _permuted(self, number: int, length: int, bits: int) -> int:
        """The first `length` bits moved, the others zero."""
        if length == 0:
            return 0
        width = 128
        whole, pad = number << (width - bits), int.from_bytes(self._pad, "big")
        ask = bytearray()
        for n in range(length):
            kept = ((1 << n) - 1) << (width - n)
            ask += ((whole & kept) | (pad & ~kept & ((1 << width) - 1))).to_bytes(16, "big")
        answers = self._blocks(bytes(ask))
        flips = 0
        for n in range(length):
            flips |= (answers[16 * n] >> 7) << (width - 1 - n)
        kept = ((1 << length) - 1) << (width - length)
        return ((whole ^ flips) & kept) >> (width - bits)

    def _blocks(self, data: bytes) -> bytes:
        encryptor = self._cipher.encryptor()
        return encryptor.update(data) + encryptor.finalize()


@dataclass(frozen=True, slots=True)
class Masking:
    """How each kind of personal data is told. Applied to a whole record before anything of it is written or logged."""

    ip: Mode = "clear"
    client_id: Mode = "clear"
    subject: Mode = "clear"
    pseudonyms: Pseudonyms | None = None
    _hides: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        chosen = (self.ip, self.client_id, self.subject)
        if "pseudonym" in chosen and self.pseudonyms is None:
            raise ValueError("pseudonyms need a key")
        object.__setattr__(self, "_hides", any(mode != "clear" for mode in chosen))

    @property
    def replayable(self) -> bool:
        """Can what is written be decided again? Not where something is masked."""
        return "mask" not in (self.ip, self.client_id, self.subject)

    def record(self, record: dict[str, Any]) -> dict[str, Any]:
        """The record as it may be written."""
        if not self._hides:
            return record
        told = record | {"ip": self.address(record.get("ip")), "masquage": self.label}
        if isinstance(actor := record.get("acteur"), dict):
            told["acteur"] = actor | {"client_id": self.client(actor.get("client_id"))}
        if isinstance(question := record.get("entree"), dict):
            told["entree"] = self._question(orjson.loads(orjson.dumps(question)))
        return told

    @property
    def label(self) -> dict[str, str] | None:
        """How a record was told: part of it, so that nobody takes a pseudonym for an address. None when nothing is hidden."""
        if not self._hides:
            return None
        modes = {"ip": self.ip, "client_id": self.client_id, "subject": self.subject}
        told = {name: mode for name, mode in modes.items() if mode != "clear"}
        return told | ({"cle": self.pseudonyms.id} if self.pseudonyms is not None else {})

    def network(self, value: str) -> str:
        """A contract's network as records would tell its addresses."""
        return self._keyed().network(value) if self.ip == "pseudonym" else value

    def subject_of(self, value: str) -> str:
        """A certificate's subject as records would tell it."""
        return str(self._name(value, self.subject))

    def address(self, value: Any) -> Any:
        """An address as it may be written."""
        if not isinstance(value, str) or self.ip == "clear":
            return value
        return _masked_address(value) if self.ip == "mask" else self._keyed().address(value)

    def source(self, value: str) -> str:
        """An address, or the network that counts as one, in a text of the log or of a record."""
        told = self._told_network(value) if "/" in value and self.ip != "clear" else self.address(value)
        return str(told or "masque")

    def client(self, value: Any) -> Any:
        """A client's name as it may be written."""
        return self._name(value, self.client_id)

    def _question(self, question: Mapping[str, Any]) -> dict[str, Any]:
        rooms: dict[str, Callable[[str, str], Any]] = {
            "address": lambda _, value: self.address(value) if _is_address(value) else value,
            "identity": lambda name, value: self.client(value) if name == "client_id" else value,
            "client": lambda name, value: self.client(value) if name == "client_id" else value,
            "certificate": lambda name, value: self._name(value, self.subject) if name == "subject" else value,
        }
        told = {room: _changed(value, rooms[room]) if room in rooms else value for room, value in question.items()}
        if isinstance(switches := question.get("switches"), list | tuple):
            told["switches"] = [self._switch(one) for one in switches]
        return told

    def _switch(self, switch: Any) -> Any:
        """A switch on an address or a client names whom it cuts, and is compared with what the record tells of the caller."""
        if not isinstance(switch, Mapping) or not isinstance(value := switch.get("value"), str):
            return switch
        if switch.get("target") == "client":
            return dict(switch) | {"value": self.client(value)}
        if switch.get("target") == "ip" and self.ip != "clear":
            return dict(switch) | {"value": self._told_network(value)}
        return switch

    def _told_network(self, value: str) -> str | None:
        try:
            network = ipaddress.ip_network(value, strict=False)
        except ValueError:
            return None if self.ip == "mask" else self._keyed().text(value)
        if self.ip == "pseudonym":
            return self._keyed().network(value)
        return str(network if network.prefixlen <= _KEPT_BITS[network.version] else network.supernet(
            new_prefix=_KEPT_BITS[network.version]))

    def _name(self, value: Any, mode: Mode) -> Any:
        if not isinstance(value, str) or mode == "clear":
            return value
        return None if mode == "mask" else self._keyed().text(value)

    def _keyed(self) -> Pseudonyms:
        if self.pseudonyms is None:
            raise ValueError("pseudonyms need a key")
        return self.pseudonyms


def _changed(node: Any, change: Callable[[str, str], Any], name: str = "") -> Any:
    if isinstance(node, Mapping):
        return {key: _changed(value, change, key) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_changed(value, change, name) for value in node]
    return change(name, node) if isinstance(node, str) else node


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _masked_address(value: str) -> str | None:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return None
    return str(ipaddress.ip_network(f"{address}/{_KEPT_BITS[address.version]}", strict=False))


NOTHING_MASKED = Masking()
