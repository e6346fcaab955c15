"""The one gate. Every hook starts from a refusal; only the pipeline's word lifts it, last of all.

The engine logs an exception in a hook and goes on, so each hook first sets the answer "refused", and the backend is
reached only by a flow that carries the gate's `Admission` (see `http_stream`).
"""

import asyncio
import functools
import hashlib
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mitmproxy import http
from mitmproxy.addonmanager import Loader
from prometheus_client import CollectorRegistry

from gateway_addons.addons import answer, flow_facts
from gateway_addons.addons.backend_exchange import address_to_backend, read_backend_answer
from gateway_addons.addons.brake import AddressBrake
from gateway_addons.addons.call import CALL, Call, correlation_id
from gateway_addons.addons.call_record import CallRecords
from gateway_addons.addons.messages import put_headers
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.session import ADMITTED, BACKEND_FAILURE, RELEASED, Admission, Release
from gateway_addons.addons.token_call import answer_token_call, check_token_form, is_token_call
from gateway_addons.addons.trace import Trace
from gateway_addons.core import content_digest
from gateway_addons.core.answer_shape import RECEIPT_NAMES
from gateway_addons.core.errors import JournalUnavailable, Refusal
from gateway_addons.core.facts import CallFacts
from gateway_addons.core.journal.masking import NOTHING_MASKED, Masking
from gateway_addons.core.pipeline import CallInput, Pipeline
from gateway_addons.core.ports import Journal, TokenEndpoint
from gateway_addons.core.reasons import REASONS
from gateway_addons.core.routes import RouteMatch
from gateway_addons.settings.brake import Brake

LARGE_BODY_BYTES = 64 * 1024
"""From here on a body is read in a thread, so that other calls go on meanwhile."""

LARGE_BODIES_AT_A_TIME = 1
"""Reading takes memory of the body's size and the interpreter's lock: others wait, within the decision's time."""


@dataclass(frozen=True, slots=True)
class GateEnvironment:
    """What the gate needs of one environment."""

    listener: flow_facts.ListenerFacts
    pipeline: Pipeline
    tokens: TokenEndpoint
    decision_timeout_s: float
    backends: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Backends of APIs that have one of their own, by the API's name."""


type Hook = Callable[["Gate", http.HTTPFlow, http.Response | None], Coroutine[Any, Any, None]]


def starts_refused(hook: Hook) -> Callable[["Gate", http.HTTPFlow], Coroutine[Any, Any, None]]:
    """Line one of every hook: the answer is a refusal. Only the hook's own last word replaces it; an exception does not.

    The hook is given the answer that stood before.
    """

    @functools.wraps(hook)
    async def refused_first(gate: "Gate", flow: http.HTTPFlow) -> None:
        given = flow.response
        call = flow.metadata.get(CALL)
        code = "INF-GEN-02" if isinstance(call, Call) and call.forwarded else "INF-GEN-01"
        flow.response = answer.standing_refusal(code)
        try:
            await hook(gate, flow, given)
        except BaseException as e:
            flow.response = answer.refusal(code, flow.request, datetime.now(UTC), {})
            if not isinstance(e, Exception):  # the connection is over
                raise
            await gate.conclude_after_fault(hook.__name__, flow, e)
        if hook.__name__ == "response":
            flow.metadata[RELEASED] = Release()

    return refused_first


