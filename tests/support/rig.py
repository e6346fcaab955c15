"""The real engine and the real gate on real TLS sockets, with fakes of whole ports behind them and a backend that records."""

import asyncio
import base64
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway_addons.adapters.policy.api_files import load_routes
from gateway_addons.adapters.trust.server_files import ServerFiles
from gateway_addons.adapters.trust.trust_files import TrustFiles
from gateway_addons.addons.answer import last_resort
from gateway_addons.addons.brake import AddressBrake
from gateway_addons.addons.flow_facts import ListenerFacts
from gateway_addons.addons.gate import Gate, GateEnvironment
from gateway_addons.addons.listener import GateMaster
from gateway_addons.addons.proxy_protocol import balancers_of
from gateway_addons.addons.session import Entry
from gateway_addons.addons.tls_context import server_context
from gateway_addons.addons.trace import Trace
from gateway_addons.addons.trust_trace import TrustTrace
from gateway_addons.core.decision import Decision, QuotaToCharge, TokenDecision
from gateway_addons.core.facts import Evidence, IdentityFacts, SwitchFacts, TokenEvidence
from gateway_addons.core.pipeline import EnvironmentPorts, Pipeline
from gateway_addons.core.ports import QuotaCharge, TokenAnswer, TokenRequest
from gateway_addons.core.source import TrustedProxies
from gateway_addons.settings.address import ProxyProtocol
from gateway_addons.settings.brake import Brake
from gateway_addons.settings.listener import ClientTrust, Limits, ServerIdentity
from tests.support import pki

CORRELATION_ID = "123e4567-e89b-12d3-a456-426655440000"
ROOT = Path(__file__).resolve().parents[2]
CONTROLS = ("certificate", "address", "identifier", "identity", "contract", "rights")
LOT = {"organisme": {"siret": "13099990700012"}, "budget": {"type": "BP", "code": "01"}, "exercice": 2026,
       "periode": "2026-03", "flux": "comptable", "ecritures": [{"identifiant": "A1"}]}


@dataclass
class FakePolicy:
    """Allows a call whose certificate is verified, unless told otherwise."""

    failure: BaseException | None = None
    asked: list[Evidence] = field(default_factory=list)
    delay_s: float = 0

    async def decide(self, evidence: Evidence) -> Decision:
        await asyncio.sleep(self.delay_s)
        if self.failure:
            raise self.failure
        self.asked.append(evidence)
        if not evidence.identity.verified:
            return _unknown_token()
        allow = evidence.certificate.verified and evidence.rights.established
        reason = {"code": (evidence.certificate.verified and "4000") or "INF-CERT-04", "control": "certificate", "clause": "4-C1"}
        claims = {"organisation": "Essai", "application": "essai", "keytype": "PRODUCTION", "convention": "C", "siren": "1",
                  "enveloppeInterventionDistincte": True}
        return Decision.model_validate({
            "allow": allow, "controls": dict.fromkeys(CONTROLS, "pass") | ({} if allow else {"certificate": "fail"}),
            "reasons": [] if allow else [reason], "contract": "C", "quota": {"key": "C", "limit": 100000, "window_s": 60},
            "assertion": claims if allow else None, "obligations": [], "revision": "r-test"})

    async def decide_token(self, evidence: TokenEvidence) -> TokenDecision:
        raise NotImplementedError


def _unknown_token() -> Decision:
    return Decision.model_validate({
        "allow": False, "controls": dict.fromkeys(CONTROLS, "pass") | {"identity": "fail"}, "contract": None, "quota": None,
        "reasons": [{"code": "900901", "control": "identity", "clause": "4-C4"}], "assertion": None, "obligations": [],
        "revision": "r-test"})


@dataclass
class FakeQuota:
    failure: BaseException | None = None

    async def charge(self, quota: QuotaToCharge, body_bytes: int = 0) -> QuotaCharge:
        if self.failure:
            raise self.failure
        return QuotaCharge(True, quota.limit, quota.window_s, quota.limit - 1, 60.0)


