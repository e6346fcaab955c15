"""One line of the journal, to the byte (docs/journal.md): JSON whose last member is the SHA-256 of all bytes before it.

The canonical form is the bytes themselves. Nothing is parsed and written anew to be checked, so no reader can differ from
the writer about white space, numbers or the order of members: `hash` is over everything before `,"hash":"`. Where a line
is signed, `signature` comes before the hash and is over everything before `,"signature":"`; so the next line's
`hashPrecedent` holds the signature too, and the signature of a last line vouches for the whole chain before it.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

FORMAT = 1
GENESIS = "sha256:" + "0" * 64
"""What the first line of a chain names as the one before it."""

MAX_LINE_BYTES = 1 << 20
"""A longer line is not written, and is not read."""

_HEAD = re.compile(rb'\{"seq":([1-9][0-9]{0,14}),"hashPrecedent":"(sha256:[0-9a-f]{64})","type":"([a-z_]{1,32})",')
_TAIL = re.compile(rb',"hash":"(sha256:[0-9a-f]{64})"\}\n')
_TAIL_BYTES = len(',"hash":"sha256:') + 64 + len('"}\n')
_SIGNATURE = re.compile(rb',"signature":"([A-Za-z0-9+/]{86}==)"')
_SIGNATURE_BYTES = len(',"signature":""') + 88
_OWN_MEMBERS = frozenset({"seq", "hashPrecedent", "hash", "signature"})

Sign = Callable[[bytes], str]
"""Makes the base64 of an Ed25519 signature (RFC 8032)."""


def segment_name(first_seq: int) -> str:
    """The name of the file that begins with this line; names sort as their numbers do."""
    return f"{first_seq:015}.jsonl"


class NotALine(ValueError):
    """These bytes are no line of a journal; the message says what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line whose own hash is right. That says nothing of its place: see `hashPrecedent` of the next."""

    seq: int
    previous: str
    kind: str
    hash: str
    raw: bytes

    def fields(self) -> dict[str, Any]:
        """All members, parsed."""
        loaded: dict[str, Any] = orjson.loads(self.raw)
        return loaded

    def signed(self) -> tuple[bytes, str] | None:
        """The signed bytes and the base64 of the signature; None when the line has none."""
        end = len(self.raw) - _TAIL_BYTES
        found = _SIGNATURE.fullmatch(self.raw, max(0, end - _SIGNATURE_BYTES), end)
        return None if found is None else (self.raw[:found.start()], found[1].decode())


def make_line(seq: int, previous: str, fields: Mapping[str, Any], sign: Sign | None = None) -> tuple[bytes, str]:
    """The bytes of a line and its hash; the first of `fields` is `type`.

    Raises:
        ValueError: a field that only the chain may set, no `type` in front, or a line beyond `MAX_LINE_BYTES`.
    """
    if next(iter(fields), None) != "type" or not _OWN_MEMBERS.isdisjoint(fields):
        raise ValueError("a line's first field is its type, and seq, hashPrecedent, hash and signature are the chain's")
    hashed = b'{"seq":%d,"hashPrecedent":"%s",%s' % (seq, previous.encode(), encode(fields)[1:-1])
    if sign is not None:
        hashed += b',"signature":"' + sign(hashed).encode() + b'"'
    if len(hashed) + _TAIL_BYTES > MAX_LINE_BYTES:
        raise ValueError(f"a line of {len(hashed)} bytes")
    digest = f"sha256:{hashlib.sha256(hashed).hexdigest()}"
    return hashed + b',"hash":"' + digest.encode() + b'"}\n', digest


def read_line(raw: bytes) -> Line:
    """The line in these bytes, its own hash checked.

    Raises:
        NotALine: no line, or its bytes are not those that were hashed.
    """
    if not raw.endswith(b"\n"):
        raise NotALine("the line has no end")
    head = _HEAD.match(raw)
    if head is None:
        raise NotALine("the line does not begin with seq, hashPrecedent and type")
    tail = _TAIL.fullmatch(raw, max(0, len(raw) - _TAIL_BYTES))
    if tail is None or tail.start() < head.end() - 1:
        raise NotALine("the line does not end with its hash")
    digest = tail[1].decode()
    if hashlib.sha256(memoryview(raw)[:tail.start()]).hexdigest() != digest[7:]:
        raise NotALine("the bytes are not those that were hashed")
    return Line(int(head[1]), head[2].decode(), head[3].decode(), digest, raw)


def encode(value: Mapping[str, Any]) -> bytes:
    """JSON on one line. What JSON cannot hold (a lone surrogate, a very large integer) is told in its escaped form."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return orjson.dumps(_tellable(value))


def _tellable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_tellable(str(key)): _tellable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_tellable(item) for item in value]
    if isinstance(value, bool | float) or value is None:
        return value
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 63 else str(value)
    raise TypeError(f"a journal does not hold a {type(value).__name__}")
