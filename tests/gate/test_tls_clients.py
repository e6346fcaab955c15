"""Real `openssl s_client` and `curl` on TLS 1.2 and 1.3: who is let in, which alert comes, what a connection may not do."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from mitmproxy.net import tls as engine_tls

from tests.support import pki
from tests.support.rig import LOT, Rig, request
from tests.support.servers import ROOT

OPENSSL, CURL = "openssl", str(ROOT / ".tools/bin/curl")
VERSIONS = {"-tls1_2": ("--tls-max", "1.2"), "-tls1_3": ("--tlsv1.3",)}
CLOSE = (("Connection", "close"),)
type Identity = tuple[Path, Path] | None


async def run(*command: str, given: bytes = b"") -> str:
    """What a program printed, on both outputs."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    try:
        async with asyncio.timeout(20):
            out, _ = await process.communicate(given)
    finally:
        if process.returncode is None:
            process.kill()
    return out.decode(errors="replace")


async def s_client(rig: Rig, identity: Identity, *options: str, given: bytes = b"") -> str:
    shown = ("-cert", str(identity[0]), "-key", str(identity[1]), "-cert_chain", str(identity[0])) if identity else ()
    return await run(OPENSSL, "s_client", "-connect", f"127.0.0.1:{rig.port}", "-servername", "localhost", "-CAfile", str(rig.server_ca),
                     *shown, *options, *(() if given.startswith(b"R") else ("-ign_eof",)), given=given)


async def curl(rig: Rig, identity: Identity, *options: str) -> str:
    shown = ("--cert", str(identity[0]), "--key", str(identity[1])) if identity else ()
    return await run(CURL, "-sS", "-i", "--max-time", "10", "--cacert", str(rig.server_ca), *shown, *options,
                     "-H", "Authorization: Bearer a.b.c", "-H", "ID_Teleservice: TS-1", "-H", "X-Correlation-ID: 123e4567-e89b-12d3-a456-426655440000",
                     "-H", "Content-Type: application/json", "--json", str(LOT).replace("'", '"'),
                     "--connect-to", f"localhost:443:127.0.0.1:{rig.port}", "https://localhost/infinoe/v1/ecritures/comptables")


def _issued(rig: Rig, name: str, **bend: object) -> Identity:
    return rig.authority.issue(name, **bend).write(rig.folder, name, rig.authority.me)  # type: ignore[arg-type]


def _revoked(rig: Rig) -> Identity:
    leaf = rig.authority.issue("revoque")
    rig.authority.revoked.append(leaf.certificate.serial_number)
    (rig.folder / "ca.crl").write_bytes(rig.authority.crl())
    assert rig.trust.reload()
    return leaf.write(rig.folder, "revoque", rig.authority.me)


def _unknown(rig: Rig) -> Identity:
    other = pki.root("Autre")
    return other.issue("inconnu").write(rig.folder, "inconnu", other.me)


def _no_current_list(rig: Rig) -> Identity:
    (rig.folder / "ca.crl").write_bytes(rig.authority.crl(last_update=pki.NOW - 9 * pki.DAY, next_update=pki.NOW - pki.DAY))
    assert rig.trust.reload()
    return rig.good


NOW, DAY = pki.NOW, pki.DAY
ALERTS: dict[str, tuple[Callable[[Rig], Identity], int]] = {
    # RFC 8446 section 6.2
    "expired": (lambda rig: _issued(rig, "expire", begin=NOW - 9 * DAY, end=NOW - DAY), 45),
    "not yet valid": (lambda rig: _issued(rig, "futur", begin=NOW + DAY), 42),
    "revoked": (_revoked, 44),
    "unknown authority": (_unknown, 48),
    "serverAuth only": (lambda rig: _issued(rig, "serveur", usages=(ExtendedKeyUsageOID.SERVER_AUTH,)), 43),
    "no current revocation list": (_no_current_list, 46),
}


@pytest.mark.parametrize("version", list(VERSIONS))
@pytest.mark.parametrize("row", list(ALERTS))
async def test_the_alert_names_the_reason(rig: Rig, row: str, version: str) -> None:
    make, number = ALERTS[row]
    told = await s_client(rig, make(rig), version, given=request(headers=CLOSE))
    assert f"SSL alert number {number}" in told, told[-600:]
    assert rig.journal.records == []


@pytest.mark.parametrize(("version", "number"), [("-tls1_2", 40), ("-tls1_3", 116)])
async def test_no_certificate(rig: Rig, version: str, number: int) -> None:
    """certificate_required in TLS 1.3; TLS 1.2 has handshake_failure for it (RFC 5246 section 7.4.6)."""
    assert f"SSL alert number {number}" in await s_client(rig, None, version, given=request(headers=CLOSE))


