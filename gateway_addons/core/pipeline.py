"""One call, told from top to bottom: evidence, policy, quota, assertion, announcement. What is left to the caller: the
bytes (the gate builds `CallInput` from the flow) and sending the answer or the call.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway_addons.core.decision import Decision, QuotaToCharge
from gateway_addons.core.errors import (
    JournalUnavailable,
    PolicyUnavailable,
    QuotaUnavailable,
    Refusal,
    RegisterUnavailable,
)
from gateway_addons.core.evidence.address import ObservedAddress, address_facts
from gateway_addons.core.evidence.certificate import PresentedCertificate, certificate_facts
from gateway_addons.core.evidence.identifier import identifier_facts
from gateway_addons.core.evidence.identity import bearer_token, identity_facts
from gateway_addons.core.facts import CallFacts, Evidence, RightsFacts, SwitchFacts
from gateway_addons.core.ports import (
    NO_BRAKE,
    AssertionSigner,
    CallBrake,
    Journal,
    PolicyEngine,
    QuotaCharge,
    QuotaStore,
    RevocationLists,
    Stopwatch,
    Switches,
    TokenPreparation,
    TokenVerifier,
    no_stopwatch,
)
from gateway_addons.core.quota import never_fits


@dataclass(frozen=True, slots=True)
class CallInput:
    """What the gate observed: connection, headers that controls read, and the rights that the body asks for.

    `address` is what the connection and trusted proxies told; `certificate` is what the TLS layer verified; the rest is the
    caller's word.
    """

    now: datetime
    call: CallFacts
    address: ObservedAddress
    certificate: PresentedCertificate | None
    identifiers: tuple[str, ...]
    authorization: str | None
    rights: RightsFacts
    body_sha256: str
    body_bytes: int


@dataclass(slots=True)
class Progress:
    """How far a call came: what the journal tells of it, filled in step by step, so that a failure leaves its trace."""

    evidence: Evidence | None = None
    decision: Decision | None = None
    charge: QuotaCharge | None = None


RecordOf = Callable[[Progress], dict[str, Any]]
"""Makes the journal's record of a call from how far it came."""


@dataclass(frozen=True, slots=True)
class EnvironmentPorts:
    """What is an environment's own."""

    name: str
    revocation: RevocationLists
    tokens: TokenVerifier
    assertions: AssertionSigner
    switches: Switches
    introspection: TokenPreparation | None = None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The five controls and the quota of one environment."""

    environment: EnvironmentPorts
    policy: PolicyEngine
    quota: QuotaStore
    journal: Journal
    stopwatch: Stopwatch = no_stopwatch
    brake: CallBrake = NO_BRAKE

    async def admit(self, given: CallInput, progress: Progress, record_of: RecordOf) -> str:
        """The `X-JWT-Assertion` of a call that may go on to the backend, whose record is durable by then.

        Raises:
            Refusal: the call must not go on; its code is the answer's.
        """
        # 1. what was observed, one room for each control
        if given.certificate is not None:
            await self.environment.revocation.prepare(given.certificate.links, given.now)
        if self.environment.introspection is not None and (token := bearer_token(given.authorization)) is not None:
            await self.environment.introspection.prepare(token, given.now)
        with self.stopwatch("evidence"):
            progress.evidence = evidence = self._gather(given, progress)
        # 2. who fails too often waits, before anybody is asked; who is authenticated never does
        self.brake.check(evidence)
        # 3. every verdict, from policy alone
        progress.decision = decision = await self._decide(evidence)
        # 4. the quota of a known consumer is charged whatever the other verdicts (AMB-3)
        if decision.quota is not None:
            progress.charge = await self._charge(decision.quota, given.body_bytes)
            if not progress.charge.accepted:
                raise Refusal("900804")
        # 5. refused until proven allowed
        if decision.allow is not True or decision.assertion is None:
            code = decision.reasons[0].code
            raise Refusal(code, "refused by policy", _retry_after(code, decision, given.now))
        # 6. what the backend is told, bound to this very call
        assertion = self.environment.assertions.sign(decision.assertion, _bound_call(given), given.now)
        # 7. no exchange without a trace
        await self._announce(record_of(progress))
        return assertion

    def _gather(self, given: CallInput, progress: Progress) -> Evidence:
        environment = self.environment
        certificate = certificate_facts(given.certificate, environment.revocation, given.now)
        address = address_facts(given.address)
        identity = identity_facts(given.authorization, environment.tokens, given.now)

        def evidence(switches: tuple[SwitchFacts, ...]) -> Evidence:
            return Evidence(given.now, environment.name, given.call, certificate, address, identifier_facts(given.identifiers),
                            identity, given.rights, switches)

        try:  # what operators cut; where that cannot be known, nothing passes
            return evidence(environment.switches.concerning(
                environment.name, certificate, address, identity.client_id, given.call.flux))
        except RegisterUnavailable as e:
            progress.evidence = evidence(())
            raise Refusal("INF-DEP-06", str(e)) from e

    async def _decide(self, evidence: Evidence) -> Decision:
        try:
            with self.stopwatch("policy"):
                return await self.policy.decide(evidence)
        except PolicyUnavailable as e:
            raise Refusal("INF-DEP-01", str(e)) from e

    async def _charge(self, quota: QuotaToCharge, body_bytes: int) -> QuotaCharge:
        if never_fits(quota, body_bytes):
            raise Refusal("INF-REQ-07", f"{body_bytes} bytes are more than a window of the contract holds")
        try:
            with self.stopwatch("quota"):
                return await self.quota.charge(quota, body_bytes)
        except QuotaUnavailable as e:
            raise Refusal("INF-DEP-02", str(e)) from e

    async def _announce(self, record: dict[str, Any]) -> None:
        try:
            with self.stopwatch("journal"):
                await self.journal.announce(record)
        except JournalUnavailable as e:
            raise Refusal("INF-INT-01", str(e)) from e


def _retry_after(code: str, decision: Decision, now: datetime) -> tuple[tuple[str, str], ...]:
    """11-b: a maintenance says when it ends, in whole seconds, rounded up."""
    if code != "INF-MNT-01" or decision.retry_at is None:
        return ()
    left_s = (datetime.fromisoformat(decision.retry_at) - now).total_seconds()
    return (("Retry-After", str(max(1, math.ceil(left_s)))),)


def _bound_call(given: CallInput) -> dict[str, Any]:
    call = given.call
    return {"jti": call.request_id, "correlationId": call.correlation_id, "htm": call.method, "htu": call.path,
            "body_sha256": given.body_sha256, "flux": call.flux, "operation": call.operation}
