"""What can be fuzzed without a socket, a thousand times as fast: the readers of heads, JSON, tokens and certificates."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import orjson
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway_addons.adapters.trust.trust_files import TrustFiles
from gateway_addons.core.errors import Refusal
from gateway_addons.core.evidence.certificate import PresentedCertificate, certificate_facts
from gateway_addons.core.path import Link, PathRefused
from gateway_addons.core.request_head import read_head
from gateway_addons.core.strict_json import Unreadable, read_value
from gateway_addons.replay.reading import read_requests
from gateway_addons.settings.listener import ClientTrust
from tests.fuzz.mutation import mutate
from tests.identity.forge import NOW, Mint, good_claims
from tests.identity.test_access_tokens import BENT_CLAIMS, BENT_HEADERS, FORGED, SPELLINGS
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

    def forged(self, chance: Random) -> bool:
        """A token out of a grammar of attacks, one to four of them together, well signed but for what is bent: never believed."""
        if chance.random() < 0.25:
            token = chance.choice(FORGED)[1](self._mint)
        else:
            header, claims = dict(self._mint.header), good_claims()
            for document, rows, at_most in ((header, BENT_HEADERS, 2), (claims, BENT_CLAIMS, 2)):
                for row in chance.sample(rows, chance.randint(0, at_most)):
                    document.update({name: value for name, value in row[1].items() if value is not ...})
                    for name in [n for n, value in row[1].items() if value is ...]:
                        document.pop(name, None)
            token = self._mint.sign(header, claims)
            if (header, claims) == (self._mint.header, good_claims()) or chance.random() < 0.2:
                token = chance.choice(_SPELLINGS)[1](token)
        facts = self._mint.verifier.verify(token, NOW)
        if facts.verified or facts.failure == "fault":
            raise Differs(token.encode("utf-8", "surrogatepass")[:5000])
        return True


_SPELLINGS = [row for row in SPELLINGS if row[0] != "ten million dots"]  # a second each, and in the unit tests


class Certificates:
    """A good certificate, bent byte by byte: control C1 gives facts of any bytes, and none without a path is verified."""

    def __init__(self, folder: Path) -> None:
        top = pki.root("Racine")
        self._authority, self._twin = top.sub_authority("AC"), pki.root("Racine").sub_authority("AC")
        folder.mkdir(parents=True, exist_ok=True)
        top.me.write(folder, "anchors", self._authority.me)
        for name, authority in (("root", top), ("ca", self._authority)):
            (folder / f"{name}.crl").write_bytes(authority.crl())
        self._trust = TrustFiles(ClientTrust(anchors_file=folder / "anchors.pem", crl_files=(folder / "root.crl", folder / "ca.crl")))
        good = self._authority.issue("bon", unit="0002 13099990700012")
        self._der = good.der
        self._trust.validate(good.der, [self._authority.me.der], pki.NOW)  # the forged ones differ from one that is taken

    def one(self, chance: Random) -> bool:
        """True when facts came out."""
        bent = mutate(self._der, self._der, chance)
        facts = certificate_facts(PresentedCertificate(bent, None), _KnowsNothing(), datetime.now(UTC))
        if facts.verified:
            raise Differs(bent)
        return facts.presented


    def forged(self, chance: Random) -> bool:
        """A certificate out of a grammar, well formed, with one to three things that must each be refused; True as the good one is taken."""
        signer, bends, moment = self._authority, dict[str, Any](), pki.NOW
        for bend in chance.sample(_BENDS, chance.randint(0, 3)):
            bends |= bend
        bends |= {name: value for name, value in (("unit", chance.choice((None, "0002 13099990700012", "x" * chance.randint(1, 60)))),) if value}
        harmful = bool(set(bends) - {"unit"})
        if chance.random() < 0.3:
            signer, harmful = self._twin, True
        if chance.random() < 0.2:
            moment, harmful = pki.NOW + chance.choice((-1, 1)) * 400 * pki.DAY, True
        leaf = signer.issue(chance.choice(("bon", "a", "\u00e9", "x" * 60)), **bends)
        sent = [a.me.der for a in chance.sample((self._authority, self._twin), chance.randint(0, 2))]
        try:
            self._trust.validate(leaf.der, sent, moment)
        except PathRefused:
            if not harmful:
                raise Differs(leaf.der) from None
            return False
        if harmful:
            raise Differs(leaf.der)
        return True


_BENDS: list[dict[str, Any]] = [
    {"usages": (ExtendedKeyUsageOID.SERVER_AUTH,)}, {"usages": (ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.TIME_STAMPING)}, {"digital_signature": False},
    {"begin": pki.NOW + pki.DAY, "end": pki.NOW + 2 * pki.DAY}, {"begin": pki.NOW - 9 * pki.DAY, "end": pki.NOW - pki.DAY},
]


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
