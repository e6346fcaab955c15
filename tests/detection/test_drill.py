"""`poterne alert test` as an operator types it, against real sinks: all of them take it; one is away; one comes late."""

import asyncio
import base64
import hashlib
import hmac
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from gateway_addons.adapters.journal.reader import records
from tests.detection.test_sinks import KEY, Mailbox, MailServer, Received, authority, hook, secret
from tests.detection.test_watch import ROOT
from tests.support.servers import free_port
from tests.support.settings_file import write_settings

RULES = [{"id": "h", "kind": "gateway_health", "for_s": 0}]


@dataclass
class Sinks:
    """What arrived where. `webhook_answers` are the statuses that the webhook still gives before it takes anything."""

    config: Path
    mails: Mailbox
    datagrams: asyncio.Queue[bytes]
    stream: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    posted: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    webhook_answers: list[int] = field(default_factory=list)

    async def exercise(self, *words: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway_addons", "alert", "test", "--config", str(self.config), "--by", "A. Durand", *words,
            cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        out, err = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    def acts(self) -> list[dict[str, Any]]:
        return [r.fields for r in records(self.config.parent / "journal") if r.kind == "acte"]


@pytest.fixture
async def sinks(tmp_path: Path) -> AsyncIterator[Sinks]:
    """A log, a signed webhook, syslog by UDP and by TCP, a mail server that asks for STARTTLS and a password; and one that is away."""
    async with AsyncExitStack() as stack:
        ca_file, tls = authority(tmp_path)
        received, box = Received(), Mailbox()
        found = Sinks(tmp_path / "gateway.yaml", box, received.got)

        async def take(request: web.Request) -> web.Response:
            found.posted.append(({k.lower(): v for k, v in request.headers.items()}, await request.read()))
            return web.Response(status=found.webhook_answers.pop(0) if found.webhook_answers else 204)

        async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.stream.put_nowait(await reader.readexactly(int(await reader.readuntil(b" "))))
            writer.close()

        port = await stack.enter_async_context(hook(take))
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: received, local_addr=("127.0.0.1", 0))
        stack.callback(transport.close)
        tcp = await asyncio.start_server(stream, "127.0.0.1", 0)
        await stack.enter_async_context(tcp)
        mail = MailServer(box, hostname="127.0.0.1", port=free_port())
        mail.own_tls = tls  # type: ignore[attr-defined]
        mail.start()
        stack.callback(mail.stop)
        (tmp_path / "password").write_text("mot de passe\n")
        (tmp_path / "detection.yaml").write_text(yaml.safe_dump({"version_schema": 1, "rules": RULES, "sinks": [
            {"kind": "log", "name": "journal-systeme"},
            {"kind": "webhook", "name": "soc", "url": f"http://127.0.0.1:{port}/hook", "secret_file": str(secret(tmp_path))},
            {"kind": "syslog", "name": "siem-udp", "host": "127.0.0.1", "transport": "udp", "port": transport.get_extra_info("sockname")[1]},
            {"kind": "syslog", "name": "siem-tcp", "host": "127.0.0.1", "transport": "tcp", "port": tcp.sockets[0].getsockname()[1]},
            {"kind": "mail", "name": "rssi", "host": "localhost", "port": mail.port, "sender": "poterne@gw.example",
             "recipients": ["rssi@soc.example"], "user": "poterne", "password_file": "password", "ca_file": str(ca_file)},
        ]}))
        write_settings(tmp_path, detection={"file": "detection.yaml"})
        yield found


async def test_every_sink_takes_it(sinks: Sinks) -> None:
    status, out, err = await sinks.exercise("--json")
    assert status == 0, err
    names = ["journal-systeme", "soc", "siem-udp", "siem-tcp", "rssi"]
    assert json.loads(out) == {"sinks": dict.fromkeys(names, "delivered"), "attempts": dict.fromkeys(names, 1), "good": True}
    (act,) = sinks.acts()
    assert (act["acte"], act["acteur"]["nom"], act["sujet"]) == ("alert.test", "A. Durand", {"sinks": ", ".join(names), "etat": "fait"})
    number = act["acteId"]

    ((headers, body),) = sinks.posted
    signed = hmac.new(KEY, f"{number}.{headers['webhook-timestamp']}.".encode() + body, hashlib.sha256).digest()
    assert (headers["webhook-id"], headers["webhook-signature"]) == (number, "v1," + base64.b64encode(signed).decode())
    assert json.loads(body)["kind"] == "exercise"
    for syslog in (sinks.datagrams, sinks.stream):
        raw = await asyncio.wait_for(syslog.get(), 10)
        assert raw.startswith(b"<110>1 "), "RFC 5424: facility 13, severity 6"
        assert f'[poterne@32473 id="{number}"'.encode() in raw
    ((sender, recipients, content),) = sinks.mails.mails
    assert (sender, recipients) == ("poterne@gw.example", ["rssi@soc.example"])
    assert f"Message-ID: <{number}@poterne.invalid>".encode() in content
    (line,) = [told for told in map(json.loads, err.splitlines()) if told.get("event") == "alert"]
    assert line["alert"]["kind"] == "exercise"


async def test_a_sink_that_comes_late_is_tried_again(sinks: Sinks) -> None:
    sinks.webhook_answers += [503, 500]
    status, out, err = await sinks.exercise("--sink", "soc", "--json")
    assert (status, json.loads(out)["attempts"]) == (0, {"soc": 3}), err
    assert len({headers["webhook-id"] for headers, _ in sinks.posted}) == 1, "one alert, so that its receiver knows a repetition"


async def test_a_sink_that_is_away_is_named_and_the_others_are_told(sinks: Sinks) -> None:
    rules = yaml.safe_load((sinks.config.parent / "detection.yaml").read_text())
    rules["sinks"].append({"kind": "syslog", "name": "perdu", "host": "127.0.0.1", "transport": "tcp", "port": free_port()})
    (sinks.config.parent / "detection.yaml").write_text(yaml.safe_dump(rules))
    sinks.webhook_answers += [500] * 2
    status, out, err = await sinks.exercise("--attempts", "2")
    assert status == 1
    assert [line for line in err.splitlines() if line.startswith("NOT delivered by soc, perdu: ")], err
    assert "Errno" in out or "Connect" in out, "why is said"
    assert (len(sinks.mails.mails), sinks.datagrams.qsize(), sinks.stream.qsize()) == (1, 1, 1)
    (act,) = sinks.acts()
    assert (act["sujet"]["etat"], act["sujet"]["echecs"]) == ("echec", "soc, perdu")
