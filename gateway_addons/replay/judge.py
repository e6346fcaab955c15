"""What came of a case: refused, forwarded identically, closed, or something that must not be."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from gateway_addons.core.reasons import REASONS
from gateway_addons.replay.case import Case
from gateway_addons.replay.reading import ReadRequest, read_requests
from gateway_addons.replay.send import Received

_LEAKS = re.compile(rb"mitmproxy|traceback|file \"|\bserver:|x-powered-by:|python/|tap-banner", re.IGNORECASE)
_OWN_ENDPOINTS = (b"POST /token ", b"POST /revoke ", b"POST /introspect ", b"GET /jwks", b"GET /.well-known/")
_OUTCOME_UNKNOWN = frozenset({"INF-DEP-04", "INF-GEN-02"})
"""What the caller is told when the call went on and the backend did not answer in time."""

_SAME_HEADERS = (b"content-type", b"accept", b"accept-language", b"if-match", b"x-correlation-id")
_FORWARDED_HEADERS = frozenset({*_SAME_HEADERS, b"host", b"x-request-id", b"x-jwt-assertion", b"content-length",
                                b"content-digest"})


class Column(StrEnum):
    """Where a case is counted; every column but the first four must be zero."""

    REFUSED = "refused"
    FORWARDED = "forwarded identically"
    ANSWERED = "answered by the gateway itself"
    CLOSED = "closed without an answer"
    OTHERWISE = "otherwise than expected"
    CHANGED = "forwarded, but not what was sent"
    LEAK = "something leaked"
    LATE = "no end in time"


GOOD = (Column.REFUSED, Column.FORWARDED, Column.ANSWERED, Column.CLOSED)


@dataclass(frozen=True, slots=True)
class Result:
    """The judgement on one case. `forwarded` is None where nobody watched the backend."""

    case: Case
    column: Column
    problems: tuple[str, ...]
    status: int | None
    code: str | None
    answers: int
    forwarded: int | None

    @property
    def good(self) -> bool:
        """Is it what it must be?"""
        return self.column in GOOD


def judge(case: Case, sent: bytes, received: Received, forwarded: tuple[bytes, ...] | None) -> Result:
    """Judge one case; `forwarded` is what the backend received of it, None where nobody watched."""
    answers = [_status_and_code(head, body) for head, body in received.answers]
    status, code = answers[0] if answers else (None, None)

    def result(column: Column, *problems: str) -> Result:
        return Result(case, column, problems, status, code, len(answers), None if forwarded is None else len(forwarded))

    if leak := next((m for h, b in [*received.answers, (received.rest, b"")] if (m := _LEAKS.search(h + b))), None):
        return result(Column.LEAK, f"the answer says {leak[0]!r}")
    if received.timed_out:
        return result(Column.LATE, "neither an answer nor an end in time")
    if received.rest:
        return result(Column.OTHERWISE, f"bytes that are no answer: {received.rest[:60]!r}")
    if problems := _changed(sent, forwarded or ()):
        return result(Column.CHANGED, *problems)
    column = _column(answers, forwarded, own=_is_the_gateways_own(case, sent))
    if column is None:
        return result(Column.OTHERWISE, f"answers {answers}, {len(forwarded or ())} forwarded")
    if problems := _unexpected(case, column, answers, forwarded):
        return result(Column.OTHERWISE, *problems)
    return result(column)


def _status_and_code(head: bytes, body: bytes) -> tuple[int, str | None]:
    status = int(head.split(b" ", 2)[1]) if head.startswith(b"HTTP/1.1 ") else 0
    try:
        document = json.loads(body)
        code = document.get("erreur", document).get("code")
    except (ValueError, AttributeError):
        code = None
    return status, code


def _is_the_gateways_own(case: Case, sent: bytes) -> bool:
    return case.expect.verdict == "answered" or (case.expect.verdict == "safe" and sent.startswith(_OWN_ENDPOINTS))


def _column(answers: list[tuple[int, str | None]], forwarded: tuple[bytes, ...] | None, *, own: bool) -> Column | None:
    if not answers:
        return Column.CLOSED if not forwarded else None
    passed = [a for a in answers if a[0] < 400 or (forwarded and a[1] in _OUTCOME_UNKNOWN)]
    refused = [a for a in answers if a not in passed and (a[1] in REASONS or a[1] is None)]
    if len(passed) + len(refused) < len(answers):
        return None
    if own and passed and not forwarded:
        return Column.ANSWERED
    if forwarded is not None and len(passed) != len(forwarded):
        return None
    return Column.FORWARDED if passed else Column.REFUSED


def _unexpected(
    case: Case, column: Column, answers: list[tuple[int, str | None]], forwarded: tuple[bytes, ...] | None
) -> tuple[str, ...]:
    expect, first = case.expect, answers[0] if answers else (None, None)
    wanted = {"refused": Column.REFUSED, "forwarded": Column.FORWARDED, "answered": Column.ANSWERED,
              "closed": Column.CLOSED}.get(expect.verdict, column)
    looks: list[tuple[bool, str]] = [
        (column is wanted, f"{column.value} instead of {expect.verdict}"),
        (expect.status in (None, first[0]), f"status {first[0]} instead of {expect.status}"),
        (expect.code in (None, first[1]), f"code {first[1]} instead of {expect.code}"),
        (expect.answers in (None, len(answers)), f"{len(answers)} answers instead of {expect.answers}"),
        (forwarded is None or expect.forwarded in (None, len(forwarded)),
         f"{len(forwarded or ())} forwarded instead of {expect.forwarded}"),
    ]
    return tuple(what for ok, what in looks if not ok)


def _changed(sent: bytes, forwarded: tuple[bytes, ...]) -> tuple[str, ...]:
    """How what the backend received differs from what an independent reader makes of what was sent."""
    problems: list[str] = []
    if not forwarded:
        return ()
    wanted, _ = read_requests(sent)
    taken = [_only(raw) for raw in forwarded]
    if None in taken:
        return ("the backend received what is not one request",)
    for got in (t for t in taken if t is not None):
        match = next((w for w in wanted if (w.method, w.target, w.body) == (got.method, got.target, got.body)), None)
        if match is None:
            problems.append("method, target or body of a forwarded call is in no request that was sent")
        else:
            problems += _head_problems(match, got)
    return tuple(problems)


def _only(raw: bytes) -> ReadRequest | None:
    requests, whole = read_requests(raw)
    return requests[0] if whole and len(requests) == 1 else None


def _head_problems(sent: ReadRequest, got: ReadRequest) -> list[str]:
    problems = [f"header {name.decode()} is not as it was sent" for name in _SAME_HEADERS if sent.all(name) != got.all(name)]
    if extra := {name for name, _ in got.headers} - _FORWARDED_HEADERS:
        problems.append(f"headers that must not go on: {sorted(extra)}")
    digest = hashlib.sha256(got.body).digest()
    stated = got.all(b"content-digest")
    if stated != [b"sha-256=:" + base64.b64encode(digest) + b":"] and (got.body or stated):
        problems.append("Content-Digest is not the body's")
    problems += _assertion_problems(got, digest)
    return problems


def _assertion_problems(got: ReadRequest, digest: bytes) -> list[str]:
    """Does the assertion speak of this very call? (Its signature is the backend's business.)"""
    values = got.all(b"x-jwt-assertion")
    try:
        part = values[0].split(b".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
    except (ValueError, IndexError):
        return ["X-JWT-Assertion cannot be read"]
    looks: list[tuple[str, Callable[[], bool]]] = [
        ("one assertion", lambda: len(values) == 1), ("method", lambda: claims["htm"].encode() == got.method),
        ("path", lambda: claims["htu"].encode() == got.target), ("body", lambda: claims["body_sha256"] == digest.hex()),
        ("call", lambda: [claims["correlationId"].encode()] == got.all(b"x-correlation-id"))]
    try:
        return [f"the assertion's {what} is not the call's" for what, look in looks if not look()]
    except (KeyError, AttributeError, TypeError) as e:
        return [f"the assertion has no {e}"]
