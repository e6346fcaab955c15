"""Alerts in the process's own log."""

from collections.abc import Mapping
from typing import Any

import structlog


class LogAlerts:
    """One JSON line on standard error for each alert; implements `AlertSink`."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("poterne.alert")

    async def send(self, alert_id: str, alert: Mapping[str, Any]) -> None:
        """Write the line; a log cannot fail here."""
        self._log.warning("alert", alert_id=alert_id, alert=dict(alert))
