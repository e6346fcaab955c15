"""OCSP: whose word is believed, of which certificate, and for how long (RFC 6960); a real responder over HTTP."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from gateway_addons.adapters.trust.trust_files import TrustFiles
from gateway_addons.core.ocsp import OcspRefused, ask, read_answer
from gateway_addons.core.path import PathRefused, links_of
from gateway_addons.settings.listener import ClientTrust
from gateway_addons.settings.trust import OcspAuthority
from tests.support.chains import LEAF, ROOT, Made, Profile, chain, crl, name, usage
from tests.support.pki import DAY, NOW

GOOD = chain()
CA, LINK = GOOD.authorities[0], links_of((GOOD.leaf.certificate, GOOD.authorities[0].certificate, GOOD.root.certificate))[0]
AGE = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SIGNING = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False)
NO_CHECK = (x509.OCSPNoCheck(), False)
APPOINTED = Profile(name("repondeur"), number=31, extensions=(SIGNING, NO_CHECK, (usage("digital_signature"), True)))


def answer(
    *, status: Any = ocsp.OCSPCertStatus.GOOD, of: Made = GOOD.leaf, issuer: Made = CA, signer: Made = CA, shows: tuple[Made, ...] = (),
    begin: Any = NOW - MINUTE, end: Any = NOW + 10 * MINUTE, nonce: bytes | None = None, digest: Any = None, algorithm: Any = None,
) -> bytes:
    revoked = begin if status is ocsp.OCSPCertStatus.REVOKED else None
    builder = ocsp.OCSPResponseBuilder().add_response(
        of.certificate, issuer.certificate, algorithm or hashes.SHA1(), status, begin, end, revoked, None)
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
    if shows:
        builder = builder.certificates([s.certificate for s in shows])
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.sign(signer.key, digest or hashes.SHA256()).public_bytes(Encoding.DER)


def appointed(**bend: Any) -> Made:
    return APPOINTED.bent(**bend).signed_by(CA)


NONCE = b"n" * 32
BELIEVED: dict[str, tuple[bytes, bool, bytes | None]] = {
    "good, by the issuer": (answer(), False, None),
    "revoked, by the issuer": (answer(status=ocsp.OCSPCertStatus.REVOKED), True, None),
    "by a responder that the issuer appointed": (answer(signer=(r := appointed()), shows=(r,)), False, None),
    "with SHA-256 as hash of the issuer": (answer(algorithm=hashes.SHA256()), False, None),
    "without nextUpdate": (answer(end=None), False, None),
    "with the nonce": (answer(nonce=NONCE), False, NONCE),
}


@pytest.mark.parametrize("row", list(BELIEVED))
def test_believed(row: str) -> None:
    raw, revoked, nonce = BELIEVED[row]
    told = read_answer(raw, LINK, nonce, NOW, AGE)
    assert told.revoked is revoked
    assert NOW < told.until <= NOW - MINUTE + AGE


STRANGER = ROOT.bent(number=32).signed_by(None)
REFUSED: dict[str, tuple[bytes, bytes | None]] = {
    "of another certificate": (answer(of=LEAF.bent(number=33).signed_by(CA)), None),
    "of the same serial number by another authority": (answer(issuer=GOOD.root), None),
    "signed by a stranger": (answer(signer=STRANGER), None),
    "signed by a stranger who shows himself": (answer(signer=STRANGER, shows=(STRANGER,)), None),
    "signed by another client of the authority": (answer(signer=GOOD.leaf, shows=(GOOD.leaf,)), None),
    "responder without OCSPSigning": (answer(signer=(r := appointed(extensions=(NO_CHECK,))), shows=(r,)), None),
    "responder that may itself be revoked": (answer(signer=(r := appointed(extensions=(SIGNING,))), shows=(r,)), None),
    "responder expired": (answer(signer=(r := appointed(end=NOW - timedelta(seconds=1))), shows=(r,)), None),
    "responder of the authority above": (answer(signer=(r := APPOINTED.signed_by(GOOD.root)), shows=(r,)), None),
    "unknown": (answer(status=ocsp.OCSPCertStatus.UNKNOWN), None),
    "outdated": (answer(begin=NOW - 3 * MINUTE, end=NOW - MINUTE), None),
    "not valid yet": (answer(begin=NOW + 5 * MINUTE), None),
    "too old though it says more": (answer(begin=NOW - 2 * DAY, end=NOW + DAY), None),
    "no nonce": (answer(), NONCE), "another nonce": (answer(nonce=b"m" * 32), NONCE),
    "try later": (ocsp.OCSPResponseBuilder.build_unsuccessful(
        ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(Encoding.DER), None),
    "garbage": (b"garbage", None), "cut short": (answer()[:-5], None),
}


@pytest.mark.parametrize("row", list(REFUSED))
def test_refused(row: str) -> None:
    raw, nonce = REFUSED[row]
    with pytest.raises(OcspRefused):
        read_answer(raw, LINK, nonce, NOW, AGE)


GOOD_ANSWER = answer()


@given(st.data())
def test_bent_responses_are_refused(data: st.DataObject) -> None:
    raw = bytearray(GOOD_ANSWER)
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    try:
        told = read_answer(bytes(raw), LINK, None, NOW, AGE)
    except OcspRefused:
        return
    assert told.revoked is False


def test_the_question_names_the_certificate() -> None:
    asked = ocsp.load_der_ocsp_request(ask(LINK, NONCE))
    assert asked.serial_number == GOOD.leaf.certificate.serial_number
    assert asked.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == NONCE


# --- a responder over HTTP, and the trust of an environment that asks it ---


@dataclass
class Responder:
    url: str = ""
    asked: int = 0
    revoked: set[int] = field(default_factory=set)
    broken: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.broken == "status":
            return web.Response(status=500)
        if self.broken == "garbage":
            return web.Response(body=b"garbage")
        if self.broken == "huge":
            return web.Response(body=bytes(200_000))
        if self.broken == "elsewhere":
            raise web.HTTPFound(self.url)
        asked = ocsp.load_der_ocsp_request(await request.read())
        nonce = [e.value.nonce for e in asked.extensions if isinstance(e.value, x509.OCSPNonce)]
        status = ocsp.OCSPCertStatus.REVOKED if asked.serial_number in self.revoked else ocsp.OCSPCertStatus.GOOD
        return web.Response(body=answer(status=status, nonce=nonce[0] if nonce else None))


@asynccontextmanager
async def responder() -> AsyncIterator[Responder]:
    one = Responder()
    app = web.Application()
    app.router.add_post("/", one.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield one
    finally:
        await runner.cleanup()


def environment(folder: Path, one: Responder, **bend: Any) -> TrustFiles:
    (folder / "anchors.pem").write_bytes(GOOD.root.pem + CA.pem)
    (folder / "ca.pem").write_bytes(CA.pem)
    (folder / "root.crl").write_bytes(crl(GOOD.root))
    own: dict[str, Any] = {"authority_file": folder / "ca.pem", "url": one.url, "nonce": True} | bend
    return TrustFiles(ClientTrust(anchors_file=folder / "anchors.pem", crl_files=(folder / "root.crl",), ocsp=(OcspAuthority(**own),)))


async def test_asked_once_then_remembered(tmp_path: Path) -> None:
    async with responder() as one:
        trust = environment(tmp_path, one)
        links = trust.validate(GOOD.leaf.der, GOOD.intermediates, NOW).links
        assert [trust.status(link, NOW) for link in links] == ["unknown", "good"]
        for _ in range(3):
            await trust.prepare(links, NOW)
        assert [trust.status(link, NOW) for link in links] == ["good", "good"]
        assert one.asked == 1


async def test_revoked_is_told_and_refuses_the_next_handshake(tmp_path: Path) -> None:
    async with responder() as one:
        one.revoked.add(GOOD.leaf.certificate.serial_number)
        trust = environment(tmp_path, one)
        links = trust.validate(GOOD.leaf.der, GOOD.intermediates, NOW).links
        await trust.prepare(links, NOW)
        assert trust.status(links[0], NOW) == "revoked"
        with pytest.raises(PathRefused) as refused:
            trust.validate(GOOD.leaf.der, GOOD.intermediates, NOW)
        assert refused.value.failure == "revoked"


@pytest.mark.parametrize("broken", ["status", "garbage", "huge", "elsewhere", "gone"])
async def test_a_responder_that_fails_leaves_it_unknown(tmp_path: Path, broken: str) -> None:
    async with responder() as one:
        one.broken = broken
        trust = environment(tmp_path, one, **({"url": "http://127.0.0.1:9/"} if broken == "gone" else {}))
        links = trust.validate(GOOD.leaf.der, GOOD.intermediates, NOW).links
        await trust.prepare(links, NOW)
        assert trust.status(links[0], NOW) == "unknown"
        before = one.asked
        await trust.prepare(links, NOW)
        assert one.asked == before  # left alone for a while
        one.broken = ""
        if broken != "gone":
            await trust.prepare(links, NOW + MINUTE)
            assert trust.status(links[0], NOW + MINUTE) == "good"


async def test_an_answer_counts_only_until_its_end(tmp_path: Path) -> None:
    async with responder() as one:
        trust = environment(tmp_path, one)
        links = trust.validate(GOOD.leaf.der, GOOD.intermediates, NOW).links
        await trust.prepare(links, NOW)
        assert trust.status(links[0], NOW + 9 * MINUTE) == "good"
        assert trust.status(links[0], NOW + 11 * MINUTE) == "unknown"


async def test_the_responder_that_the_certificate_names(tmp_path: Path) -> None:
    for number, (scheme, state) in zip(itertools.count(), (("http", "good"), ("ldap", "unknown")), strict=False):
        async with responder() as one:
            access = x509.AuthorityInformationAccess([x509.AccessDescription(
                AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(one.url.replace("http", scheme, 1)))])
            leaf = LEAF.bent(serial=GOOD.leaf.certificate.serial_number, extensions=((access, False),)).signed_by(CA)
            (folder := tmp_path / str(number)).mkdir()
            trust = environment(folder, one, url=None)
            links = trust.validate(leaf.der, GOOD.intermediates, NOW).links
            await trust.prepare(links, NOW)
            assert trust.status(links[0], NOW) == state


def test_an_authority_needs_a_list_or_a_responder(tmp_path: Path) -> None:
    one = Responder(url="http://127.0.0.1:9/")
    environment(tmp_path, one)
    with pytest.raises(ValueError, match="no revocation list of"):
        TrustFiles(ClientTrust(anchors_file=tmp_path / "anchors.pem", crl_files=(tmp_path / "root.crl",)))


