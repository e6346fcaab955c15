"""What a gateway believes and decides by, and how it changed: authorities, revocation lists, keys, clients, settings, the
revision. Each change is a record of the journal (clause 8-h1), so that it can be said of every call under what it was decided.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_TOLD = 20
"""Of what came, went or changed within one thing, so many are named; the rest is counted."""

UNKNOWN = ""
"""The digest of what is not known yet, such as keys that are still being fetched: it neither came nor went."""


@dataclass(frozen=True, slots=True)
class InUse:
    """One thing in use. `of` is its kind, `name` tells it from others of its kind and environment, `digest` says which it is.

    `about` goes into the record. `parts` are what it consists of, each with a digest of its own, so that a record can say
    which of them came, went or changed. No secret goes into either.
    """

    of: str
    environment: str
    name: str
    digest: str
    about: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """It and its successors have one key."""
        return f"{self.environment}/{self.of}/{self.name}"

    def kept(self) -> dict[str, Any]:
        """As much of it as its successor is compared with."""
        return {"digest": self.digest, "about": dict(self.about), "parts": dict(self.parts)}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Files that changed and cannot be used; the old ones stay in use."""

    of: str
    environment: str
    why: str

    @property
    def key(self) -> str:
        """One refusal at a time for each kind and environment."""
        return f"{self.environment}/{self.of}"


@dataclass(frozen=True, slots=True)
class Change:
    """An event for the journal, and the key of what it is about."""

    key: str
    event: str
    about: Mapping[str, str]


def taken_up(now: InUse, before: Mapping[str, Any] | None) -> Change:
    """It is in use from now on; `before` is what `kept` told of its predecessor."""
    about = {"environnement": now.environment, "nom": now.name, "empreinte": now.digest, **now.about}
    if before is not None:
        about["remplace"] = str(before["digest"])
        about |= {f"{name}Precedent": str(value) for name, value in before["about"].items() if now.about.get(name) != value}
    about |= _parts(before["parts"] if before is not None else {}, now.parts)
    return Change(now.key, f"{now.of}.prise", {k: v for k, v in about.items() if v})


def taken_away(key: str, before: Mapping[str, Any]) -> Change:
    """It is not in use any more, and nothing took its place."""
    environment, of, name = key.split("/", 2)
    about = {"environnement": environment, "nom": name, "remplace": str(before["digest"]), **before["about"]}
    return Change(key, f"{of}.retiree", {k: v for k, v in about.items() if v})


def refused(now: Refusal) -> Change:
    """New files were refused, the old ones stay."""
    about = {"environnement": now.environment, "cause": now.why[:600], "enUsage": "l'ancien reste en usage"}
    return Change(now.key, f"{now.of}.refusee", {k: v for k, v in about.items() if v})


def mended(key: str) -> Change:
    """What was refused before is good again, or as it was."""
    environment, of = key.split("/", 1)
    return Change(key, f"{of}.retablie", {"environnement": environment} if environment else {})


def _parts(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """Which parts came, went and changed."""
    told = {"ajouts": [n for n in now if n not in before], "retraits": [n for n in before if n not in now],
            "modifications": [n for n in now if n in before and before[n] != now[n]]}
    return {name: _list(found) for name, found in told.items() if found}


def _list(names: Sequence[str]) -> str:
    more = f", et {len(names) - MAX_TOLD} autres" if len(names) > MAX_TOLD else ""
    return ", ".join(names[:MAX_TOLD]) + more


def changes(mine: Mapping[str, InUse], seen: Mapping[str, str] | None, known: Mapping[str, Any]) -> Iterable[Change]:
    """What a worker has to write down: what is new for it, and not written by another worker already.

    `seen` are the digests that it looked at last (None at its start), `known` is what the journal was told last, by
    whichever worker. A worker that changed nothing itself writes nothing, so two that differ do not take turns.
    """
    for key, one in mine.items():
        before = known.get(key)
        if one.digest == UNKNOWN or (seen is not None and seen.get(key) == one.digest):
            continue
        if before is None or before["digest"] != one.digest:
            yield taken_up(one, before)
    gone = (key for key in (known if seen is None else seen) if key not in mine)
    for key in gone:
        if key in known:
            yield taken_away(key, known[key])