class Gate:
    """The addon. One instance serves all listeners; a flow's session says which environment it belongs to."""

    def __init__(self, environments: Mapping[str, GateEnvironment], journal: Journal, trace: Trace, warn_at: float = 0.8,
                 brake: AddressBrake | None = None, masking: Masking = NOTHING_MASKED) -> None:
        self._environments, self._warn_at = environments, warn_at
        self._trace = trace
        self._brake = brake or AddressBrake(Brake(), CollectorRegistry())
        self.records = CallRecords(journal, trace, self._brake, masking)
        self._large_bodies = asyncio.Semaphore(LARGE_BODIES_AT_A_TIME)

    def load(self, loader: Loader) -> None:
        """Refuse any other engine than the own one."""
        load(loader)

    def in_flight(self) -> int:
        """How many calls have come in and have no record yet."""
        return self.records.in_flight()

    # --- the hooks, in the order of a call ---

    @starts_refused
    async def requestheaders(self, flow: http.HTTPFlow, _: http.Response | None) -> None:
        """Form and route; a refusal here is answered at once, before the body is read."""
        call = flow.metadata[CALL] = Call()
        self.records.begin(call)
        try:
            environment = self._environment(flow)
            flow_facts.check_form(flow, environment.listener)
            if is_token_call(flow.request):
                check_token_form(flow.request)
            else:
                call.match = flow_facts.find_route(flow, environment.listener)
                call.facts = flow_facts.call_facts(flow, call.match, call.request_id)
        except Refusal as refusal:
            flow.response = self._refuse(flow, call, self._or_wait(flow, refusal))
        else:
            flow.response = None

    @starts_refused
    async def request(self, flow: http.HTTPFlow, _: http.Response | None) -> None:
        """The five controls and the quota; the last statement of a whole pass is the only one that admits."""
        call: Call = flow.metadata[CALL]
        try:
            environment = self._environment(flow)
            flow_facts.check_form(flow, environment.listener)
            async with asyncio.timeout(environment.decision_timeout_s):
                if is_token_call(flow.request):
                    flow.response = await self._token(flow, call, environment)
                    return
                assertion = await self._admit(flow, call, environment)
        except Refusal as refusal:
            flow.response = self._refuse(flow, call, refusal)
        else:
            self._address(flow, call, environment, assertion)
            flow.metadata[ADMITTED] = Admission()
            call.code, call.forwarded, flow.response = None, True, None

    @starts_refused
    async def response(self, flow: http.HTTPFlow, given: http.Response | None) -> None:
        """The answer goes out, the gate's own or the backend's rebuilt, once its record is written."""
        call: Call = flow.metadata[CALL]
        try:
            if given is None:
                raise Refusal("INF-GEN-01", "no answer")
            final = await self._from_backend(call, given) if call.forwarded else given
        except Refusal as refusal:
            final = self._refuse(flow, call, refusal)
        put_headers(final, self._call_headers(flow, call))
        try:
            await self.records.conclude(flow, call, final.status_code)
        except JournalUnavailable as e:
            final = self._refuse(flow, call, Refusal("INF-GEN-02" if call.forwarded else "INF-INT-01", str(e)))
        flow.response = final

    @starts_refused
    async def error(self, flow: http.HTTPFlow, _: http.Response | None) -> None:
        """The backend failed, or the client went away; whatever was or was not sent on, the call gets its record."""
        call: Call = flow.metadata[CALL]
        failure, message = flow.metadata.get(BACKEND_FAILURE), flow.error.msg if flow.error else ""
        if failure is None:
            call.detail = call.detail or f"client gone: {message}"
            await self.records.conclude(flow, call, None)
            return
        flow.response = self._refuse(flow, call, Refusal(failure, message))
        await self.records.conclude(flow, call, flow.response.status_code)

    # --- the steps ---

    async def _admit(self, flow: http.HTTPFlow, call: Call, environment: GateEnvironment) -> str:
        if call.match is None or call.facts is None:
            raise Refusal("INF-GEN-01", "no route was found for this call")
        body = flow.request.raw_content or b""
        if len(body) < LARGE_BODY_BYTES:
            given = self._read(flow, call, call.match, call.facts, body)
        else:
            async with self._large_bodies:
                given = await asyncio.to_thread(self._read, flow, call, call.match, call.facts, body)
        return await environment.pipeline.admit(given, call.progress, lambda _: self.records.announced(flow, call))

    def _read(self, flow: http.HTTPFlow, call: Call, match: RouteMatch, facts: CallFacts, body: bytes) -> CallInput:
        call.digest = hashlib.sha256(body).hexdigest()
        stated = flow.request.headers.get("content-digest")
        if stated is not None:
            content_digest.verify(stated, body)
        return flow_facts.call_input(flow, match, facts, call.received_at, call.digest)

    def _address(self, flow: http.HTTPFlow, call: Call, environment: GateEnvironment, assertion: str) -> None:
        if call.match is None or call.digest is None:  # pragma: no cover - a call without a route was refused
            raise Refusal("INF-GEN-01", "no route, or a body that was not read")
        address_to_backend(flow.request, assertion, call.request_id, call.digest,
                           backend=environment.backends.get(call.match.api.api), headers=call.match.headers)

    def _or_wait(self, flow: http.HTTPFlow, refusal: Refusal) -> Refusal:
        """The refusal itself, or that its caller fails too often and must wait."""
        try:
            if REASONS[refusal.code].status < 500:
                self._brake.check_caller(flow_facts.caller(flow))
        except Refusal as wait:
            return wait
        return refusal

    async def _token(self, flow: http.HTTPFlow, call: Call, environment: GateEnvironment) -> http.Response:
        self._brake.check_caller(flow_facts.caller(flow))
        given = await answer_token_call(flow, call.received_at, environment.pipeline.environment.revocation,
                                        environment.tokens)
        call.code, call.token, call.detail = given.code, given, given.detail
        return answer.answer(given.status, given.body, given.headers)

    async def _from_backend(self, call: Call, given: http.Response) -> http.Response:
        names = call.match.api.names_in_answers if call.match else RECEIPT_NAMES
        if len(given.raw_content or b"") < LARGE_BODY_BYTES:
            told = read_backend_answer(given, names)
        else:
            async with self._large_bodies:
                told = await asyncio.to_thread(read_backend_answer, given, names)
        call.receipt, call.code = told.receipt, told.code
        return told.response

    def _refuse(self, flow: http.HTTPFlow, call: Call, refusal: Refusal) -> http.Response:
        call.code, call.detail = refusal.code, refusal.detail
        headers = dict(refusal.headers) | self._call_headers(flow, call)
        if refusal.code in answer.CHALLENGES:
            headers["WWW-Authenticate"] = answer.CHALLENGES[refusal.code]
        return answer.refusal(refusal.code, flow.request, datetime.now(UTC), headers)

    def _call_headers(self, flow: http.HTTPFlow, call: Call) -> dict[str, str]:
        headers = {"X-Request-ID": call.request_id}
        if known := correlation_id(flow, call):
            headers["X-Correlation-ID"] = known
        if call.progress.charge is not None:
            headers |= answer.rate_limit_headers(call.progress.charge, self._warn_at)
        return headers

    async def conclude_after_fault(self, hook: str, flow: http.HTTPFlow, error: Exception) -> None:
        """An exception that nobody foresaw: the refusal of line one stands, and an answer on its way out gets its record."""
        self._trace.fault(hook, error)
        call = flow.metadata.get(CALL)
        if not isinstance(call, Call) or hook not in {"response", "error"}:
            return
        call.detail = f"{hook}: {type(error).__name__}"
        await self.records.conclude_after_fault(flow, call)

    def _environment(self, flow: http.HTTPFlow) -> GateEnvironment:
        return self._environments[flow_facts.session_of(flow).environment]
