"""Alerts by syslog: RFC 5424 messages over UDP (RFC 5426), TCP with octet counting (RFC 6587) or TLS (RFC 5425)."""

import asyncio
import os
import re
import socket
import ssl
from collections.abc import Mapping
from typing import Any

from gateway_addons.adapters.alerts.sink import SinkFailed
from gateway_addons.settings.detection import SyslogSink

SEVERITIES = {"critical": 2, "warning": 4, "info": 6}
STRUCTURE = "poterne@32473"
"""The SD-ID; 32473 is the enterprise number that RFC 5612 keeps for documentation."""

MAX_MESSAGE_BYTES = 2048
"""What every receiver should take (RFC 5424 section 6.1)."""

_NOT_PRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


def message(settings: SyslogSink, alert_id: str, alert: Mapping[str, Any], host: str) -> bytes:
    """One RFC 5424 message: header, structured data, then the sentence in UTF-8 after its mark."""
    priority = settings.facility * 8 + SEVERITIES.get(str(alert.get("severity")), 4)
    fields = {"id": alert_id, "rule": alert.get("rule"), "subject": alert.get("subject"), "count": alert.get("count")}
    data = " ".join(f'{name}="{_escaped(str(value))}"' for name, value in fields.items())
    head = f"<{priority}>1 {alert.get('at')} {_header(host)} poterne {os.getpid()} alert [{STRUCTURE} {data}] "
    text = _NOT_PRINTABLE.sub(" ", str(alert.get("message", "")))
    whole = head.encode("utf-8") + b"\xef\xbb\xbf" + text.encode("utf-8")
    return whole[:MAX_MESSAGE_BYTES].decode("utf-8", "ignore").encode("utf-8")


def _escaped(value: str) -> str:
    """A parameter's value (RFC 5424 section 6.3.3), short enough that the message stays whole."""
    plain = _NOT_PRINTABLE.sub(" ", value)[:128]
    return plain.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _header(value: str) -> str:
    return re.sub(r"[^\x21-\x7e]", "", value)[:255] or "-"


class SyslogAlerts:
    """Sends each alert as one message; implements `AlertSink`."""

    def __init__(self, settings: SyslogSink) -> None:
        """Raises `OSError`, `ssl.SSLError` for an authority file that cannot be used."""
        self._settings = settings
        ca_file = str(settings.ca_file) if settings.ca_file else None
        self._tls = ssl.create_default_context(cafile=ca_file) if settings.transport == "tls" else None

    async def send(self, alert_id: str, alert: Mapping[str, Any]) -> None:
        """Hand it over. By UDP nobody confirms; by TCP and TLS the connection did. Raises `SinkFailed`."""
        raw = message(self._settings, alert_id, alert, socket.gethostname())
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                await (self._datagram(raw) if self._settings.transport == "udp" else self._stream(raw))
        except (OSError, TimeoutError) as e:
            raise SinkFailed(f"{type(e).__name__}: {e}"[:200]) from e

    async def _datagram(self, raw: bytes) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=(self._settings.host, self._settings.port))
        try:
            transport.sendto(raw)
        finally:
            transport.close()

    async def _stream(self, raw: bytes) -> None:
        _, writer = await asyncio.open_connection(self._settings.host, self._settings.port, ssl=self._tls)
        try:
            writer.write(b"%d " % len(raw) + raw)
            await writer.drain()
        finally:
            writer.close()
            await writer.wait_closed()
