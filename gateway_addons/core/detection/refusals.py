"""Repeated refusals, and identities that do not match: counted in a sliding window, for each subject."""

from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from gateway_addons.core.detection.alert import MAX_EVIDENCE, Alert
from gateway_addons.core.detection.rules import MismatchedIdentities, RepeatedRefusals
from gateway_addons.core.reasons import REASONS

MAX_SUBJECTS = 10_000
"""Subjects that are counted at once; the one that was quiet longest is forgotten first."""

MISMATCHES = frozenset({"INF-IDC-01", "INF-IDC-02", "INF-IDT-03"})
"""Codes of a call whose identities lead to different contracts (4-C1 to 4-C4)."""


class RefusalCounter:
    """Counts the refusals that one rule is about."""

    def __init__(self, rule: RepeatedRefusals | MismatchedIdentities) -> None:
        self._rule = rule
        self._by = rule.by if isinstance(rule, RepeatedRefusals) else "certificat"
        self._window = timedelta(seconds=rule.window_s)
        self._seen: OrderedDict[str, deque[tuple[datetime, str]]] = OrderedDict()

    def observe(self, record: Mapping[str, Any], at: datetime) -> Iterator[Alert]:
        """An alert when this record is the one that fills the window."""
        code = record.get("codeErreur")
        subject = record.get(self._by) or record.get("ip")
        if not isinstance(code, str) or not isinstance(subject, str) or not self._concerns(record, code):
            return
        calls = self._calls_of(subject)
        calls.append((at, str(record.get("requestId"))))
        while calls and calls[0][0] <= at - self._window:
            calls.popleft()
        if len(calls) < self._rule.count:
            return
        yield Alert(
            rule=self._rule.id, kind=self._rule.kind, severity=self._rule.severity, at=at, subject=subject, count=len(calls),
            message=f"{len(calls)} refus en {self._rule.window_s} s ({self._by} {subject}), le dernier : {code}",
            evidence=tuple(request_id for _, request_id in calls)[-MAX_EVIDENCE:],
            details={"code": code, "convention": str(record.get("convention") or ""), "ip": str(record.get("ip") or ""),
                     "environnement": str(record.get("environnement") or "")},
        )
        calls.clear()

    def _concerns(self, record: Mapping[str, Any], code: str) -> bool:
        if isinstance(self._rule, MismatchedIdentities):
            return code in MISMATCHES or any(r.get("code") in MISMATCHES for r in record.get("motifs") or ())
        reason = REASONS.get(code)
        return code in self._rule.codes or (reason is not None and reason.control in self._rule.controls)

    def _calls_of(self, subject: str) -> deque[tuple[datetime, str]]:
        calls = self._seen.get(subject)
        if calls is None:
            calls = self._seen[subject] = deque(maxlen=self._rule.count)
            if len(self._seen) > MAX_SUBJECTS:
                self._seen.popitem(last=False)
        self._seen.move_to_end(subject)
        return calls
