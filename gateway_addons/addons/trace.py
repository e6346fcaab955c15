"""What the operator sees: one structured event for each call, and the metrics; no secret, no body, no token."""

import time
from collections.abc import Mapping
from typing import Any

import structlog
from mitmproxy import connection
from mitmproxy.addonmanager import Loader
from mitmproxy.tls import TlsData
from prometheus_client import CollectorRegistry, Counter, Gauge

from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.tallies import Durations, DurationsByLabel, Tally
from gateway_addons.core.journal.masking import NOTHING_MASKED, Masking

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class _Watch:
    """Tells how long its block took."""

    __slots__ = ("_durations", "_start")

    def __init__(self, durations: Durations) -> None:
        self._durations = durations

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._durations.observe(time.perf_counter() - self._start)


class Trace:
    """Counts calls and handshakes, times stages, logs each call once."""

    def __init__(self, masking: Masking = NOTHING_MASKED) -> None:
        """`masking` is the journal's: the log tells no more of a person than the journal does."""
        self.registry, self._masking = CollectorRegistry(), masking
        self._log = structlog.get_logger("poterne").bind()
        self._calls = Tally("poterne_calls", "Calls, by verdict and, when refused, control and reason.",
                            ("environment", "verdict", "control", "reason"), self.registry)
        self._handshakes = Counter("poterne_handshakes", "TLS handshakes.", ("environment", "outcome"), registry=self.registry)
        self._stages = DurationsByLabel("poterne_stage_seconds", "Seconds of each stage of a call.", "stage", _SECONDS,
                                        self.registry)
        self._connections = Gauge("poterne_open_connections", "Open client connections.", registry=self.registry)
        self._revision = Gauge("poterne_policy_revision", "1 for the revision that decided last.", ("revision",),
                               registry=self.registry)
        self.faults = Counter("poterne_faults", "Unforeseen exceptions in a hook; each was a refusal.", ("hook",),
                              registry=self.registry)
        self._last_revision: str | None = None

    def stopwatch(self, stage: str) -> "_Watch":
        """Time a stage; implements `core.ports.Stopwatch`."""
        return _Watch(self._stages.of[stage])

    def call(self, record: Mapping[str, Any], control: str) -> None:
        """Count and log one call from its record."""
        code = record["codeErreur"] or ""
        verdict = "admis" if record["transmis"] else ("refuse" if code else "repondu")
        self._calls.count(record["environnement"], verdict, control, code)
        self._stages.of["total"].observe((record["dureeMs"] or 0) / 1000)
        if record["revision"] and record["revision"] != self._last_revision:
            self._revision.clear()
            self._revision.labels(record["revision"]).set(1)
            self._last_revision = record["revision"]
        told = dict(record)
        told.pop("entree", None)
        self._log.info("appel", verdict=verdict, **told)

    def fault(self, hook: str, error: BaseException) -> None:
        """Log and count an exception that nobody foresaw."""
        self.faults.labels(hook).inc()
        self._log.error("fault", hook=hook, exc_info=error)

    # --- hooks of the engine: they only watch ---

    def load(self, loader: Loader) -> None:
        """Refuse any other engine than the own one."""
        load(loader)

    def client_connected(self, client: connection.Client) -> None:
        """One more connection."""
        self._connections.inc()

    def client_disconnected(self, client: connection.Client) -> None:
        """One less connection."""
        self._connections.dec()

    def connection_refused(self, environment: str, peer: str | None, reason: str) -> None:
        """A connection ended before TLS: its PROXY header, or the want of one (control C2)."""
        self._handshakes.labels(environment, "proxy_refused").inc()
        self._log.warning("connection_refused", environment=environment, ip=self._masking.address(peer), reason=reason)

    def tls_established_client(self, data: TlsData) -> None:
        """A handshake succeeded."""
        self._handshakes.labels(_listener(data), "established").inc()

    def tls_failed_client(self, data: TlsData) -> None:
        """A handshake was refused or broken off; the alert is already on its way."""
        self._handshakes.labels(_listener(data), "refused").inc()
        peer = data.conn.peername[0] if data.conn.peername else None
        self._log.warning("handshake_refused", environment=_listener(data), ip=self._masking.address(peer),
                          reason=data.conn.error)


def _listener(data: TlsData) -> str:
    return data.context.client.proxy_mode.data
