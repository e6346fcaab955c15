"""What a quota's history shows when its Redis was killed and a replica promoted: how much was lost, and is all else exact?

Replication is asynchronous: the promoted replica may lack the last calls that the dead master accepted (the lost ones). It
cannot count them, so a window across the failover may hold the limit and the lost ones. Nothing more is allowed: what the
replica had is counted exactly, in both directions, and windows that do not reach across the failover hold no more than the limit.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.quota_history import Event, violations

SLACK_US = 1_000_000
"""The script lets a list live a second longer than its window."""


@dataclass(frozen=True)
class Failover:
    """`dead_us`: the old master answers no call that is stamped later. `known`: the times in each window of the replica, read
    when the master was dead and the replica not yet promoted. `seen`: all times that were ever read in a window.
    """

    dead_us: int
    known: Mapping[str, list[int]]
    seen: Mapping[str, Counter[int]] = field(default_factory=dict)


def check(events: list[Event], limits: Mapping[str, int], window_us: int, failover: Failover) -> dict[str, Any]:
    """What was lost, and every violation."""
    told: dict[str, Any] = {"lost": {}, "limit_and_lost": {}, "most_in_a_window": {}, "unanswered": {}}
    wrong: Counter[str] = Counter()
    for key, limit in limits.items():
        of_key = [e for e in events if e[0] == key]
        accepted = sorted(at for _, ok, at in of_key if ok)
        known = sorted(failover.known.get(key, []))
        lost = _lost(accepted, known, window_us, failover.dead_us)
        unanswered = (Counter(known) | failover.seen.get(key, Counter())) - Counter(accepted)
        most = _most(accepted, window_us)
        told["lost"][key] = len(lost)
        told["limit_and_lost"][key] = limit + len(lost)
        told["most_in_a_window"][key] = most
        told["unanswered"][key] = unanswered.total()
        wrong["more_than_limit_and_lost"] += most > limit + len(lost)
        wrong["replica_lacks_an_older_call"] += _gaps(accepted, known)
        wrong["accepted_above_the_limit_beside_the_failover"] += _too_many(accepted, limit, window_us, failover.dead_us)
        charged = of_key + [(key, True, at) for at in unanswered.elements()]
        wrong += _exact(charged, set(lost), limit, window_us, failover.dead_us)
    names = ("more_than_limit_and_lost", "replica_lacks_an_older_call", "accepted_above_the_limit_beside_the_failover",
             "accepted_above_the_limit", "refused_below_the_limit")
    return told | {"violations": {name: wrong[name] for name in names}}


def _lost(accepted: list[int], known: list[int], window_us: int, dead_us: int) -> list[int]:
    """Accepted by the old master after the newest call that the replica knows; all of the last window when it knows none."""
    newest = known[-1] if known else dead_us - window_us - SLACK_US
    return [at for at in accepted if newest < at <= dead_us]


def _gaps(accepted: list[int], known: list[int]) -> int:
    """A replica holds a prefix of the master's history: what is older than its newest call, it has."""
    have = set(known)
    return sum(known[0] <= at <= known[-1] and at not in have for at in accepted) if known else 0


def _most(accepted: list[int], window_us: int) -> int:
    return max((n + 1 - bisect_right(accepted, at - window_us) for n, at in enumerate(accepted)), default=0)


def _too_many(accepted: list[int], limit: int, window_us: int, dead_us: int) -> int:
    """Windows above the limit that are wholly the old master's or wholly the new one's."""
    pairs = zip(accepted, accepted[limit:], strict=False)
    return sum(last - first < window_us and not first <= dead_us < last for first, last in pairs)


def _exact(charged: list[Event], lost: set[int], limit: int, window_us: int, dead_us: int) -> Counter[str]:
    """The old master by all that it had accepted, and the promoted one by all that it had received."""
    before = [e for e in charged if e[2] <= dead_us]
    after = [e for e in charged if (e[1] and e[2] not in lost) or e[2] > dead_us]
    return Counter(violations(before, limit, window_us)) + Counter(violations(after, limit, window_us))
