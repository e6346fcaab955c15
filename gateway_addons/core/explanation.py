"""Why policy decided as it did: OPA's own trace of one decision, told as rules and lines.

OPA reports each query it enters and leaves (`opa eval --explain=full --format=json`). A rule that was entered and never
left did not hold; the expression at which it failed, and the rules that failed inside it, lead down to the very line.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_DEPTH = 16
MAX_STEPS = 40
ORDER = ("certificate", "address", "identifier", "identity", "client", "contract", "rights")
"""In which order controls are told: that of clause 4."""

type Event = Mapping[str, Any]

_PACKAGE = re.compile(r"^package\s+([A-Za-z0-9_.]+)", re.MULTILINE)
_CLAUSE = re.compile(r"^#\s+clause:\s*\"?([^\"\n]+?)\"?\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PolicySource:
    """One file of policy: its package, the clause of that package, and its lines."""

    package: str
    clause: str | None
    lines: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> "PolicySource":
        """The source in this text."""
        package = _PACKAGE.search(text)
        clause = _CLAUSE.search(text[: package.start()]) if package else None
        return cls(package[1] if package else "", clause[1] if clause else None, tuple(text.splitlines()))


type Sources = Mapping[str, PolicySource]
"""Policy files by the name that the trace gives them."""

_UNKNOWN = PolicySource("", None, ())


@dataclass(frozen=True, slots=True)
class Step:
    """One line of policy: `rule` is package and name, `text` what the line says.

    `clause` is the one that the rule's annotation names, or else its package's; `depth` is how far below the control's
    verdict it lies.
    """

    rule: str
    file: str
    line: int
    text: str
    clause: str | None
    depth: int


@dataclass(frozen=True, slots=True)
class ReasonExplained:
    """A reason of the decision and where policy gives it (none where it is only the control's fallback)."""

    code: str
    clause: str
    given_at: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class ControlExplained:
    """A control's verdict; `held_at` is where it says "pass", `failed_at` the lines that did not hold."""

    name: str
    verdict: str
    held_at: tuple[Step, ...]
    failed_at: tuple[Step, ...]
    reasons: tuple[ReasonExplained, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision as OPA gave it, with the rules and lines that led to each verdict."""

    allow: bool
    controls: tuple[ControlExplained, ...]
    decision: Mapping[str, Any]


@dataclass(slots=True)
class _Query:
    """One query of the trace: a rule's body, or the body of a comprehension, `every` or `not` within one."""

    number: int
    node: Any
    file: str
    line: int
    entered_at: int
    at: int = 0
    evaluated: int = 0
    failed: list[int] = field(default_factory=list)
    left: bool = False
    children: list["_Query"] = field(default_factory=list)

    @property
    def name(self) -> str | None:
        """The rule's name, or None where the query is only a part of a rule."""
        head = self.node.get("head") if isinstance(self.node, dict) else None
        return _name(head) if isinstance(head, dict) else None

    @property
    def is_default(self) -> bool:
        """Is it the value that a rule has when nothing else holds?"""
        return isinstance(self.node, dict) and self.node.get("default") is True

    @property
    def constants(self) -> set[str]:
        """The texts that the rule's head names."""
        head = self.node.get("head") if isinstance(self.node, dict) else None
        return _texts(head)

    def within(self) -> Iterator["_Query"]:
        """The queries inside this one, at any depth."""
        for child in self.children:
            yield child
            yield from child.within()


def explained(decision: Mapping[str, Any], events: Sequence[Event], sources: Sources) -> Explanation:
    """The explanation of `decision` from the trace of its evaluation."""
    queries = _queries(events)
    told = sorted(decision["controls"].items(), key=lambda pair: ORDER.index(pair[0]) if pair[0] in ORDER else len(ORDER))
    controls = tuple(_control(name, verdict, decision, queries, sources) for name, verdict in told)
    return Explanation(decision["allow"] is True, controls, decision)


def _queries(events: Sequence[Event]) -> list[_Query]:
    found: dict[int, _Query] = {}
    for event in events:
        number, kind, place = event["QueryID"], event["Op"], event["Location"]
        if kind == "Enter" and number not in found:
            parent = found.get(event["ParentID"])
            query = found[number] = _Query(number, event["Node"], place["file"], place["row"], parent.at if parent else 0)
            if parent is not None:
                parent.children.append(query)
        query = found[number]
        if kind == "Eval":
            query.at = place["row"]
            query.evaluated += 1
        elif kind == "Fail":
            query.failed.append(place["row"])
        elif kind == "Exit":
            query.left = True
    return list(found.values())


def _control(name: str, verdict: str, decision: Mapping[str, Any], queries: Sequence[_Query],
             sources: Sources) -> ControlExplained:
    package = _package_of_control(name)
    own = [q for q in queries if sources.get(q.file, _UNKNOWN).package == package and not q.is_default]
    verdicts = [q for q in own if q.name == _verdict_rule(name)]
    held = tuple(_step(q, q.line, sources, 0) for q in verdicts if q.left)[:1] if verdict == "pass" else ()
    failed: list[Step] = []
    if verdict != "pass":
        for query in _furthest([q for q in verdicts if "pass" in q.constants])[-1:]:
            _descend(query, sources, 0, failed)
    reasons = tuple(_reason(r, own, sources) for r in decision["reasons"] if r["control"] == name)
    return ControlExplained(name, verdict, held, tuple(failed), reasons)


def _furthest(alternatives: Sequence[_Query]) -> list[_Query]:
    """Of the bodies of one rule, those that came furthest before they failed: the others were not meant for this call."""
    most = max((q.evaluated for q in alternatives), default=0)
    return [q for q in alternatives if q.evaluated == most]


def _descend(query: _Query, sources: Sources, depth: int, found: list[Step]) -> None:
    """The line at which this query failed, then what failed inside that line."""
    if depth > MAX_DEPTH or len(found) >= MAX_STEPS or not query.failed:
        return
    line = max(query.failed)  # of several tries (a line of rights each), the one that came furthest
    if query.name is not None:
        step = _step(query, line, sources, depth)
        if step not in found:
            found.append(step)
    inside: defaultdict[str | None, list[_Query]] = defaultdict(list)
    for child in query.children:
        if child.entered_at == line and not child.left and not child.is_default:
            inside[child.name].append(child)
    for alternatives in inside.values():
        for child in _furthest(alternatives):
            _descend(child, sources, depth + (query.name is not None), found)


def _reason(given: Mapping[str, Any], own: Sequence[_Query], sources: Sources) -> ReasonExplained:
    """Where the code is named, in the head of the rule that gives it or of one that it asks; else the rules that compute one."""
    code = given["code"]
    givers = [q for q in own if q.left and q.name and q.name.endswith("reasons")]
    named = [q for q in givers if code in q.constants] or [
        part for q in givers for part in q.within() if part.left and part.name and code in part.constants]
    places = named or [q for q in givers if not q.constants]
    return ReasonExplained(code, given["clause"], tuple(dict.fromkeys(_step(q, q.line, sources, 0) for q in places)))


def _step(query: _Query, line: int, sources: Sources, depth: int) -> Step:
    source = sources.get(query.file, _UNKNOWN)
    annotations = query.node.get("annotations") or [] if isinstance(query.node, dict) else []
    clause = next((a["custom"]["clause"] for a in annotations if "clause" in a.get("custom", {})), source.clause)
    text = source.lines[line - 1].strip() if 0 < line <= len(source.lines) else ""
    return Step(f"{source.package}.{query.name or ''}".strip("."), query.file, line, text, clause, depth)


def _name(head: Mapping[str, Any]) -> str:
    ref = head.get("ref") or [{"value": head.get("name", "")}]
    return str(ref[0]["value"])


def _texts(node: Any) -> set[str]:
    """Every text constant below a node of OPA's syntax tree."""
    found: set[str] = set()
    waiting: list[Any] = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if one.get("type") == "string":
                found.add(str(one["value"]))
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return found


def _package_of_control(name: str) -> str:
    """Control `rights` is decided in `poterne.rights`; the token's own control `client` in `poterne.token`."""
    return "poterne.token" if name == "client" else f"poterne.{name}"


def _verdict_rule(name: str) -> str:
    return "client_verdict" if name == "client" else "verdict"

