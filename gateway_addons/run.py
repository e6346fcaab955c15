"""The composition root of one worker: settings, then adapters, then the engine with the gate in it. Nothing is global,
nothing is late: whatever is wrong with a file stops the start here, and the supervisor says so.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import structlog
import uvloop
from OpenSSL import SSL

from gateway_addons.adapters.backend_health import BackendHealth
from gateway_addons.adapters.identity.assertion_keys import AssertionKeys
from gateway_addons.adapters.identity.guess_guard import GuessBrake
from gateway_addons.adapters.identity.revoked_tokens import REGISTER as REVOKED
from gateway_addons.adapters.identity.single_use import SingleUseInRedis
from gateway_addons.adapters.identity.token_parts import Shared, TokenParts, token_parts
from gateway_addons.adapters.journal.journal_writer import JournalWriter
from gateway_addons.adapters.journal.key_files import masking_of
from gateway_addons.adapters.journal.taken_up import TakenUp
from gateway_addons.adapters.policy.api_files import ApiFileError, load_routes
from gateway_addons.adapters.policy.bundle_watch import BundleWatch
from gateway_addons.adapters.policy.opa import OpaPolicy
from gateway_addons.adapters.policy.opa_admin import OpaAdministration
from gateway_addons.adapters.policy.revision_floor import RevisionFloor
from gateway_addons.adapters.quota.guarded_quota import GuardedQuota
from gateway_addons.adapters.quota.redis_quota import RedisQuota
from gateway_addons.adapters.redis_client import connect
from gateway_addons.adapters.register.registers import register_of
from gateway_addons.adapters.register.shared_register import SharedRegister
from gateway_addons.adapters.register.switch_board import REGISTER as SWITCHES
from gateway_addons.adapters.register.switch_board import SwitchBoard
from gateway_addons.adapters.trust.trust_files import TrustFiles
from gateway_addons.addons.answer import last_resort
from gateway_addons.addons.bounds_trace import show_bounds
from gateway_addons.addons.brake import AddressBrake
from gateway_addons.addons.drain import Drain
from gateway_addons.addons.flow_facts import ListenerFacts
from gateway_addons.addons.gate import Gate, GateEnvironment
from gateway_addons.addons.listener import GateMaster
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.proxy_protocol import balancers_of
from gateway_addons.addons.quota_trace import QuotaTrace
from gateway_addons.addons.register_trace import RegisterTrace
from gateway_addons.addons.session import Entry
from gateway_addons.addons.trace import Trace
from gateway_addons.addons.trust_trace import TrustTrace
from gateway_addons.admin.control_channel import ControlChannel
from gateway_addons.admin.health import Dependency, Readiness
from gateway_addons.admin.json_log import configure_logging
from gateway_addons.admin.supervised import Station, SupervisorGone, SupervisorLine, end_with_parent
from gateway_addons.core.errors import JournalUnavailable, PolicyUnavailable
from gateway_addons.core.journal.in_use import InUse
from gateway_addons.core.pipeline import EnvironmentPorts, Pipeline
from gateway_addons.core.routes import RouteTable
from gateway_addons.core.source import TrustedProxies
from gateway_addons.core.trust import TrustError
from gateway_addons.in_use import Inventory, apis_in_use, keep_current, settings_in_use
from gateway_addons.listener_trust import CurrentTls
from gateway_addons.settings.gateway import Settings, parse
from gateway_addons.settings.values import SettingsError
from gateway_addons.settings.workers import worker_count

SWITCH_S = 0.001
"""The thread that waits for the disk gets its turn this soon under load (Python's own is 5 ms)."""

CANNOT_START = (SettingsError, ApiFileError, TrustError, JournalUnavailable, PolicyUnavailable, SSL.Error, OSError, ValueError)
"""What is wrong with a file, a port or the journal: told to the operator as a sentence."""

log = structlog.get_logger("poterne.run")


@dataclass(frozen=True)
class Parts:
    """The adapters that all environments share."""

    policy: OpaPolicy
    revoked: SharedRegister
    switches: SharedRegister
    switch_board: SwitchBoard
    tokens: Shared
    quota: GuardedQuota
    journal: JournalWriter
    trace: Trace
    routes: RouteTable
    max_body_bytes: int
    drain: Drain
    brake: AddressBrake
    trust: TrustTrace


type Built = tuple[GateEnvironment, Entry, CurrentTls, TokenParts, list[InUse]]


def build_environment(name: str, settings: Settings, parts: Parts) -> Built:
    """Everything that is one environment's own: trust, keys, secrets, names, backend; last, what of it never changes."""
    own = settings.environments[name]  # type: ignore[index]
    trust = TrustFiles(own.clients)
    tls = CurrentTls(name, own, trust, parts.trust)
    tokens = token_parts(name, own.tokens, parts.tokens)
    assertion = AssertionKeys(own.assertion)
    ports = EnvironmentPorts(name, trust, tokens.verifier, assertion, parts.switch_board,
                             tokens.introspection)
    pipeline = Pipeline(ports, parts.policy, parts.quota, parts.journal, parts.trace.stopwatch, parts.brake)
    listener = ListenerFacts(frozenset(own.hosts), parts.routes, parts.max_body_bytes)
    entry = Entry(
        environment=name,
        backend=_address(own.backend.url),
        tls_context=tls,
        limits=settings.limits,
        max_body_bytes=parts.max_body_bytes,
        answer_timeout_s=own.backend.answer_timeout_s,
        max_answer_bytes=own.backend.max_answer_bytes,
        last_resort=last_resort,
        drain=parts.drain,
        balancers=balancers_of(own.proxy_protocol),
        proxies=TrustedProxies(own.forwarded.networks(), own.forwarded.header) if own.forwarded else None,
    )
    backends = {api: _address(backend.url) for api, backend in own.backends.items()}
    gate = GateEnvironment(listener, pipeline, tokens.endpoint, settings.limits.decision_timeout_s, backends)
    return gate, entry, tls, tokens, [InUse("cle_assertion", name, "", assertion.key_id)]


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 80


def dependencies(settings: Settings, parts: Parts, tokens: Mapping[str, TokenParts]) -> Readiness:
    """What `/health/ready` looks at."""
    named: dict[str, Dependency] = {
        "opa": Dependency(parts.policy.healthy),
        "redis": Dependency(parts.quota.healthy),
        "journal": Dependency(parts.journal.healthy),
        "revoked_tokens": Dependency(parts.revoked.healthy),
        "switches": Dependency(parts.switches.healthy),
    }
    for name, own in settings.environments.items():
        named[f"tokens_{name}"] = Dependency(tokens[name].healthy)
        named[f"backend_{name}"] = Dependency(BackendHealth(own.backend.url).healthy)
        for api, backend in own.backends.items():
            named[f"backend_{name}_{api}"] = Dependency(BackendHealth(backend.url, backend.health_path).healthy)
    return Readiness(named)


async def serve(settings: Settings, told: InUse, station: Station, line: SupervisorLine) -> None:
    """Serve as one worker until the supervisor, or SIGTERM, says leave; calls in flight are finished first.

    `told` is how the journal names the settings.
    """
    routes, apis = load_routes(settings.apis)
    if strangers := {a for own in settings.environments.values() for a in own.backends} - {api.api for api in apis}:
        raise SettingsError(f"backends: no file under `apis` is for {sorted(strangers)}")
    masking = masking_of(settings.journal.personal_data)
    trace, workers = Trace(masking), worker_count(settings.workers)
    floor = RevisionFloor(settings.policy.store_folder / "highest")
    policy = OpaPolicy(settings.opa.address, settings.opa.timeout_s, floor)
    register_trace = RegisterTrace(trace.registry)
    revoked, switches = (register_of(settings, name, register_trace) for name in (REVOKED, SWITCHES))
    switch_board = SwitchBoard(switches)
    single_use = SingleUseInRedis(connect(settings.redis), settings.redis.timeout_s)
    journal = JournalWriter(settings.journal, station.writer)
    parts = Parts(
        policy=policy,
        revoked=revoked,
        switches=switches,
        switch_board=switch_board,
        tokens=Shared(policy, switch_board, revoked, single_use, GuessBrake(settings.brake, workers)),
        quota=GuardedQuota(RedisQuota(connect(settings.redis), settings.redis.timeout_s), settings.quota,
                           QuotaTrace(trace.registry, settings.quota.warn_at)),
        journal=journal,
        trace=trace,
        routes=routes,
        max_body_bytes=max(api.max_body_bytes for api in apis),
        drain=Drain(),
        brake=AddressBrake(settings.brake, trace.registry, workers, masking=masking),
        trust=TrustTrace(trace.registry, journal.note, masking),
    )
    recovered = parts.journal.open()
    built = {name: build_environment(name, settings, parts) for name in settings.environments}
    gate = Gate({name: b[0] for name, b in built.items()}, parts.journal, parts.trace, settings.quota.warn_at,
                parts.brake, masking)
    master = GateMaster({name: b[1] for name, b in built.items()}, [gate, parts.trace, parts.trust], gate.in_flight,
                        station.listening, parts.brake)
    show_bounds(trace.registry, master.connections, master.bodies)
    master.listen([f"poterne:{name}@{own.listen.host}:{own.listen.port}" for name, own in settings.environments.items()])
    alone = (settings.drain.stop_calls_s, settings.drain.stop_idle_s)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: asyncio.ensure_future(master.drain_and_stop(*alone)))
    readiness = dependencies(settings, parts, {name: b[3] for name, b in built.items()})
    bundles = BundleWatch(OpaAdministration(settings.opa.address), trace.registry)
    inventory = Inventory([told, *apis_in_use(settings.apis), *(one for b in built.values() for one in b[4])],
                          {n: b[2] for n, b in built.items()}, {n: b[3] for n, b in built.items()}, floor, bundles, masking)
    taken_up = TakenUp(settings.state.folder / "trust", journal)
    await taken_up.look(inventory.now(), [])
    aside = [line.obey(readiness, trace.registry, master.drain_and_stop, alone),
             keep_current(inventory, taken_up), _announce(master, line), bundles.run(),
             parts.revoked.run(), parts.switches.run(), *(b[3].run() for b in built.values())]
    await asyncio.gather(parts.revoked.open(), parts.switches.open())
    log.info("start", environments=list(built), concluded_after_crash=recovered)
    try:
        await _run(master, [asyncio.create_task(task) for task in aside])
    finally:
        await parts.policy.close()
        await parts.revoked.close()
        await parts.switches.close()
        await single_use.close()
        await parts.quota.close()
        parts.journal.close()
        await line.farewell(trace.registry)
        log.info("stop")


