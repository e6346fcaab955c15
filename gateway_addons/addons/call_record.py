"""The record of each call: made once, announced before the call leaves, concluded when its answer does (clauses 4-c, 8-h1)."""

import time
from typing import Any

from mitmproxy import http

from gateway_addons.addons import flow_facts
from gateway_addons.addons.brake import AddressBrake
from gateway_addons.addons.call import Call, correlation_id
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.trace import Trace
from gateway_addons.core.journal.masking import Masking
from gateway_addons.core.journal.record import call_record, concluded, token_record
from gateway_addons.core.ports import Journal
from gateway_addons.core.reasons import REASONS


class CallRecords:
    """Writes the records of the gate's calls, and tells trace and brake what became of each."""

    def __init__(self, journal: Journal, trace: Trace, brake: AddressBrake, masking: Masking) -> None:
        self._journal, self._trace, self._brake = journal, trace, brake
        self.masking = masking
        self._in_flight: set[str] = set()

    def begin(self, call: Call) -> None:
        """A call has come in; from now on it is owed a record."""
        self._in_flight.add(call.request_id)

    def in_flight(self) -> int:
        """How many calls have come in and have no record yet."""
        return len(self._in_flight)

    def announced(self, flow: http.HTTPFlow, call: Call) -> dict[str, Any]:
        """What is announced of a call that is about to leave; its conclusion builds on it."""
        call.announced = self._record(flow, call)
        return call.announced

    async def conclude(self, flow: http.HTTPFlow, call: Call, status: int | None) -> None:
        """Write the record, once.

        Raises:
            JournalUnavailable: it could not be written.
        """
        self._in_flight.discard(call.request_id)
        if call.concluded:
            return
        duration_ms = round((time.perf_counter() - call.started) * 1000)
        record = concluded(call.announced or self._record(flow, call), status=status, code=call.code, receipt=call.receipt,
                           forwarded=call.forwarded, duration_ms=duration_ms, detail=call.detail)
        if call.code is not None:  # else it did not fail
            decision = call.token.decision if call.token else call.progress.decision
            self._brake.answered(flow_facts.caller(flow), call.code, decision.controls if decision else None)
        await self._journal.conclude(record)
        call.concluded = True
        self._trace.call(record, REASONS[call.code].control if call.code and call.code in REASONS else "")

    async def conclude_after_fault(self, flow: http.HTTPFlow, call: Call) -> None:
        """An exception that nobody foresaw, on the answer's way out: the refusal stands and is recorded. Never raises."""
        self._in_flight.discard(call.request_id)
        call.code = "INF-GEN-02" if call.forwarded else "INF-GEN-01"
        try:
            await self.conclude(flow, call, flow.response.status_code if flow.response else None)
        except Exception as e:  # noqa: BLE001 - there is nothing left to do but to say so
            self._trace.fault("record", e)

    def _record(self, flow: http.HTTPFlow, call: Call) -> dict[str, Any]:
        record = call_record(
            request_id=call.request_id, correlation_id=correlation_id(flow, call),
            environment=flow_facts.session_of(flow).environment, received_at=call.received_at, peer=flow_facts.peer_of(flow),
            method=flow.request.method, path=flow.request.path[:256], progress=call.progress, body_sha256=call.digest,
        )
        return self.masking.record(token_record(record, call.token) if call.token else record)
