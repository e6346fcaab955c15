"""Alerts at real sinks on 127.0.0.1: a webhook that checks the signature, syslog by UDP, TCP and TLS, a mail server."""

import asyncio
import base64
import hashlib
import hmac
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway_addons.adapters.alerts.mail_sink import MailAlerts
from gateway_addons.adapters.alerts.sink import SinkFailed
from gateway_addons.adapters.alerts.syslog_sink import MAX_MESSAGE_BYTES, SyslogAlerts, message
from gateway_addons.adapters.alerts.webhook_sink import WebhookAlerts, read_secret
from gateway_addons.settings.detection import MailSink, SyslogSink, WebhookSink
from tests.support import pki
from tests.support.servers import free_port

ALERT = {"rule": "r", "kind": "mismatched_identities", "severity": "critical", "at": "2026-03-10T09:00:00.000000Z",
         "subject": 'C"1]\\', "message": "identités\r\nqui ne vont pas ensemble", "count": 3, "evidence": ["a", "b"], "details": {"ip": "192.0.2.1"}}
KEY = b"k" * 32


def secret(folder: Path) -> Path:
    file = folder / "secret"
    file.write_text("whsec_" + base64.b64encode(KEY).decode())
    return file


def authority(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A throw-away authority's file, and a server context that it vouches for."""
    top = pki.root("Alertes")
    server = top.issue("localhost", usages=(ExtendedKeyUsageOID.SERVER_AUTH,), names=(x509.DNSName("localhost"),))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, server.write(folder, "alerts-server")))
    top.me.write(folder, "alerts-ca")
    return folder / "alerts-ca.pem", context


# --- webhook ---


