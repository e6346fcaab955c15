"""Alerts by webhook, signed and protected against replay as Standard Webhooks 1.0 says (webhook-id, -timestamp, -signature)."""

import base64
import binascii
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp

from gateway_addons.adapters.alerts.sink import SinkFailed
from gateway_addons.settings.detection import WebhookSink

SECRET_PREFIX = "whsec_"  # noqa: S105 - how a secret begins, not a secret
MIN_SECRET_BYTES = 24


def read_secret(text: str) -> bytes:
    """The key in a secret of the form `whsec_<base64>`. Raises `ValueError`."""
    try:
        key = base64.b64decode(text.strip().removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as e:
        raise ValueError("the webhook's secret is not base64") from e
    if len(key) < MIN_SECRET_BYTES:
        raise ValueError(f"the webhook's secret has fewer than {MIN_SECRET_BYTES} bytes")
    return key


def signature(key: bytes, alert_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the base64 HMAC-SHA256 over id, timestamp and body, joined by full stops."""
    signed = f"{alert_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class WebhookAlerts:
    """POSTs each alert; implements `AlertSink`."""

    def __init__(self, settings: WebhookSink, clock: Callable[[], float] = time.time) -> None:
        """Raises `OSError`, `ValueError` for a secret or an authority file that cannot be used."""
        self._settings = settings
        self._key = read_secret(settings.secret_file.read_text(encoding="ascii"))
        self._tls = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
        self._clock = clock

    async def send(self, alert_id: str, alert: Mapping[str, Any]) -> None:
        """Deliver it. Raises `SinkFailed` unless the answer is a 2xx; no redirect is followed."""
        body = json.dumps(alert, ensure_ascii=False, separators=(",", ":")).encode()
        timestamp = int(self._clock())
        headers = {"Content-Type": "application/json", "webhook-id": alert_id, "webhook-timestamp": str(timestamp),
                   "webhook-signature": signature(self._key, alert_id, timestamp, body)}
        try:
            timeout = aiohttp.ClientTimeout(total=self._settings.timeout_s)
            async with aiohttp.ClientSession(timeout=timeout) as session, session.post(
                self._settings.url, data=body, headers=headers, allow_redirects=False,
                ssl=self._tls if self._settings.url.startswith("https") else False,
            ) as answer:
                if not 200 <= answer.status < 300:
                    raise SinkFailed(f"answered {answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as e:
            raise SinkFailed(f"{type(e).__name__}: {e}"[:200]) from e