@dataclass
class FakeJournal:
    announced: list[dict[str, Any]] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    notes: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    announce_failure: BaseException | None = None
    conclude_failure: BaseException | None = None

    def note(self, kind: str, about: Mapping[str, str]) -> None:
        if self.conclude_failure:
            raise self.conclude_failure
        self.notes.append((kind, dict(about)))

    async def announce(self, record: dict[str, Any]) -> None:
        if self.announce_failure:
            raise self.announce_failure
        self.announced.append(record)

    async def conclude(self, record: dict[str, Any]) -> None:
        if self.conclude_failure:
            raise self.conclude_failure
        self.records.append(record)


@dataclass
class FakeSwitches:
    failure: BaseException | None = None
    switches: tuple[SwitchFacts, ...] = ()

    def concerning(self, *of_call: Any) -> tuple[SwitchFacts, ...]:
        if self.failure:
            raise self.failure
        return self.switches


class FakeTokens:
    """Believes every token but `bad.*.*`; `bound.<SHA-256>.*` is bound to that certificate."""

    def verify(self, token: str, now: Any) -> IdentityFacts:
        kind, bound_to, _ = token.split(".")
        if kind == "bad":
            return IdentityFacts(presented=True, verified=False, failure="signature")
        return IdentityFacts(presented=True, verified=True, failure=None, client_id="essai",
                             certificate_sha256=bound_to if kind == "bound" else None)

    async def answer(self, given: TokenRequest) -> TokenAnswer:
        return TokenAnswer(200, {"access_token": "x"}, {}, None, "essai", "ab", None)


class FakeSigner:
    def sign(self, claims: Any, call: dict[str, Any], now: Any) -> str:
        return "e30." + base64.urlsafe_b64encode(json.dumps(call, sort_keys=True).encode()).decode().rstrip("=") + ".s"


@dataclass
class RecordingBackend:
    """A real HTTP/1.1 server on a free port that keeps every byte it was sent."""

    port: int = 0
    received: list[bytes] = field(default_factory=list)
    answer: bytes = (b"HTTP/1.1 201 Created\r\nServer: secret-banner\r\nX-Powered-By: x\r\nContent-Type: application/json\r\n"
                     b"Content-Length: 35\r\n\r\n" b'{"accuse":{"numeroAccuse":"INF-1"}}')
    silent: bool = False
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                               if line.startswith(b"content-length:")), 0)
                self.received.append(head + await reader.readexactly(length))
                if self.silent:
                    await asyncio.sleep(60)
                writer.write(self.answer)
                await writer.drain()
                if not self.answer.startswith(b"HTTP/1.1 201"):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@dataclass