@asynccontextmanager
async def hook(handler: Callable[[web.Request], Any], tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_post("/hook", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def test_webhook_is_signed_as_standard_webhooks_says(tmp_path: Path) -> None:
    seen: list[tuple[dict[str, str], bytes]] = []

    async def take(request: web.Request) -> web.Response:
        seen.append(({k.lower(): v for k, v in request.headers.items()}, await request.read()))
        return web.Response(status=204)

    ca_file, tls = authority(tmp_path)
    async with hook(take, tls) as port:
        sink = WebhookSink(kind="webhook", name="soc", url=f"https://localhost:{port}/hook", secret_file=secret(tmp_path), ca_file=ca_file)
        await WebhookAlerts(sink).send("id-1", ALERT)
    ((headers, body),) = seen
    expected = hmac.new(KEY, f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(expected).decode()
    assert headers["webhook-id"] == "id-1"
    assert KEY not in body


@pytest.mark.parametrize("status", [301, 400, 500])
async def test_webhook_that_refuses_is_a_failure(tmp_path: Path, status: int) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": "http://127.0.0.1:1/"})

    async with hook(refuse) as port:
        sink = WebhookSink(kind="webhook", name="soc", url=f"http://127.0.0.1:{port}/hook", secret_file=secret(tmp_path))
        with pytest.raises(SinkFailed, match=str(status)):
            await WebhookAlerts(sink).send("id-1", ALERT)


async def test_webhook_of_an_unknown_authority_or_away_is_a_failure(tmp_path: Path) -> None:
    async def take(_: web.Request) -> web.Response:
        return web.Response()

    _, tls = authority(tmp_path)
    async with hook(take, tls) as port:
        sink = WebhookSink(kind="webhook", name="soc", url=f"https://localhost:{port}/hook", secret_file=secret(tmp_path))
        with pytest.raises(SinkFailed):
            await WebhookAlerts(sink).send("id-1", ALERT)
    with pytest.raises(SinkFailed):
        await WebhookAlerts(sink.model_copy(update={"url": f"http://127.0.0.1:{port}/hook"})).send("id-1", ALERT)


@pytest.mark.parametrize("wrong", ["whsec_" + base64.b64encode(b"short").decode(), "whsec_***", "é"])
def test_a_webhook_secret_that_cannot_be_one_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError):
        read_secret(wrong)


# --- syslog ---


def syslog(port: int, **bend: Any) -> SyslogSink:
    return SyslogSink.model_validate({"kind": "syslog", "name": "siem", "host": "localhost", "port": port} | bend)


def test_the_syslog_message_is_rfc_5424() -> None:
    raw = message(syslog(514), "id-1", ALERT, "gw.example")
    assert raw.startswith(b"<106>1 2026-03-10T09:00:00.000000Z gw.example poterne ")
    head, _, text = raw.partition(b"\xef\xbb\xbf")
    assert b'[poterne@32473 id="id-1" rule="r" subject="C\\"1\\]\\\\" count="3"] ' in head
    assert text.decode() == "identités  qui ne vont pas ensemble"
    assert b"\n" not in raw
    assert len(message(syslog(514), "id", ALERT | {"message": "é" * 5000}, "h")) <= MAX_MESSAGE_BYTES


class Received(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.got: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.got.put_nowait(data)


async def test_syslog_by_udp() -> None:
    received = Received()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: received, local_addr=("127.0.0.1", 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        await SyslogAlerts(syslog(port, host="127.0.0.1", transport="udp")).send("id-1", ALERT)
        assert (await asyncio.wait_for(received.got.get(), 5)).startswith(b"<106>1 ")
    finally:
        transport.close()


@pytest.mark.parametrize("tls", [False, True])
async def test_syslog_by_tcp_and_tls_with_octet_counting(tmp_path: Path, *, tls: bool) -> None:
    got: asyncio.Queue[bytes] = asyncio.Queue()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int(await reader.readuntil(b" "))
        got.put_nowait(await reader.readexactly(length))
        writer.close()

    ca_file, context = authority(tmp_path)
    server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=context if tls else None)
    async with server:
        port = server.sockets[0].getsockname()[1]
        sink = syslog(port, transport="tls", ca_file=ca_file) if tls else syslog(port, transport="tcp")
        await SyslogAlerts(sink).send("id-1", ALERT)
        assert (await asyncio.wait_for(got.get(), 5)).startswith(b"<106>1 ")
    with pytest.raises(SinkFailed):
        await SyslogAlerts(sink).send("id-2", ALERT)


# --- e-mail ---


class Mailbox:
    """Takes mail for everybody but nobody@soc.example."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], bytes]] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if address.startswith("nobody@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 OK"


class MailServer(Controller):
    def factory(self) -> SMTP:
        def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
            return AuthResult(success=data.login == b"poterne" and data.password == b"mot de passe")

        return SMTP(self.handler, tls_context=self.own_tls, require_starttls=True, auth_required=True, authenticator=check,  # type: ignore[attr-defined]
                    hostname="localhost")


@pytest.fixture
def mail(tmp_path: Path) -> Any:
    ca_file, context = authority(tmp_path)
    box = Mailbox()
    port = free_port()
    server = MailServer(box, hostname="127.0.0.1", port=port)
    server.own_tls = context  # type: ignore[attr-defined]
    server.start()
    (tmp_path / "password").write_text("mot de passe\n")
    sink = {"kind": "mail", "name": "rssi", "host": "localhost", "port": port, "sender": "poterne@gw.example",
            "recipients": ["rssi@soc.example"], "user": "poterne", "password_file": tmp_path / "password", "ca_file": ca_file, "timeout_s": 3}
    yield box, sink
    server.stop()


async def test_mail_by_starttls_with_a_password(mail: Any) -> None:
    box, sink = mail
    await MailAlerts(MailSink.model_validate(sink)).send("id-1", ALERT)
    ((sender, recipients, content),) = box.mails
    assert (sender, recipients) == ("poterne@gw.example", ["rssi@soc.example"])
    assert b"Auto-Submitted: auto-generated" in content
    assert b"Message-ID: <id-1@poterne.invalid>" in content
    assert b"192.0.2.1" in content


async def test_mail_failures_do_not_tell_the_password(mail: Any, tmp_path: Path) -> None:
    box, sink = mail
    (tmp_path / "password").write_text("un autre")
    with pytest.raises(SinkFailed) as failed:
        await MailAlerts(MailSink.model_validate(sink)).send("id-1", ALERT)
    assert "un autre" not in str(failed.value)
    assert box.mails == []


async def test_one_refused_recipient_is_a_failure(mail: Any) -> None:
    _, sink = mail
    with pytest.raises(SinkFailed):
        await MailAlerts(MailSink.model_validate(sink | {"recipients": ["rssi@soc.example", "nobody@soc.example"]})).send("id-1", ALERT)
