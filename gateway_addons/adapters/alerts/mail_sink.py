"""Alerts by e-mail: one plain-text message for each, by SMTP (RFC 5321) with STARTTLS or TLS."""

import asyncio
import smtplib
import ssl
from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from gateway_addons.adapters.alerts.sink import SinkFailed
from gateway_addons.settings.detection import MailSink


def letter(settings: MailSink, alert_id: str, alert: Mapping[str, Any]) -> EmailMessage:
    """The message; header injection is refused by the library, line ends in a subject are taken out before."""
    mail = EmailMessage()
    mail["From"], mail["To"] = settings.sender, ", ".join(settings.recipients)
    mail["Subject"] = " ".join(f"[Poterne {alert.get('severity')}] {alert.get('message')}".split())[:200]
    mail["Message-ID"] = f"<{alert_id}@poterne.invalid>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834
    if told := alert.get("at"):
        mail["Date"] = format_datetime(datetime.fromisoformat(str(told)))
    lines = [str(alert.get("message")), "", *(f"{name} : {_text(value)}" for name, value in alert.items() if name != "message"),
             "", "Le journal a le détail de chaque appel : poterne journal search."]
    mail.set_content("\n".join(lines))
    return mail


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} = {v}" for k, v in value.items()) or "-"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


class MailAlerts:
    """Sends each alert to all recipients; implements `AlertSink`."""

    def __init__(self, settings: MailSink) -> None:
        """Raises `OSError`, `ssl.SSLError` for a file that cannot be used."""
        self._settings = settings
        self._password = settings.password_file.read_text(encoding="utf-8").strip() if settings.password_file else None
        self._tls = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)

    async def send(self, alert_id: str, alert: Mapping[str, Any]) -> None:
        """Deliver it to the mail server. Raises `SinkFailed`, also when one recipient is refused."""
        try:
            await asyncio.to_thread(self._send, letter(self._settings, alert_id, alert))
        except (smtplib.SMTPException, OSError, ValueError) as e:
            raise SinkFailed(f"{type(e).__name__}"[:200]) from e  # an SMTP answer may quote addresses

    def _send(self, mail: EmailMessage) -> None:
        own = self._settings
        with self._connection() as smtp:
            if own.security == "starttls":
                smtp.starttls(context=self._tls)
            if own.user and self._password:
                smtp.login(own.user, self._password)
            if refused := smtp.send_message(mail):
                raise smtplib.SMTPRecipientsRefused(refused)

    def _connection(self) -> smtplib.SMTP:
        own = self._settings
        if own.security == "tls":
            return smtplib.SMTP_SSL(own.host, own.port, timeout=own.timeout_s, context=self._tls)
        return smtplib.SMTP(own.host, own.port, timeout=own.timeout_s)
