"""The handshake: who is let in, who gets an alert, and what a connection may not do (control C1, ANSSI TLS guide)."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway_addons.core.path import Link
from gateway_addons.settings.listener import Limits
from tests.support import pki
from tests.support.rig import Rig, read_answer, request, running_rig

type Identity = tuple[Path, Path] | None


def _issued(rig: Rig, name: str, **bend: object) -> Identity:
    return rig.authority.issue(name, **bend).write(rig.folder, name, rig.authority.me)  # type: ignore[arg-type]


def _revoked(rig: Rig) -> Identity:
    leaf = rig.authority.issue("revoque")
    rig.authority.revoked.append(leaf.certificate.serial_number)
    (rig.folder / "ca.crl").write_bytes(rig.authority.crl())
    assert rig.trust.reload()
    return leaf.write(rig.folder, "revoque", rig.authority.me)


def _self_signed(rig: Rig) -> Identity:
    return pki.root("Autosigne").me.write(rig.folder, "autosigne")


def _unknown(rig: Rig) -> Identity:
    other = pki.root("Autre")
    return other.issue("inconnu").write(rig.folder, "inconnu", other.me)


def _same_name_other_key(rig: Rig) -> Identity:
    twin = pki.root("Racine").sub_authority("AC")
    return twin.issue("jumeau").write(rig.folder, "jumeau", twin.me)


NOW, DAY = pki.NOW, pki.DAY
REFUSED: dict[str, tuple[Callable[[Rig], Identity], str]] = {
    "no certificate": (lambda rig: None, "certificate_required|CERTIFICATE_REQUIRED|certificate required"),
    "expired": (lambda rig: _issued(rig, "expire", begin=NOW - 9 * DAY, end=NOW - DAY), "expired"),
    "not yet valid": (lambda rig: _issued(rig, "futur", begin=NOW + DAY), "bad certificate|expired|bad_certificate"),
    "revoked": (_revoked, "revoked"),
    "self-signed": (_self_signed, "unknown ca"),
    "unknown authority": (_unknown, "unknown ca"),
    "authority of the same name with another key": (_same_name_other_key, "unknown ca|decrypt error|bad certificate"),
    "serverAuth only": (lambda rig: _issued(rig, "serveur", usages=(ExtendedKeyUsageOID.SERVER_AUTH,)),
                        "unsupported certificate|unsupported_certificate"),
    "keyUsage without digitalSignature": (lambda rig: _issued(rig, "usage", digital_signature=False),
                                          "unsupported certificate|unsupported_certificate"),
}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("row", list(REFUSED), ids=str)
async def test_refused_with_a_tls_alert(rig: Rig, row: str, version: ssl.TLSVersion) -> None:
    make, alert = REFUSED[row]
    context = rig.client(make(rig), minimum_version=version, maximum_version=version)
    with pytest.raises(ssl.SSLError) as refused:
        await _exchange(rig, context)
    words = str(refused.value).lower().replace("_", " ")
    if not (row == "no certificate" and version == ssl.TLSVersion.TLSv1_2):
        assert any(a.lower().replace("_", " ") in words for a in alert.split("|")), words
    assert rig.backend.received == []
    assert rig.journal.records == []


async def _exchange(rig: Rig, context: ssl.SSLContext) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, ssl=context, server_hostname="localhost")
    try:
        writer.write(request())
        async with asyncio.timeout(5):
            return await read_answer(reader)
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_good_certificate_is_let_in(rig: Rig, version: ssl.TLSVersion) -> None:
    answer = await _exchange(rig, rig.client(rig.good, minimum_version=version, maximum_version=version))
    assert answer.startswith(b"HTTP/1.1 201 ")
    seen = rig.policy.asked[0].certificate
    assert (seen.verified, seen.revocation, seen.siren, seen.siret) == (True, "good", "130999907", "13099990700012")


async def test_tls_11_is_refused(rig: Rig) -> None:
    context = rig.client(rig.good)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        await _exchange(rig, context)


@pytest.mark.parametrize("suite", ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384"])
async def test_suites_without_forward_secrecy_or_aead_are_refused(rig: Rig, suite: str) -> None:
    context = rig.client(rig.good, maximum_version=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers(f"{suite}:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        await _exchange(rig, context)


async def test_a_session_is_never_resumed(rig: Rig) -> None:
    """A resumed session would skip the verification of the certificate."""
    context = rig.client(rig.good, maximum_version=ssl.TLSVersion.TLSv1_2)
    _, writer = await asyncio.open_connection("127.0.0.1", rig.port, ssl=context, server_hostname="localhost")
    first: ssl.SSLObject = writer.get_extra_info("ssl_object")
    assert first.session is None or not first.session.has_ticket
    assert first.session is None or first.session.id == b""
    writer.transport.abort()


async def test_only_http11_is_spoken(rig: Rig) -> None:
    context = rig.client(rig.good)
    context.set_alpn_protocols(["h2", "http/1.1"])
    _, writer = await asyncio.open_connection("127.0.0.1", rig.port, ssl=context, server_hostname="localhost")
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
    writer.transport.abort()


async def test_http2_alone_gets_an_alert(rig: Rig) -> None:
    context = rig.client(rig.good)
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
        await _exchange(rig, context)
    assert rig.journal.records == []


async def test_a_fault_in_the_validation_lets_nobody_in(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(rig.trust, "validate", explode)
    with pytest.raises(ssl.SSLError):
        await _exchange(rig, rig.client(rig.good))
    assert rig.backend.received == []
    assert rig.journal.records == []


async def test_revoked_while_the_connection_is_open(rig: Rig) -> None:
    leaf = rig.authority.issue("bientot")
    context = rig.client(leaf.write(rig.folder, "bientot", rig.authority.me))
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, ssl=context, server_hostname="localhost")
    writer.write(request())
    assert (await read_answer(reader)).startswith(b"HTTP/1.1 201 ")
    rig.authority.revoked.append(leaf.certificate.serial_number)
    (rig.folder / "ca.crl").write_bytes(rig.authority.crl())
    assert rig.trust.reload()
    writer.write(request())
    async with asyncio.timeout(5):
        assert (await read_answer(reader)).startswith(b"HTTP/1.1 403 ")
    assert [e.certificate.failure for e in rig.policy.asked] == [None, "revoked"]
    writer.transport.abort()


BROKEN_LISTS = {"garbage": b"garbage", "empty": b"", "of another authority": pki.root("Autre").crl()}


@pytest.mark.parametrize("name", list(BROKEN_LISTS))
async def test_a_broken_revocation_list_keeps_the_old_one_and_alerts(rig: Rig, name: str) -> None:
    (rig.folder / "ca.crl").write_bytes(BROKEN_LISTS[name])
    assert rig.trust.reload() is False
    assert rig.trust.alert
    assert (await _exchange(rig, rig.client(rig.good))).startswith(b"HTTP/1.1 201 ")


async def test_an_outdated_revocation_list_refuses(rig: Rig) -> None:
    """Clause 4-C1: fail closed after nextUpdate."""
    (rig.folder / "ca.crl").write_bytes(rig.authority.crl(last_update=NOW - 9 * DAY, next_update=NOW - timedelta(seconds=1)))
    assert rig.trust.reload()
    with pytest.raises(ssl.SSLError):
        await _exchange(rig, rig.client(rig.good))


async def test_refusal_answer_completes_the_handshake_and_answers(tmp_path: Path) -> None:
    """`refusal: answer`, for diagnosis: the failure goes to policy as a fact, and the call is refused."""
    async with running_rig(tmp_path, refusal="answer") as rig:
        for row, (make, _) in REFUSED.items():
            identity = make(rig)
            answer = await _exchange(rig, rig.client(identity))
            assert answer.startswith(b"HTTP/1.1 403 "), row
            assert rig.policy.asked[-1].certificate.verified is False, row
            assert rig.policy.asked[-1].certificate.failure is not None, row
        assert rig.backend.received == []


async def test_an_unfinished_handshake_is_ended(tmp_path: Path) -> None:
    async with running_rig(tmp_path, limits=Limits(handshake_timeout_s=0.5)) as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(b"\x16\x03\x01")
        async with asyncio.timeout(5):
            try:
                rest = await reader.read()
            except ConnectionError:
                rest = b""
        assert rest == b""
        writer.close()


async def test_an_oversized_handshake_is_ended(tmp_path: Path) -> None:
    """A client may not make the gateway verify a mountain of certificates."""
    async with running_rig(tmp_path) as rig:
        leaf = rig.authority.issue("gros")
        chain = [rig.authority.me] * 400
        try:
            answer = await _exchange(rig, rig.client(leaf.write(rig.folder, "gros", *chain)))
        except (ssl.SSLError, ConnectionError):
            answer = b""
        assert answer == b""
        assert rig.journal.records == []


async def test_a_handshake_that_never_ends_is_ended(tmp_path: Path) -> None:
    """A ClientHello announced as 64 kB, of which 16 kB come: more than the bound, and still no handshake."""
    async with running_rig(tmp_path, limits=Limits(max_handshake_bytes=4096)) as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(b"\x16\x03\x01\x40\x00" + b"\x01\x01\x00\x00" + b"\x03\x03" + b"\0" * 16378)
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                await reader.read()
        writer.close()
        async with asyncio.timeout(5):
            while rig.open_connections():
                await asyncio.sleep(0.02)


async def test_connections_are_bounded(tmp_path: Path) -> None:
    async with running_rig(tmp_path, limits=Limits(max_connections=2)) as rig:
        held = [await asyncio.open_connection("127.0.0.1", rig.port, ssl=rig.client(rig.good), server_hostname="localhost")
                for _ in range(2)]
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await _exchange(rig, rig.client(rig.good))
        for _, writer in held:
            writer.transport.abort()


async def test_online_revocation_is_asked_before_each_call(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a responder says between two calls of one connection counts for the second."""
    asked: list[int] = []

    async def prepare(links: tuple[Link, ...], now: object) -> None:
        asked.append(len(links))
        if len(asked) == 2:
            monkeypatch.setattr(rig.trust, "status", lambda link, now: "revoked")

    monkeypatch.setattr(rig.trust, "prepare", prepare)
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, ssl=rig.client(rig.good), server_hostname="localhost")
    for status in (b"201", b"403"):
        writer.write(request())
        async with asyncio.timeout(5):
            assert (await read_answer(reader)).startswith(b"HTTP/1.1 " + status)
    writer.transport.abort()
    assert asked == [2, 2]


