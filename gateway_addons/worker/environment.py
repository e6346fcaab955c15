"""What is one environment's own in a worker: trust, keys, secrets, names, backends; its pipeline and its listener's entry."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway_addons.adapters.identity.assertion_keys import AssertionKeys
from gateway_addons.adapters.identity.token_parts import TokenParts, token_parts
from gateway_addons.adapters.trust.trust_files import TrustFiles
from gateway_addons.addons.answer import last_resort
from gateway_addons.addons.flow_facts import ListenerFacts
from gateway_addons.addons.gate import GateEnvironment
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.proxy_protocol import balancers_of
from gateway_addons.addons.session import Entry
from gateway_addons.core.journal.in_use import InUse
from gateway_addons.core.pipeline import EnvironmentPorts, Pipeline
from gateway_addons.core.source import TrustedProxies
from gateway_addons.listener_trust import CurrentTls
from gateway_addons.settings.gateway import Settings
from gateway_addons.worker.shared_parts import SharedParts


@dataclass(frozen=True)
class Environment:
    """One environment, ready to be served; `fixed` is what of it never changes while the worker lives."""

    gate: GateEnvironment
    entry: Entry
    tls: CurrentTls
    tokens: TokenParts
    fixed: tuple[InUse, ...]


def build_environment(name: str, settings: Settings, parts: SharedParts) -> Environment:
    """Read its files and put it together.

    Raises:
        TrustError, OSError, ValueError, SSL.Error: what is wrong with a file.
    """
    own = settings.environments[name]  # type: ignore[index]
    trust = TrustFiles(own.clients)
    tls = CurrentTls(name, own, trust, parts.trust)
    tokens = token_parts(name, own.tokens, parts.tokens)
    assertion = AssertionKeys(own.assertion)
    ports = EnvironmentPorts(name, trust, tokens.verifier, assertion, parts.switch_board, tokens.introspection)
    pipeline = Pipeline(ports, parts.policy, parts.quota, parts.journal, parts.trace.stopwatch, parts.brake)
    listener = ListenerFacts(frozenset(own.hosts), parts.routes, parts.max_body_bytes)
    entry = Entry(
        environment=name,
        backend=address_of(own.backend.url),
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
    backends = {api: address_of(backend.url) for api, backend in own.backends.items()}
    gate = GateEnvironment(listener, pipeline, tokens.endpoint, settings.limits.decision_timeout_s, backends)
    return Environment(gate, entry, tls, tokens, (InUse("cle_assertion", name, "", assertion.key_id),))


def address_of(url: str) -> tuple[str, int]:
    """Host and port of a backend's URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 80
