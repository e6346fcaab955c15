"""The brake of one worker (reading AMB-3, clause 8-e): handshakes and calls that fail are counted, and too many wait.

A handshake from a braked address takes the slow lane: a few at a time, a bounded queue, before anything costly runs. A call
that is not authenticated is answered 429 before policy is asked. A call with a verified certificate and a token bound to it
is never braked, wherever it comes from. Each worker counts by itself and lets its share of the configured figures through:
nothing here waits for Redis, which an attack would otherwise reach.
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network

import structlog
from mitmproxy.tls import TlsData
from prometheus_client import CollectorRegistry, Counter, Gauge

from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.core.bounds import source_of
from gateway_addons.core.brake import Brake, Caller, is_authenticated, is_failure
from gateway_addons.core.errors import Refusal
from gateway_addons.core.facts import Evidence
from gateway_addons.core.journal.masking import NOTHING_MASKED, Masking
from gateway_addons.settings.brake import Brake as BrakeSettings

TELL_AGAIN_S = 60.0
"""The same name is logged at most this often."""
MAX_TOLD = 1000
HELD_S = 0.25
"""A handshake that says nothing costs nothing: it goes on, but its turn is over after this, so that who stalls on purpose
keeps nobody out."""


class SlowLanes:
    """A few handshakes at a time for each braked source, and a bounded queue behind them."""

    def __init__(self, at_once: int, queue: int) -> None:
        self._at_once = at_once
        self._queue = queue
        self._lanes: dict[str, tuple[asyncio.Semaphore, list[int]]] = {}

    def __len__(self) -> int:
        return len(self._lanes)

    async def enter(self, source: str, timeout_s: float) -> bool:
        """True when it is this one's turn; False when the queue is full or the turn does not come in time."""
        turns, inside = self._lanes.setdefault(source, (asyncio.Semaphore(self._at_once), [0]))
        if inside[0] >= self._at_once + self._queue:
            return False
        inside[0] += 1
        try:
            async with asyncio.timeout(timeout_s):
                await turns.acquire()
        except TimeoutError:
            self._gone(source)
            return False
        except BaseException:
            self._gone(source)
            raise
        return True

    def leave(self, source: str) -> None:
        """The handshake is over, one way or the other."""
        self._lanes[source][0].release()
        self._gone(source)

    def _gone(self, source: str) -> None:
        inside = self._lanes[source][1]
        inside[0] -= 1
        if inside[0] == 0:
            del self._lanes[source]


class AddressBrake:
    """Asked by the listener and by the gate; an addon that watches handshakes; implements `core.ports.CallBrake`."""

    def __init__(self, settings: BrakeSettings, registry: CollectorRegistry, workers: int = 1,
                 clock: Callable[[], float] = time.monotonic, masking: Masking = NOTHING_MASKED) -> None:
        self._masking = masking
        self._failures = Brake(per_minute=settings.failures_per_minute / workers, burst=max(1, settings.burst / workers),
                               max_names=settings.max_addresses)
        self._lanes = SlowLanes(settings.slow_handshakes, settings.slow_queue)
        self._exempt = tuple(ip_network(network) for network in settings.exempt)
        self._clock = clock
        self._sources: dict[str, str] = {}
        self._turns: dict[str, str] = {}
        self._told: OrderedDict[str, float] = OrderedDict()
        self._log = structlog.get_logger("poterne.brake")
        self._counted = Counter("poterne_brake_failures", "Failures that were counted.", ("kind",), registry=registry)
        self._waits = Counter("poterne_brake_waits", "What had to wait: calls answered 429, handshakes in the slow lane, "
                              "handshakes turned away from it.", ("kind",), registry=registry)
        self._names = Gauge("poterne_brake_names", "Addresses and certificates that are remembered.", registry=registry)
        self._names.set_function(lambda: len(self._failures))

    # --- calls ---

    def check(self, evidence: Evidence) -> None:
        """Let an authenticated call on; any other only when its caller need not wait. Raises `Refusal` INF-LIM-02."""
        if not is_authenticated(evidence):
            certificate = evidence.certificate.sha256 if evidence.certificate.verified else None
            self.check_caller(Caller(source_of(evidence.address.source or ""), certificate))

    def check_caller(self, caller: Caller) -> None:
        """Raises `Refusal` INF-LIM-02 with `Retry-After` when this caller must wait."""
        wait_s = self._failures.wait_s(caller.waits_as, self._clock())
        if wait_s > 0:
            self._waits.labels("call").inc()
            raise Refusal("INF-LIM-02", f"braked: {self._named(caller.waits_as)}", (("Retry-After", str(math.ceil(wait_s))),))

    def answered(self, caller: Caller, code: str, controls: Mapping[str, str] | None) -> None:
        """Count a call that failed before its caller was authenticated."""
        if is_failure(code, controls):
            self._count("call", caller)

    # --- handshakes ---

    async def turn(self, source: str, connection_id: str, timeout_s: float) -> bool:
        """Wait for this connection's turn to make its handshake; False when it must go. Who was told so must call `over`."""
        self._sources[connection_id] = source
        if self._failures.wait_s(Caller(source, None).waits_as, self._clock()) <= 0:
            return True
        if not await self._lanes.enter(source, timeout_s):
            self._sources.pop(connection_id, None)
            self._waits.labels("handshake turned away").inc()
            return False
        self._waits.labels("handshake").inc()
        self._turns[connection_id] = source
        asyncio.get_running_loop().call_later(HELD_S, self._end_turn, connection_id)
        return True

    def over(self, connection_id: str) -> None:
        """The handshake of this connection is over: the next one's turn."""
        self._sources.pop(connection_id, None)
        self._end_turn(connection_id)

    def _end_turn(self, connection_id: str) -> None:
        source = self._turns.pop(connection_id, None)
        if source is not None:
            self._lanes.leave(source)

    def tls_established_client(self, data: TlsData) -> None:
        """A handshake succeeded."""
        self.over(data.context.client.id)

    def tls_failed_client(self, data: TlsData) -> None:
        """A handshake failed."""
        peer = data.context.client.peername
        source = self._sources.get(data.context.client.id) or source_of(peer[0] if peer else "")
        self._count("handshake", Caller(source, None))
        self.over(data.context.client.id)

    def _count(self, kind: str, caller: Caller) -> None:
        if self._is_exempt(caller.source):
            return
        self._counted.labels(kind).inc()
        now_s = self._clock()
        for name in caller.counted_as:
            if self._failures.failed(name, now_s):
                self._tell(name, kind, now_s)

    def _tell(self, name: str, kind: str, now_s: float) -> None:
        """The alert that somebody is braked from now on, once a minute for each at most."""
        if now_s - self._told.get(name, -math.inf) < TELL_AGAIN_S:
            return
        self._told[name] = now_s
        self._told.move_to_end(name)
        while len(self._told) > MAX_TOLD:
            self._told.popitem(last=False)
        self._log.warning("braked", who=self._named(name), after=kind)

    def _named(self, name: str) -> str:
        """Who waits, as log and journal tell of him."""
        kind, _, value = name.partition(" ")
        return f"{kind} {self._masking.source(value)}" if kind == "address" else name

    def _is_exempt(self, source: str) -> bool:
        if not self._exempt:
            return False
        try:
            address = ip_address(source.partition("/")[0])
        except ValueError:
            return False
        return any(address in network for network in self._exempt)
