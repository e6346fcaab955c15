"""What can be fuzzed without a socket, a thousand times as fast: the readers of heads, JSON, tokens and certificates."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import orjson

from gateway_addons.core.errors import Refusal
from gateway_addons.core.evidence.certificate import PresentedCertificate, certificate_facts
from gateway_addons.core.path import Link
from gateway_addons.core.request_head import read_head
from gateway_addons.core.strict_json import Unreadable, read_value
from gateway_addons.replay.reading import read_requests
from tests.fuzz.mutation import mutate
from tests.identity.forge import NOW, Mint
from tests.support import pki


class Differs(AssertionError):
    """An invariant does not hold; the argument is the input."""


def one_head(raw: bytes) -> bool:
    """A head that the gate takes is read by h11 in the same way. True when it was taken."""
    end = raw.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = raw[: end + 4]
    try:
        read = read_head(head, max_bytes=16384, max_headers=64)
    except Refusal:
        return False
    without_body = head.replace(b"\r\n\r\n", b"\r\n\r\n0\r\n\r\n") if read.chunked else head + b"x" * min(read.content_length or 0, 100_000)
    if (read.content_length or 0) > 100_000:
        return True
    requests, whole = read_requests(without_body)
    if not whole or len(requests) != 1:
        raise Differs(head)
    other = requests[0]
    same = other.method == read.method.encode() and other.target == read.target.encode()
    if not same or [_as_h11_tells(n.lower(), v) for n, v in read.headers] != list(other.headers):
        raise Differs(head)
    return True


def _as_h11_tells(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    return name, value.lower() if name == b"transfer-encoding" else value


def one_text(text: bytes) -> bool:
    """JSON that the gate takes, two other readers take, and they read the same. True when it was taken."""
    try:
        value = read_value(text)
    except Unreadable:
        return False
    if not _same(value, json.loads(text)) or not _same(value, orjson.loads(text)):
        raise Differs(text)
    return True


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return type(one) is type(other) and bool(one == other)


class Tokens:
    """A real verifier, and a token that it takes."""

    def __init__(self, folder: Path) -> None:
        self._mint = Mint(folder)
        self._good = self._mint.sign()
        if not self._mint.verifier.verify(self._good, NOW).verified:
            raise Differs(self._good.encode())

    def one(self, chance: Random) -> bool:
        """A token that is not the good one, byte for byte, is never believed, and ends in no fault. True when it differs."""
        bent = mutate(self._good.encode(), self._good.encode(), chance).decode("latin-1")
        facts = self._mint.verifier.verify(bent, NOW)
        if facts.failure == "fault" or (facts.verified and bent != self._good):
            raise Differs(bent.encode("latin-1"))
        return bent != self._good


class Certificates:
    """A good certificate, bent byte by byte: control C1 gives facts of any bytes, and none without a path is verified."""

    def __init__(self) -> None:
        self._der = pki.root("Racine").sub_authority("AC").issue("bon", unit="0002 13099990700012").der

    def one(self, chance: Random) -> bool:
        """True when facts came out."""
        bent = mutate(self._der, self._der, chance)
        facts = certificate_facts(PresentedCertificate(bent, None), _KnowsNothing(), datetime.now(UTC))
        if facts.verified:
            raise Differs(bent)
        return facts.presented


class _KnowsNothing:
    """No list tells of anything; a whole port."""

    async def prepare(self, links: Sequence[Link], now: datetime) -> None:
        """Nothing is asked."""

    def status(self, link: Link, now: datetime) -> str:
        return "unknown"


def saved(folder: Path, kind: str, data: bytes, number: int) -> Path:
    """Keep an input for which an invariant did not hold."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{kind}-{number}.bin"
    file.write_bytes(data)
    return file