@pytest.mark.parametrize("version", list(VERSIONS))
async def test_let_in(rig: Rig, version: str) -> None:
    told = await s_client(rig, rig.good, version, "-quiet", given=request(headers=CLOSE))
    assert "HTTP/1.1 201" in told
    assert "HTTP/1.1 201" in await curl(rig, rig.good, *VERSIONS[version])
    assert len(rig.backend.received) == 2


@pytest.mark.parametrize("version", list(VERSIONS))
async def test_curl_is_told_by_an_alert(rig: Rig, version: str) -> None:
    assert "certificate revoked" in (await curl(rig, _revoked(rig), *VERSIONS[version])).replace("_", " ").lower()
    assert rig.backend.received == []


@pytest.mark.parametrize("version", list(VERSIONS))
async def test_no_compression(rig: Rig, version: str) -> None:
    told = await s_client(rig, rig.good, version, "-comp", given=request(headers=CLOSE))
    assert "Compression: NONE" in told
    assert "HTTP/1.1 201" in told


async def test_no_renegotiation(rig: Rig) -> None:
    """The client asks for it (`R`); a server that granted it would verify nothing new and do the work."""
    told = await s_client(rig, rig.good, "-tls1_2", given=b"R\n" + request(headers=CLOSE))
    assert "RENEGOTIATING" in told
    assert "no renegotiation" in told
    assert rig.journal.records == []


@pytest.mark.parametrize("version", list(VERSIONS))
async def test_no_resumption_and_no_early_data(rig: Rig, version: str) -> None:
    """A resumed session would skip the verification of the certificate."""
    session = rig.folder / "session.pem"
    told = await s_client(rig, rig.good, version, "-sess_out", str(session), given=request(headers=CLOSE))
    assert "HTTP/1.1 201" in told
    assert "Max Early Data: 0" in told or "Early data was not sent" in told or version == "-tls1_2"
    if not session.exists():
        return  # the server gave none
    again = await s_client(rig, rig.good, version, "-sess_in", str(session), given=request(headers=CLOSE))
    assert "Reused, " not in again
    assert "New, " in again


async def test_without_its_certificate_an_earlier_session_is_worth_nothing(rig: Rig) -> None:
    session = rig.folder / "session.pem"
    for version in VERSIONS:
        await s_client(rig, rig.good, version, "-sess_out", str(session), given=request(headers=CLOSE))
        if session.exists():
            before = len(rig.journal.records)
            told = await s_client(rig, None, version, "-sess_in", str(session), given=request(headers=CLOSE))
            assert "SSL alert number" in told
            assert len(rig.journal.records) == before


@pytest.mark.parametrize(("option", "value", "version"), [
    ("-groups", "X448", "-tls1_3"), ("-groups", "brainpoolP256r1", "-tls1_2"), ("-groups", "secp224r1", "-tls1_2"), ("-groups", "ffdhe2048", "-tls1_3"),
    ("-sigalgs", "ECDSA+SHA1", "-tls1_2"), ("-sigalgs", "ed25519", "-tls1_3"),
    ("-cipher", "AES256-SHA", "-tls1_2"), ("-cipher", "DHE-RSA-AES256-GCM-SHA384", "-tls1_2"), ("-cipher", "ECDHE-ECDSA-AES128-SHA256", "-tls1_2"),
    ("-ciphersuites", "TLS_AES_128_CCM_SHA256", "-tls1_3"),
])
async def test_not_spoken(rig: Rig, option: str, value: str, version: str) -> None:
    weak = () if option == "-cipher" else ("-cipher", "ALL:@SECLEVEL=0")
    told = await s_client(rig, rig.good, version, option, value, *weak, given=request(headers=CLOSE))
    assert "SSL alert number" in told, told[-400:]
    assert rig.journal.records == []


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
async def test_old_versions_are_not_spoken(rig: Rig, version: str) -> None:
    told = await s_client(rig, rig.good, version, "-cipher", "ALL:@SECLEVEL=0", given=request(headers=CLOSE))
    assert "alert protocol version" in told


@pytest.mark.parametrize("group", ["X25519", "P-256", "P-384", "P-521"])
async def test_every_group_of_the_guide_is_spoken(rig: Rig, group: str) -> None:
    assert "HTTP/1.1 201" in await s_client(rig, rig.good, "-tls1_3", "-groups", group, given=request(headers=CLOSE))


async def test_no_key_log_is_written(rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's own contexts write TLS secrets where SSLKEYLOGFILE or MITMPROXY_SSLKEYLOGFILE say; the listener's do not."""
    file = tmp_path / "secrets.log"
    for variable in ("SSLKEYLOGFILE", "MITMPROXY_SSLKEYLOGFILE"):
        monkeypatch.setenv(variable, str(file))
    logger = engine_tls.MasterSecretLogger(file)
    monkeypatch.setattr(engine_tls, "log_master_secret", logger)
    told = await s_client(rig, rig.good, given=request(headers=CLOSE))
    logger.close()
    assert "HTTP/1.1 201" in told
    assert not file.exists() or file.read_bytes() == b""
