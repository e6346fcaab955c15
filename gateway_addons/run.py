"""The composition root: settings, then adapters, then the engine with the gate in it. Nothing is global, nothing is late:
whatever is wrong with a file stops the start here.
"""

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog
from OpenSSL import SSL

from gateway_addons.adapters.backend_health import BackendHealth
from gateway_addons.adapters.identity.signing_keys import AccessTokens, AssertionKeys
from gateway_addons.adapters.identity.token_service import SecretsFile, TokenService
from gateway_addons.adapters.journal.journal_file import JournalFile
from gateway_addons.adapters.policy.api_files import load_routes
from gateway_addons.adapters.policy.opa import OpaPolicy
from gateway_addons.adapters.quota.guarded_quota import GuardedQuota
from gateway_addons.adapters.quota.redis_quota import RedisQuota
from gateway_addons.adapters.redis_client import connect
from gateway_addons.adapters.trust.trust_files import TrustFiles
from gateway_addons.addons.answer import last_resort
from gateway_addons.addons.flow_facts import ListenerFacts
from gateway_addons.addons.gate import Gate, GateEnvironment
from gateway_addons.addons.listener import GateMaster
from gateway_addons.addons.quota_trace import QuotaTrace
from gateway_addons.addons.session import Entry
from gateway_addons.addons.tls import server_context
from gateway_addons.addons.trace import Trace, configure_logging
from gateway_addons.admin.app import admin_app, admin_server, serve
from gateway_addons.admin.health import Dependency, Readiness
from gateway_addons.core.pipeline import EnvironmentPorts, Pipeline
from gateway_addons.core.routes import RouteTable
from gateway_addons.settings.gateway import Environment, Settings

TRUST_LOOK_S = 1.0
"""How often the trust material is looked at for changes."""

log = structlog.get_logger("poterne.run")


class CurrentTls:
    """The TLS context that serves the next connection; made again when trust changes."""

    def __init__(self, settings: Environment, trust: TrustFiles) -> None:
        self._settings = settings
        self._trust = trust
        self._context = self._make()

    def __call__(self) -> SSL.Context:
        """The context that is current now."""
        return self._context

    def refresh(self) -> bool:
        """Take up changed trust material; True when there was some."""
        if not self._trust.reload():
            return False
        self._context = self._make()
        return True

    def _make(self) -> SSL.Context:
        return server_context(self._settings.server, self._trust.material, refusal=self._settings.clients.refusal)


@dataclass(frozen=True)
class Parts:
    """The adapters that all environments share."""

    policy: OpaPolicy
    quota: GuardedQuota
    journal: JournalFile
    trace: Trace
    routes: RouteTable
    max_body_bytes: int


def build_environment(name: str, settings: Settings, parts: Parts) -> tuple[GateEnvironment, Entry, CurrentTls]:
    """Everything that is one environment's own: trust, keys, secrets, names, backend."""
    own = settings.environments[name]  # type: ignore[index]
    trust = TrustFiles(own.clients)
    tls = CurrentTls(own, trust)
    tokens = AccessTokens(name, own.tokens)
    ports = EnvironmentPorts(name, trust, tokens, AssertionKeys(own.assertion))
    pipeline = Pipeline(ports, parts.policy, parts.quota, parts.journal, parts.trace.stopwatch)
    service = TokenService(name, SecretsFile(own.tokens.client_secrets_file), tokens, parts.policy)
    listener = ListenerFacts(frozenset(own.hosts), parts.routes, parts.max_body_bytes)
    backend = urlsplit(own.backend.url)
    entry = Entry(
        environment=name,
        backend=(backend.hostname or "", backend.port or 80),
        tls_context=tls,
        limits=settings.limits,
        max_body_bytes=parts.max_body_bytes,
        answer_timeout_s=own.backend.answer_timeout_s,
        max_answer_bytes=own.backend.max_answer_bytes,
        last_resort=last_resort,
    )
    return GateEnvironment(listener, pipeline, service, settings.limits.decision_timeout_s), entry, tls


def dependencies(settings: Settings, parts: Parts) -> Readiness:
    """What `/health/ready` looks at."""
    named: dict[str, Dependency] = {
        "opa": Dependency(parts.policy.healthy),
        "redis": Dependency(parts.quota.healthy),
        "journal": Dependency(parts.journal.healthy),
    }
    for name, own in settings.environments.items():
        named[f"backend_{name}"] = Dependency(BackendHealth(own.backend.url).healthy)
    return Readiness(named)


async def gateway(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; calls in flight are finished first."""
    routes, apis = load_routes(settings.apis)
    trace = Trace()
    parts = Parts(
        policy=OpaPolicy(settings.opa.address, settings.opa.timeout_s),
        quota=GuardedQuota(RedisQuota(connect(settings.redis), settings.redis.timeout_s), settings.quota,
                           QuotaTrace(trace.registry, settings.quota.warn_at)),
        journal=JournalFile(settings.journal.file),
        trace=trace,
        routes=routes,
        max_body_bytes=max(api.max_body_bytes for api in apis),
    )
    recovered = parts.journal.open()
    built = {name: build_environment(name, settings, parts) for name in settings.environments}
    gate = Gate({name: b[0] for name, b in built.items()}, parts.journal, parts.trace, settings.quota.warn_at)
    master = GateMaster({name: b[1] for name, b in built.items()}, [gate, parts.trace], gate.in_flight)
    modes = [f"poterne:{name}@{own.listen.host}:{own.listen.port}" for name, own in settings.environments.items()]
    master.listen(modes)
    admin = admin_server(admin_app(dependencies(settings, parts), parts.trace.registry), settings.admin)
    log.info("start", environments=list(built), concluded_after_crash=recovered)
    try:
        await _run(master, admin, [b[2] for b in built.values()])
    finally:
        await parts.policy.close()
        await parts.quota.close()
        parts.journal.close()
        log.info("stop")


async def _run(master: GateMaster, admin: object, contexts: list[CurrentTls]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: asyncio.ensure_future(master.drain_and_stop()))
    aside = [asyncio.create_task(serve(admin)), asyncio.create_task(_watch_trust(contexts))]  # type: ignore[arg-type]
    for task in aside:
        task.add_done_callback(_stop_on_failure(master))
    try:
        await master.run()
    finally:
        for task in aside:
            task.cancel()
        await asyncio.gather(*aside, return_exceptions=True)


def _stop_on_failure(master: GateMaster) -> Callable[[asyncio.Task[None]], None]:
    """The gateway does not go on without its operator's window or its watch on trust."""

    def done(task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            log.error("a part of the gateway ended, stopping", exc_info=task.exception())
            master.shutdown()  # type: ignore[no-untyped-call]

    return done


async def _watch_trust(contexts: list[CurrentTls]) -> None:
    while True:
        await asyncio.sleep(TRUST_LOOK_S)
        for context in contexts:
            if context.refresh():
                log.info("trust material taken up")


def run(settings: Settings) -> None:
    """Run the gateway in this process until it is told to stop."""
    configure_logging()
    asyncio.run(gateway(settings))
