"""What a sink of alerts is; each kind has its own module beside this one."""

from collections.abc import Mapping
from typing import Any, Protocol


class SinkFailed(Exception):
    """The sink did not take the alert; it is tried again later. The message holds no secret."""


class AlertSink(Protocol):
    """Tells somebody of an alert."""

    async def send(self, alert_id: str, alert: Mapping[str, Any]) -> None:
        """Deliver it, or raise `SinkFailed`; within the sink's time-out. The same id may come twice after a crash."""
