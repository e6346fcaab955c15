"""What the operator sees of trust: what is about to end, what was refused at a reload, and who was refused in a handshake."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from cryptography import x509
from mitmproxy.tls import TlsData
from prometheus_client import CollectorRegistry, Counter, Gauge

from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.session import HandshakeNotes
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.journal.masking import Masking
from gateway_addons.core.server_identity import ServerMaterial
from gateway_addons.core.trust import TrustMaterial

type Note = Callable[[str, Mapping[str, str]], None]
"""Writes an event into the journal (`JournalWriter.note`); raises `JournalUnavailable`."""

NOTES_A_MINUTE = 60
"""Refused handshakes that are written down at most; the rest is counted, and the count written with the next one, so that
nobody can fill the journal without being let in."""


@dataclass
class _Allowance:
    """So many in a minute; what was left out is remembered."""

    a_minute: int
    minute: int = -1
    used: int = 0
    left_out: int = 0

    def take(self, now_s: float) -> bool:
        if int(now_s // 60) != self.minute:
            self.minute, self.used = int(now_s // 60), 0
        if self.used >= self.a_minute:
            self.left_out += 1
            return False
        self.used += 1
        return True


@dataclass(eq=False)
class TrustTrace:
    """Metrics, log and journal of trust, for all environments of a worker."""

    registry: CollectorRegistry
    note: Note
    masking: Masking = field(default_factory=Masking)
    allowance: _Allowance = field(default_factory=lambda: _Allowance(NOTES_A_MINUTE))
    warned: dict[str, timedelta] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._log = structlog.get_logger("poterne.trust")
        self._ends = Gauge("poterne_server_certificate_ends_timestamp_seconds", "When the listener's chain ends.",
                           ("environment",), registry=self.registry)
        self._lists = Gauge("poterne_revocation_list_next_update_timestamp_seconds", "nextUpdate of each revocation list.",
                            ("environment", "file"), registry=self.registry)
        self._alert = Gauge("poterne_trust_alert", "1 while files of trust were refused and the old ones stay in use.",
                            ("environment", "of"), registry=self.registry)
        self._reasons = Counter("poterne_client_certificates_refused", "Client certificates refused in the handshake, by rule.",
                                ("environment", "failure", "rule"), registry=self.registry)

    # --- what is about to end, and what was refused at a reload ---

    def look(self, environment: str, server: ServerMaterial, trust: TrustMaterial, alerts: Mapping[str, str | None],
             now: datetime) -> None:
        """Tell what is in use now. Called at the start and every second after."""
        self._ends.labels(environment).set(server.ends.timestamp())
        for one in trust.lists:
            self._lists.labels(environment, one.name).set(one.next_update.timestamp())
        for of, alert in alerts.items():
            self._alert.labels(environment, of).set(1 if alert else 0)
        self._warn(environment, "server certificate", server.ends, server.remaining_warning(now), now)

    def _warn(self, environment: str, what: str, ends: datetime, reached: timedelta | None, now: datetime) -> None:
        key = f"{environment}: {what}"
        if reached is None:
            self.warned.pop(key, None)
        elif self.warned.get(key) != reached:
            self.warned[key] = reached
            self._log.warning("ends_soon", environment=environment, what=what, ends=ends.isoformat(), days=(ends - now).days)

    # --- hooks of the engine ---

    def tls_failed_client(self, data: TlsData) -> None:
        """A client was refused: count it by rule, and name its certificate in the journal."""
        notes = data.ssl_conn.get_app_data() if data.ssl_conn else None
        if not isinstance(notes, HandshakeNotes) or notes.refused is None:
            return
        environment = data.context.client.proxy_mode.data
        self._reasons.labels(environment, notes.refused.failure, notes.refused.rule).inc()
        if not self.allowance.take(time.time()):
            return
        source = notes.source or (data.conn.peername[0] if data.conn.peername else "")
        about = {"environnement": environment, "ip": str(self.masking.address(source) or ""), "echec": notes.refused.failure,
                 "regle": notes.refused.rule, **named(notes.leaf_der, self.masking)}
        if self.masking.subject == "clear":
            about["detail"] = notes.refused.detail[:300]
        if self.allowance.left_out:
            about["nonConsignees"] = str(self.allowance.left_out)
            self.allowance.left_out = 0
        self._log.warning("certificate_refused", **about)
        try:
            self.note("certificat.refuse", about)
        except JournalUnavailable as e:
            self._log.error("certificate_refused_without_record", reason=str(e))


def named(leaf_der: bytes | None, masking: Masking) -> dict[str, str]:
    """How a certificate is named in the journal; the names are the caller's word until its path is verified."""
    if leaf_der is None:
        return {}
    found = {"certificat": f"sha256:{hashlib.sha256(leaf_der).hexdigest()}"}
    try:
        leaf = x509.load_der_x509_certificate(leaf_der)
        subject = "" if masking.subject == "mask" else masking.subject_of(leaf.subject.rfc4514_string())[:300]
        return found | {"sujet": subject, "emetteur": leaf.issuer.rfc4514_string()[:300], "serie": f"{leaf.serial_number:x}"[:64]}
    except Exception:  # noqa: BLE001 - it was refused because nobody can read it
        return found
