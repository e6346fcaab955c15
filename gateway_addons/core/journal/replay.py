"""What another revision would have decided: recorded calls asked again, and what flips, by consumer and reason."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gateway_addons.core.journal.masking import NOTHING_MASKED, Masking

Kind = Literal["decision", "token"]
Direction = Literal["allow_to_deny", "deny_to_allow", "other_reason"]

MAX_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """A recorded call: the question, and what was decided then."""

    request_id: str
    contract: str | None
    question: Mapping[str, Any]
    allowed: bool
    codes: tuple[str, ...]

    @property
    def kind(self) -> Kind:
        """What policy was asked: about a call, or about a token."""
        return "decision" if "call" in self.question else "token"


@dataclass(frozen=True, slots=True)
class FlipKey:
    """Calls that changed in the same way. `contract` is the consumer then; with none then, the consumer now."""

    direction: Direction
    contract: str | None
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(slots=True)
class Replayed:
    """The result. `skipped` counts records that cannot be asked again, by the reason why."""

    asked: int = 0
    unchanged: int = 0
    undecided: int = 0
    flips: dict[FlipKey, int] = field(default_factory=dict)
    examples: dict[FlipKey, list[str]] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)

    def skip(self, why: str) -> None:
        """One more record that cannot be asked again."""
        self.skipped[why] = self.skipped.get(why, 0) + 1

    def judge(self, asked: Asked, answer: Mapping[str, Any] | None) -> None:
        """Compare what the candidate says with what was decided. No answer refuses, as the gateway does."""
        self.asked += 1
        if answer is None:
            self.undecided += 1
        allowed = answer is not None and answer.get("allow") is True
        codes = codes_of(answer.get("reasons")) if answer is not None else ("INF-DEP-01",)
        if allowed == asked.allowed and (allowed or set(codes) == set(asked.codes)):
            self.unchanged += 1
            return
        direction: Direction = "other_reason" if allowed == asked.allowed else "deny_to_allow" if allowed else "allow_to_deny"
        now = answer.get("contract") if answer is not None else None
        key = FlipKey(direction, asked.contract or now, asked.codes, codes)
        self.flips[key] = self.flips.get(key, 0) + 1
        examples = self.examples.setdefault(key, [])
        if len(examples) < MAX_EXAMPLES:
            examples.append(asked.request_id)

    def counted(self, direction: Direction) -> int:
        """How many calls went this way."""
        return sum(count for key, count in self.flips.items() if key.direction == direction)


NOT_DECIDED = "not decided by policy: refused before it was asked, or by none"
NOT_KEPT = "its question was not kept (more than 1,000 distinct perimeters, or written by an older version)"
MASKED = "its personal data is masked: what policy compared is gone (pseudonyms would have kept it)"
OTHER_KEY = "its pseudonyms are not those of the settings (another key, or other fields): replay it with that key's settings"


def comparable(masking: Masking) -> Masking:
    """How contracts are told to be compared with the records that can be: as their pseudonyms, or as they are."""
    return masking if masking.replayable else NOTHING_MASKED


def question_of(fields: Mapping[str, Any], masking: Masking) -> Asked | str:
    """The question of a recorded call, or why it cannot be asked again; `masking` is `comparable`.

    A record in the clear, from before there were pseudonyms, is asked with them.
    """
    if not isinstance(fields.get("autorise"), bool):
        return NOT_DECIDED
    question = fields.get("entree")
    if not isinstance(question, Mapping):
        return NOT_KEPT
    told = fields.get("masquage")
    if told is None:
        question = masking.record(dict(fields))["entree"]
    elif told != masking.label:
        return MASKED if isinstance(told, Mapping) and "mask" in told.values() else OTHER_KEY
    return Asked(str(fields["requestId"]), fields.get("convention"), question, fields["autorise"], codes_of(fields.get("motifs")))


def codes_of(reasons: Any) -> tuple[str, ...]:
    """The codes of a decision's reasons."""
    return tuple(str(r["code"]) for r in reasons) if isinstance(reasons, Iterable) else ()


def told_as_recorded(contracts: Mapping[str, Any], masking: Masking) -> dict[str, Any]:
    """OPA's `data.contracts` with the same pseudonyms as the records, so that whatever policy compares compares as before."""
    return {environment: _room(room, masking) for environment, room in contracts.items()}


def _room(room: Mapping[str, Any], masking: Masking) -> dict[str, Any]:
    return dict(room) | {
        "by_id": {name: _contract(contract, masking) for name, contract in room["by_id"].items()},
        "by_names": {issuer: {masking.subject_of(subject): {**entry, "key": _certificate(entry["key"], masking)}
                              for subject, entry in subjects.items()} for issuer, subjects in room["by_names"].items()},
        "clients": {masking.client(key): owner for key, owner in room["clients"].items()},
    }


def _contract(contract: Mapping[str, Any], masking: Masking) -> dict[str, Any]:
    told = dict(contract)
    if isinstance(addresses := contract.get("addresses"), list):
        told["addresses"] = [masking.network(network) for network in addresses]
    if isinstance(clients := contract.get("clients"), Mapping):
        told["clients"] = {masking.client(key): value for key, value in clients.items()}
    if isinstance(certificates := contract.get("certificates"), Mapping):
        told["certificates"] = {_certificate(key, masking): value for key, value in certificates.items()}
    return told


def _certificate(key: str, masking: Masking) -> str:
    """`dn:issuer|subject`: the subject is told as the records tell it."""
    issuer, bar, subject = key.rpartition("|")
    return f"{issuer}|{masking.subject_of(subject)}" if bar and key.startswith("dn:") else key
