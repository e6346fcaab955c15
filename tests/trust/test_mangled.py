"""Certificates and lists of a public corpus, bent and cut: a clear refusal, no other exception, and no stall."""

import base64
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from importlib.resources import files

import pytest
from cryptography import x509

from gateway_addons.adapters.trust.path_validation import verify_client_chain
from gateway_addons.core.path import PathRefused, PathRules
from gateway_addons.core.revocation_list import read_list
from gateway_addons.core.trust import TrustError, TrustMaterial, read_trust
from tests.support.chains import chain, der
from tests.support.pki import NOW
from tests.trust.pkits import JUDGED_AT, Case, anchor, cases

STALL_S = 5
"""CPU seconds: a thousand times what is needed, and less than what a quadratic reader takes."""
ODD_BYTES = (0x00, 0x01, 0x30, 0x31, 0x7F, 0x80, 0xFF)


def bent(raw: bytes, chance: random.Random) -> bytes:
    """Cut, with a piece taken out or put in, or with one to three bytes changed; never what it was."""
    place = chance.randrange(len(raw) - 1)
    kind = chance.randrange(8)
    if kind == 0:
        return raw[:place]
    if kind == 1:
        return raw[:place] + raw[place + chance.randrange(1, 20):]
    if kind == 2:
        return raw[:place] + chance.randbytes(chance.randrange(1, 9)) + raw[place:]
    changed = bytearray(raw)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(raw))
        changed[at] = chance.choice([b for b in (*ODD_BYTES, changed[at] ^ 1) if b != changed[at]])
    return bytes(changed) if bytes(changed) != raw else raw[:-1]


@lru_cache
def authorities() -> tuple[x509.Certificate, ...]:
    """Every authority of the corpus whose key can be read."""
    found = []
    for raw in {anchor(), *(raw for case in cases().values() for raw in case.others)}:
        try:
            found.append(x509.load_der_x509_certificate(raw))
        except ValueError:  # a DSA key without parameters
            continue
    return tuple(found)


@pytest.mark.parametrize("seed", range(8))
def test_a_bent_list_is_a_trust_error(seed: int) -> None:
    chance = random.Random(seed)
    every = dict(one for case in cases().values() for one in case.lists)
    for name, raw in every.items():
        damaged = bent(raw, chance)
        try:
            read = read_list(name, damaged, authorities(), number_required=False)
        except TrustError:
            continue
        # what nobody signs may change: the count of bits that the signature leaves unused
        assert read.crl.tbs_certlist_bytes == x509.load_der_x509_crl(raw).tbs_certlist_bytes


def _readable() -> Iterator[tuple[Case, TrustMaterial]]:
    for case in cases().values():
        try:
            yield case, case.trust(frozenset(), revocation="unchecked")
        except TrustError:  # a DSA key without parameters
            continue


@pytest.mark.parametrize("seed", range(6))
def test_a_bent_certificate_is_refused_and_nothing_else(seed: int) -> None:
    chance = random.Random(seed)
    for case, trust in _readable():
        sent = [case.leaf, *case.others]
        which = chance.randrange(len(sent))
        sent[which] = bent(sent[which], chance)
        try:
            path = verify_client_chain(sent[0], sent[1:], trust, JUDGED_AT)
        except PathRefused:
            continue
        # the material knows the authorities too: only the leaf's own bytes count
        assert which > 0
        assert path.leaf == x509.load_der_x509_certificate(case.leaf)


@pytest.mark.parametrize("seed", range(2))
def test_bent_authorities_are_a_trust_error_or_are_read(seed: int) -> None:
    chance = random.Random(seed)
    for case in cases().values():
        body = base64.encodebytes(bent(case.leaf, chance))
        try:
            read_trust(b"-----BEGIN CERTIFICATE-----\n" + body + b"-----END CERTIFICATE-----\n", (), revocation="unchecked")
        except TrustError:
            continue


def _nested(depth: int) -> bytes:
    inner = b""
    for _ in range(depth):
        inner = der(0x30, inner)
    return inner


@pytest.mark.parametrize("folder", ["x509", "x509/custom", "x509/ed25519", "x509/ed448", "x509/ocsp", "x509/requests"])
def test_any_file_of_the_corpus_is_read_or_refused(folder: str) -> None:
    """Odd certificates, lists, requests and answers of the library's own tests, each given as everything."""
    read = 0
    for file in (files("cryptography_vectors").joinpath(folder)).iterdir():
        if not file.is_file():
            continue
        raw, read = file.read_bytes(), read + 1
        with suppress(TrustError):
            read_list(file.name, raw, authorities(), number_required=False)
        with suppress(TrustError):
            read_trust(raw, (), revocation="unchecked", self_signed_pem=raw)
        body = b"".join(line for line in raw.splitlines() if b":" not in line and not line.startswith(b"-"))
        for der_bytes in (raw, base64.b64decode(body, validate=False) if raw.startswith(b"-----") else raw[::-1]):
            with pytest.raises(PathRefused):
                verify_client_chain(der_bytes, [der_bytes], GOOD.trust(), NOW)
    assert read > 0


GOOD = chain()
HOSTILE = {
    "nested 5,000 deep": _nested(5_000),
    "indefinite lengths": b"\x30\x80" * 15_000,
    "a length of 2^64": b"\x30\x88" + b"\xff" * 8 + bytes(100),
    "a serial number of 30 kB": der(0x30, der(0x30, bytes.fromhex("a003020102") + der(0x02, b"\x7f" * 30_000))),
    "an OBJECT IDENTIFIER of 30 kB": der(0x30, der(0x30, bytes.fromhex("a003020102020101") + der(0x30, der(0x06, b"\xff" * 30_000 + b"\x7f")))),
    "ten thousand empty sequences": der(0x30, b"\x30\x00" * 10_000),
    "a leaf followed by 30 kB": GOOD.leaf.der + bytes(30_000),
    "PEM instead of DER": GOOD.leaf.pem,
    "a list instead of a certificate": next(iter(cases().values())).lists[0][1],
}


@pytest.mark.parametrize("shape", list(HOSTILE))
def test_hostile_shapes_do_not_stall(shape: str) -> None:
    rules = PathRules(max_bytes=1 << 20)
    trust = read_trust(GOOD.root.pem, (), revocation="unchecked", rules=rules)
    begin = time.process_time()
    with pytest.raises(PathRefused):
        verify_client_chain(HOSTILE[shape], GOOD.intermediates, trust, NOW)
    with pytest.raises(PathRefused):
        verify_client_chain(GOOD.leaf.der, [HOSTILE[shape]], trust, NOW)
    if shape != "a list instead of a certificate":
        with pytest.raises(TrustError):
            read_list(shape, HOSTILE[shape], [GOOD.root.certificate], number_required=False)
    assert time.process_time() - begin < STALL_S
