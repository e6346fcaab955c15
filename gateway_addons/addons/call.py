"""One call on its way through the gate: what is known of it, from its head to its record."""

import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mitmproxy import http

from gateway_addons.addons import flow_facts
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.core.facts import CallFacts
from gateway_addons.core.pipeline import Progress
from gateway_addons.core.ports import TokenAnswer
from gateway_addons.core.routes import RouteMatch

CALL = "poterne.call"
"""Key of the `Call` in a flow's metadata."""


def random_uuid() -> str:
    """A UUID of version 4, 122 bits of the system's random source (RFC 9562 section 5.4)."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


@dataclass(slots=True)
class Call:
    """One call on its way through the gate."""

    request_id: str = field(default_factory=random_uuid)
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.perf_counter)
    progress: Progress = field(default_factory=Progress)
    match: RouteMatch | None = None
    facts: CallFacts | None = None
    digest: str | None = None
    code: str | None = "INF-GEN-01"
    detail: str = ""
    receipt: str | None = None
    token: TokenAnswer | None = None
    forwarded: bool = False
    announced: dict[str, Any] | None = None
    concluded: bool = False


def correlation_id(flow: http.HTTPFlow, call: Call) -> str | None:
    """The caller's id, read once where the call's facts were."""
    return call.facts.correlation_id if call.facts else flow_facts.correlation_id(flow.request)
