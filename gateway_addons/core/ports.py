"""What the core needs from outside, named for its role; adapters are named for their product."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from gateway_addons.core.decision import AssertionClaims, Decision, QuotaToCharge, TokenDecision
from gateway_addons.core.facts import AddressFacts, CertificateFacts, Evidence, IdentityFacts, SwitchFacts, TokenEvidence
from gateway_addons.core.path import Link


class PolicyEngine(Protocol):
    """Takes every verdict."""

    async def decide(self, evidence: Evidence) -> Decision:
        """The verdicts on one call. Raises `PolicyUnavailable`."""

    async def decide_token(self, evidence: TokenEvidence) -> TokenDecision:
        """May a token be issued. Raises `PolicyUnavailable`."""


@dataclass(frozen=True, slots=True)
class WindowUse:
    """One window besides the contract's, after a charge: `remaining` of `limit` calls or bytes are free now.

    `reset_s` until all of them are, when no call is made.
    """

    name: str
    unit: Literal["calls", "bytes"]
    limit: int
    window_s: int
    remaining: int
    reset_s: float


@dataclass(frozen=True, slots=True)
class QuotaCharge:
    """What the windows said: `remaining` calls of `limit` are free now.

    `reset_s` until all of them are, when no call is made; `retry_s` until a call like this one fits into all windows (0:
    now); `at_us` the call's time on the windows' clock, in microseconds; `source` is the windows that were charged: those
    that all gateways share, or this worker's own while Redis fails; `extra` the call's other windows.
    """

    accepted: bool
    limit: int
    window_s: int
    remaining: int
    reset_s: float
    retry_s: float = 0.0
    at_us: int = 0
    source: Literal["redis", "local"] = "redis"
    extra: tuple[WindowUse, ...] = ()


class QuotaStore(Protocol):
    """The sliding windows of clause 9.2, one clock for all gateways."""

    async def charge(self, quota: QuotaToCharge, body_bytes: int = 0) -> QuotaCharge:
        """Count this call in all of its windows, if it fits into each; else in none. Raises `QuotaUnavailable`."""


class QuotaWatch(Protocol):
    """Is told what becomes of the windows: metrics and alerts."""

    def charged(self, quota: QuotaToCharge, charge: QuotaCharge) -> None:
        """A window was charged, Redis's or this worker's own."""

    def failed(self, why: str, choice: Literal["refuse", "local"]) -> None:
        """Redis did not charge; `choice` says what is done instead."""

    def recovered(self) -> None:
        """Redis charges again."""


class Switches(Protocol):
    """What operators cut or restricted, as all gateways know it."""

    def concerning(
        self, environment: str, certificate: CertificateFacts, address: AddressFacts, client_id: str | None, flux: str | None
    ) -> tuple[SwitchFacts, ...]:
        """All that are not surely another's; no I/O. Raises `RegisterUnavailable` when none were ever read."""


class RegisterWatch(Protocol):
    """Is told how a shared register fares: metrics and alerts."""

    def failed(self, register: str, copy: Literal["redis", "mirror"], why: str) -> None:
        """A copy cannot be read, cannot be written, or holds what is no record; what is known is kept."""

    def recovered(self, register: str, copy: Literal["redis", "mirror"]) -> None:
        """That copy is whole again."""

    def refreshed(self, register: str, entries: int) -> None:
        """The register was compared with Redis just now."""


class Journal(Protocol):
    """One record for each call."""

    async def announce(self, record: dict[str, Any]) -> None:
        """Make durable that this call is about to reach the backend. Raises `JournalUnavailable`."""

    async def conclude(self, record: dict[str, Any]) -> None:
        """Write the call's one record, complete. Raises `JournalUnavailable`."""


class TokenVerifier(Protocol):
    """Reads access tokens of one environment."""

    def verify(self, token: str, now: datetime) -> IdentityFacts:
        """The token's facts; a token that is not believed comes back with `failure`, never as an exception."""


class TokenPreparation(Protocol):
    """Asks somebody else about a token before it is verified."""

    async def prepare(self, token: str, now: datetime) -> None:
        """Learn what `TokenVerifier.verify` will need of this token; whatever fails is told by its facts."""


class AssertionSigner(Protocol):
    """Signs what the backend is told."""

    def sign(self, claims: AssertionClaims, call: dict[str, Any], now: datetime) -> str:
        """A compact JWS (RFC 7515) for the header X-JWT-Assertion."""


class RevocationLists(Protocol):
    """What is known of revocation in one environment: its lists, and answers of OCSP responders."""

    async def prepare(self, links: Sequence[Link], now: datetime) -> None:
        """Ask the responders of those certificates that no list tells of, where no fresh answer is at hand. Never raises:
        what could not be learnt stays `unknown`.
        """

    def status(self, link: Link, now: datetime) -> str:
        """`good`, `revoked` or `unknown` for one certificate of a verified path."""


Endpoint = Literal["token", "revoke", "introspect", "jwks", "metadata"]
"""The endpoints of an authorization server (RFC 6749, RFC 7009, RFC 7662, RFC 7517, RFC 8414)."""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request to the authorization server; `certificate`, `leaf_der` and `address` are facts, the rest the caller's word."""

    now: datetime
    certificate: CertificateFacts
    address: AddressFacts
    authorization: str | None
    content_type: str
    body: bytes
    endpoint: Endpoint = "token"
    leaf_der: bytes | None = None


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What the endpoint answers (RFC 6749 sections 5.1 and 5.2), and for the record why; `detail` is the operator's."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]
    code: str | None
    client_id: str | None
    certificate_sha256: str | None
    decision: TokenDecision | None
    operation: str = "jeton"
    detail: str = ""
    question: dict[str, Any] | None = None
    """What policy was asked, of plain values, for the record."""


class TokenEndpoint(Protocol):
    """The authorization server of one environment."""

    async def answer(self, given: TokenRequest) -> TokenAnswer:
        """What was asked for, or an OAuth2 error. Raises `Refusal` when the controls cannot be performed."""


class CallBrake(Protocol):
    """Makes unauthenticated callers wait who fail too often."""

    def check(self, evidence: Evidence) -> None:
        """Raises `Refusal` INF-LIM-02 when this caller must wait; never for an authenticated one."""


class Stopwatch(Protocol):
    """Measures the stages of a call."""

    def __call__(self, stage: str) -> AbstractContextManager[None]:
        """Time what happens within; `stage` is one of a fixed few."""


class NoBrake:
    """Lets everyone on; implements `CallBrake`."""

    def check(self, evidence: Evidence) -> None:
        """Nobody waits."""


NO_BRAKE = NoBrake()


@contextmanager
def no_stopwatch(stage: str) -> Iterator[None]:
    """Measures nothing."""
    yield