async def _announce(master: GateMaster, line: SupervisorLine) -> None:
    await master.serving.wait()
    tame_garbage_collection()
    await line.serving()


def tame_garbage_collection() -> None:
    """What was made by now lives for ever: it is not looked at again. And a call makes thousands of objects that die by
    themselves, so cycles are looked for less often than after every 2,000 (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 20)
    sys.setswitchinterval(SWITCH_S)


async def _run(master: GateMaster, aside: list[asyncio.Task[None]]) -> None:
    for task in aside:
        task.add_done_callback(_stop_on_failure(master))
    try:
        await master.run()
    finally:
        for task in aside:
            task.cancel()
        await asyncio.gather(*aside, return_exceptions=True)


def _stop_on_failure(master: GateMaster) -> Callable[[asyncio.Task[None]], None]:
    """The worker does not go on without its supervisor or its watch on trust."""

    def done(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("a part of the worker failed, stopping", exc_info=task.exception())
            master.shutdown()  # type: ignore[no-untyped-call]

    return done


def run_worker(config: Path, station: Station) -> None:
    """Be one worker until told to leave; exits with 2 when the start fails, after telling the supervisor why."""
    try:
        end_with_parent()
    except SupervisorGone:
        sys.exit(2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
    configure_logging(worker=station.writer)
    if not uvloop.run(_start(config, station)):
        sys.exit(2)


async def _start(config: Path, station: Station) -> bool:
    line = SupervisorLine(await ControlChannel.over(station.control))
    try:
        text = await line.settings()
        await serve(parse(text, config), settings_in_use(config, text), station, line)
    except CANNOT_START as e:
        await line.failed(str(e))
        return False
    except SupervisorGone:
        return False
    return True