async def test_lists_change_expire_and_break_while_calls_run(rig: Rig) -> None:
    """Rotation, corruption and expiry under load: no call fails until the list is outdated, and then every one does."""
    answers: list[bytes] = []
    stop = asyncio.Event()

    async def caller() -> None:
        while not stop.is_set():
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                answers.append((await _exchange(rig, rig.client(rig.good)))[:12])
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(caller())
        for number in range(5):
            rig.authority.revoked.append(1000 + number)
            (rig.folder / "ca.crl").write_bytes(rig.authority.crl())
            assert await asyncio.to_thread(rig.trust.reload)
            await asyncio.sleep(0.1)
            (rig.folder / "ca.crl").write_bytes(rig.authority.crl()[:-40 - number])
            assert await asyncio.to_thread(rig.trust.reload) is False
            await asyncio.sleep(0.1)
        stop.set()
    assert len(answers) > 5
    assert set(answers) == {b"HTTP/1.1 201"}
    (rig.folder / "ca.crl").write_bytes(rig.authority.crl(last_update=NOW - 9 * DAY, next_update=NOW - timedelta(seconds=1)))
    assert rig.trust.reload()
    for _ in range(3):
        with pytest.raises(ssl.SSLError):
            await _exchange(rig, rig.client(rig.good))


async def test_an_authority_revoked_while_the_connection_is_open(tmp_path: Path) -> None:
    """The whole path is looked at for each call, not the leaf alone."""
    async with running_rig(tmp_path) as rig:
        top = pki.Authority(rig.root_authority.me, [rig.authority.me.certificate.serial_number])
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, ssl=rig.client(rig.good), server_hostname="localhost")
        writer.write(request())
        assert (await read_answer(reader)).startswith(b"HTTP/1.1 201 ")
        (rig.folder / "root.crl").write_bytes(top.crl())
        assert rig.trust.reload()
        writer.write(request())
        async with asyncio.timeout(5):
            assert (await read_answer(reader)).startswith(b"HTTP/1.1 403 ")
        assert rig.policy.asked[-1].certificate.failure == "revoked"
        writer.transport.abort()