class Rig:
    """Everything a test may turn or read."""

    port: int
    folder: Path
    authority: pki.Authority
    root_authority: pki.Authority
    good: tuple[Path, Path]
    server_ca: Path
    policy: FakePolicy
    quota: FakeQuota
    switches: FakeSwitches
    journal: FakeJournal
    backend: RecordingBackend
    gate: Gate
    trace: Trace
    trust: TrustFiles
    trust_trace: TrustTrace
    upstream: asyncio.Server
    open_connections: Callable[[], int]
    master: GateMaster

    async def stop_backend(self) -> None:
        """Nobody listens at the backend's address any more."""
        self.upstream.close()
        await asyncio.sleep(0)

    def client(self, identity: tuple[Path, Path] | None, **bend: Any) -> ssl.SSLContext:
        """A client context with this certificate."""
        context = ssl.create_default_context(cafile=str(self.server_ca))
        if identity:
            context.load_cert_chain(*map(str, identity))
        for name, value in bend.items():
            setattr(context, name, value)
        return context

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A TLS connection of the good client."""
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=self.client(self.good), server_hostname="localhost")

    async def send(self, raw: bytes, *, timeout_s: float = 8.0, server_name: str = "localhost") -> bytes:
        """Send these bytes over mutual TLS and read until the answer is whole or the gateway closes."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.client(self.good), server_hostname=server_name)
        try:
            writer.write(raw)
            await writer.drain()
            async with asyncio.timeout(timeout_s):
                return await read_answer(reader)
        finally:
            writer.transport.abort()


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    """One whole HTTP answer, or what came before the end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as e:
        return e.partial
    length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    return head + await reader.readexactly(length)


def request(
    method: str = "POST", path: str = "/infinoe/v1/ecritures/comptables", body: bytes | None = None, *,
    headers: tuple[tuple[str, str], ...] = (), without: tuple[str, ...] = (), port: int = 0,
) -> bytes:
    """A well-formed request, bent by a test."""
    body = json.dumps(LOT).encode() if body is None else body
    fields = {"Host": "localhost", "Authorization": "Bearer a.b.c", "X-Correlation-ID": CORRELATION_ID,
              "ID_Teleservice": "TS-1", "Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{k}: {v}" for k, v in fields.items() if k not in without] + [f"{k}: {v}" for k, v in headers]
    return (f"{method} {path} HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode() + body


@asynccontextmanager
async def running_rig(folder: Path, *, limits: Limits | None = None, refusal: str = "alert",
                      answer_timeout_s: float = 5.0, addons: tuple[object, ...] = (), proxy_protocol: ProxyProtocol | None = None,
                      proxies: TrustedProxies | None = None, brake: Brake | None = None, backend_port: int | None = None,
                      self_signed_file: Path | None = None) -> AsyncIterator[Rig]:
    """A gateway engine that listens on a free port of 127.0.0.1 until the block ends."""
    limits = limits or Limits()
    top = pki.root("Racine")
    authority = top.sub_authority("AC")
    anchors = folder / "anchors.pem"
    top.me.write(folder, "anchors", authority.me)
    (folder / "root.crl").write_bytes(top.crl())
    (folder / "ca.crl").write_bytes(authority.crl())
    server_ca = pki.root("Serveurs")
    server = server_ca.issue("localhost", usages=(ExtendedKeyUsageOID.SERVER_AUTH,), names=(
        x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))))
    identity = ServerIdentity(**dict(zip(("certificate_file", "key_file"), server.write(folder, "server"), strict=True)))
    server_ca.me.write(folder, "server-ca")
    shown = ServerFiles(identity, ("localhost", "127.0.0.1")).material
    trust = TrustFiles(ClientTrust(anchors_file=anchors, crl_files=(folder / "root.crl", folder / "ca.crl"),
                                   self_signed_file=self_signed_file))
    backend = RecordingBackend()
    upstream = await asyncio.start_server(backend.serve, "127.0.0.1", 0)
    backend.port = upstream.sockets[0].getsockname()[1]
    policy, quota, journal, trace, tokens = FakePolicy(), FakeQuota(), FakeJournal(), Trace(), FakeTokens()
    switches = FakeSwitches()
    routes, apis = load_routes([ROOT / "config/apis/infinoe.yaml"])
    braking = AddressBrake(brake or Brake(), trace.registry)
    pipeline = Pipeline(EnvironmentPorts("production", trust, tokens, FakeSigner(), switches), policy, quota, journal, brake=braking)
    gate = Gate({"production": GateEnvironment(
        ListenerFacts(frozenset({"localhost", "127.0.0.1"}), routes, apis[0].max_body_bytes), pipeline, tokens,
        limits.decision_timeout_s)}, journal, trace, brake=braking)
    trust_trace = TrustTrace(trace.registry, journal.note)
    entry = Entry("production", ("127.0.0.1", backend_port or backend.port), lambda: server_context(shown, trust.material, trust.validate,
                                                                               refusal=refusal),
                  limits, apis[0].max_body_bytes, answer_timeout_s, 1 << 20, last_resort, balancers=balancers_of(proxy_protocol), proxies=proxies)
    master = GateMaster({"production": entry}, [*addons, gate, trace, trust_trace], gate.in_flight, brake=braking)
    master.listen(["poterne:production@127.0.0.1:0"])
    task = asyncio.create_task(master.run())
    server_addon = master.addons.get("proxyserver")
    async with asyncio.timeout(10):
        while not server_addon.listen_addrs():
            if task.done():
                task.result()
            await asyncio.sleep(0.01)
    good = authority.issue("bon", unit="0002 13099990700012").write(folder, "good", authority.me)
    rig = Rig(server_addon.listen_addrs()[0][1], folder, authority, top, good, folder / "server-ca.pem", policy, quota, switches, journal,
              backend, gate, trace, trust, trust_trace, upstream, lambda: len(server_addon.connections), master)
    try:
        yield rig
    finally:
        await master.drain_and_stop(0.2)
        await task
        for handler in list(server_addon.connections.values()):
            await handler.on_timeout()
        upstream.close()
        await asyncio.sleep(0.01)
