"""The very text of the script beside a plain exact model, with the clock under the test's control.

The clock is given by a function that is put in front of the script here, and answers TIME; production runs the script
without it and so has no way to be told the time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from gateway_addons.adapters.quota.redis_quota import SCRIPT, extra_key, window_keys
from tests.support.servers import redis_server

CLOCK = """
local real, told_s, told_us = redis, ARGV[#ARGV - 1], ARGV[#ARGV]
local redis = {call = function(name, ...)
  if name == 'TIME' then return {told_s, told_us} end
  return real.call(name, ...)
end}
"""
WINDOW = 60_000_000
HOUR_MINUTES = 60
LIST, USE = window_keys("production:C")
START = 1_790_000_000_000_000


@dataclass(frozen=True)
class Asked:
    """A window that a call is charged to."""

    name: str
    limit: int
    window: int
    unit: str = "calls"


@dataclass(frozen=True)
class Accepted:
    at: int
    size: int
    windows: frozenset[str]


EXTRA = {"c": Asked("c", 3, WINDOW // 2), "d": Asked("d", 5, 2 * WINDOW), "b": Asked("b", 100, WINDOW, "bytes"),
         "g": Asked("g", 250, 3 * WINDOW, "bytes")}


class Model:
    """What the windows mean, in the plainest words: every acceptance is kept for ever and counted each time."""

    def __init__(self) -> None:
        self.accepted: list[Accepted] = []
        self.calls: list[tuple[int, bool]] = []
        self.behind = 0

    def now(self, raw: int) -> int:
        return max(raw + self.behind, self.accepted[-1].at if self.accepted else 0)

    def counted(self, asked: Asked, now: int) -> list[tuple[int, int]]:
        """Time and weight of each call that this window counts now."""
        return [(a.at, a.size if asked.unit == "bytes" else 1) for a in self.accepted
                if asked.name in a.windows and now - asked.window < a.at <= now and (a.size or asked.unit == "calls")]

    def charge(self, raw: int, windows: list[Asked], size: int) -> tuple[int, ...]:
        now = self.now(raw)
        self.behind = now - raw
        accepted = all(self.until_it_fits(w, now, size) == 0 for w in windows)
        if accepted:
            self.accepted.append(Accepted(now, size, frozenset(w.name for w in windows)))
        self.calls.append((raw // 60_000_000, accepted))
        return int(accepted), now, *self.tell(now, windows, size)

    def tell(self, now: int, windows: list[Asked], size: int) -> tuple[int, ...]:
        told: list[int] = []
        for window in windows:
            counted = self.counted(window, now)
            whole = counted[-1][0] + window.window - now if counted else 0
            told += [sum(weight for _, weight in counted), self.until_it_fits(window, now, size), whole]
        return tuple(told)

    def until_it_fits(self, asked: Asked, now: int, size: int) -> int:
        """The first moment at which it would fit; tried at each moment when something leaves."""
        weight, counted = (size if asked.unit == "bytes" else 1), self.counted(asked, now)
        for later in (0, *(at + asked.window - now for at, _ in counted)):
            if sum(w for at, w in counted if at + asked.window > now + later) + weight <= asked.limit:
                return later
        return counted[-1][0] + asked.window - now if counted else 0 if weight <= asked.limit else -now

    def last_hour(self, minute: int) -> dict[bytes, int]:
        told: dict[bytes, int] = {}
        for at, accepted in self.calls:
            if minute - HOUR_MINUTES < at <= minute:
                name = f"{'a' if accepted else 'r'}{at}".encode()
                told[name] = told.get(name, 0) + 1
        return told


class Window(RuleBasedStateMachine):
    """Charges of calls and bytes to several windows at once, looks, waits of every length, clock steps, limits that change."""

    client: redis.Redis

    @initialize(limit=st.integers(1, 8))
    def fresh(self, limit: int) -> None:
        self.client.flushall()
        self.model, self.raw, self.limit = Model(), START, limit
        self.highest = limit
        self.stepped_back = False
        self.names: tuple[str, ...] = ()
        self.size = 0

    def windows(self) -> list[Asked]:
        return [Asked("", self.limit, WINDOW), *(EXTRA[name] for name in self.names)]

    def run_script(self, purpose: str) -> tuple[int, ...]:
        windows = self.windows()
        keys = [LIST, USE, *(extra_key("production:C", w.name) for w in windows[1:])]
        given = [x for w in windows for x in (w.limit, w.window, w.unit, w.name)]
        told: Any = self.client.eval(CLOCK + SCRIPT, len(keys), *keys, purpose, self.size, *given,
                                     self.raw // 1_000_000, self.raw % 1_000_000)
        return tuple(int(x) for x in told)

    def both_charge(self) -> tuple[int, ...]:
        told = self.model.charge(self.raw, self.windows(), self.size)
        assert self.run_script("charge") == told
        return told

    @rule(names=st.sets(st.sampled_from(sorted(EXTRA))), size=st.one_of(st.integers(0, 100), st.sampled_from([0, 1, 99, 100])))
    def other_calls_come(self, names: set[str], size: int) -> None:
        self.names, self.size = tuple(sorted(names)), size

    @rule(times=st.integers(1, 12), apart=st.sampled_from([0, 1, 1000, 900_000]))
    def charge(self, times: int, apart: int) -> None:
        for _ in range(times):
            self.both_charge()
            self.raw += apart

    @rule()
    def look_changes_nothing(self) -> None:
        before = self.contents()
        now = self.model.now(self.raw)
        assert self.run_script("look") == (0, now, *self.model.tell(now, self.windows(), self.size))
        assert self.contents() == before

    def contents(self) -> dict[bytes, Any]:
        keys: Any = self.client.keys("*")
        return {key: self.client.hgetall(key) if key == USE.encode() else self.client.lrange(key, 0, -1) for key in keys}

    @rule(by=st.one_of(st.integers(1, 2 * WINDOW), st.sampled_from([1, WINDOW - 1, WINDOW, WINDOW + 1, 70 * WINDOW])))
    def time_passes(self, by: int) -> None:
        self.raw += by

    @rule(by=st.one_of(st.integers(1, WINDOW), st.sampled_from([1, WINDOW, 3600 * 1_000_000, 365 * 86400 * 1_000_000])))
    def clock_steps_back(self, by: int) -> None:
        self.raw -= by
        self.stepped_back = True

    @rule(limit=st.integers(1, 12))
    def limit_changes(self, limit: int) -> None:
        self.limit = limit
        self.highest = max(self.highest, limit)

    @rule()
    def who_waits_as_told_passes_and_not_sooner(self) -> None:
        told = self.both_charge()
        if not told[0]:
            wait = max(told[3::3])
            self.raw += wait - 1
            assert self.both_charge()[0] == 0
            self.raw += 1
            assert self.both_charge()[0] == 1

    @rule()
    def who_waits_for_the_whole_window_has_all_of_it(self) -> None:
        told = self.both_charge()
        self.raw += max(told[4::3])
        assert self.run_script("look")[2::3] == tuple(0 for _ in self.windows())

    @invariant()
    def never_more_than_the_limit_in_any_window(self) -> None:
        for asked in (Asked("", self.highest, WINDOW), *EXTRA.values()):
            for a in self.model.accepted:
                assert sum(weight for _, weight in self.model.counted(asked, a.at)) <= asked.limit

    @invariant()
    def memory_is_bounded_and_expires(self) -> None:
        keys: Any = self.client.keys("*")
        for key in keys:
            assert self.client.pttl(key) > 0
        if self.client.exists(LIST):
            assert int(self.client.llen(LIST)) <= self.highest
            assert int(self.client.pttl(LIST)) <= WINDOW // 1000 + 1000
            assert int(self.client.pttl(USE)) >= int(self.client.pttl(LIST))
        for name, asked in EXTRA.items():
            assert int(self.client.llen(extra_key("production:C", name))) <= 13 * max(1, asked.window // WINDOW + 1)

    @invariant()
    @precondition(lambda self: not self.stepped_back)
    def the_hour_is_told_by_the_minute(self) -> None:
        kept: Any = self.client.hgetall(USE)
        minutes = {int(name[1:]) for name in kept if name[1:].isdigit()}
        assert len(kept) <= 2 * HOUR_MINUTES + 5 + len(EXTRA)
        if minutes:
            counts = {n: int(v) for n, v in kept.items() if n[1:].isdigit()}
            assert counts == self.model.last_hour(max(minutes))


@contextmanager
def on_a_real_redis() -> Iterator[type[Window]]:
    with TemporaryDirectory() as folder, redis_server(Path(folder)) as started:
        client = redis.Redis.from_url(started.url)
        yield type("WindowOnRedis", (Window,), {"client": client})
        client.close()


def test_the_script_is_the_model() -> None:
    with on_a_real_redis() as machine:
        run_state_machine_as_test(machine, settings=settings(
            max_examples=100, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.reuse, Phase.generate]))  # to shrink a failure would take minutes


def test_a_large_window_that_has_left_is_trimmed_in_few_steps() -> None:
    """A hundred thousand calls leave at once or one by one: the script takes microseconds, not one step for each call."""
    limit = 100_000
    with on_a_real_redis() as machine:
        client = machine.client
        for left in (0, 1, 2, 3, 5_000, 50_001, 99_999, 100_000):
            client.flushall()
            times = [START - WINDOW + 1 + (i if i >= left else i - left) for i in range(limit)]
            for at in range(0, limit, 10_000):
                client.lpush(LIST, *times[at:at + 10_000])
            client.config_resetstat()
            told: Any = client.eval(CLOCK + SCRIPT, 2, LIST, USE, "charge", 0, limit, WINDOW, "calls", "",
                                    START // 1_000_000, START % 1_000_000)
            assert (int(told[0]), int(told[2])) == ((1, limit - left + 1) if left else (0, limit))
            stats: Any = client.info("commandstats")
            assert stats["cmdstat_lindex"]["calls"] <= 40
            assert stats["cmdstat_eval"]["usec"] < 50_000


def test_a_minute_is_told_for_sixty_minutes() -> None:
    with on_a_real_redis() as machine:
        client, first = machine.client, START // WINDOW
        for minutes, expected in ((0, [0]), (59, [0, 59]), (60, [59, 60]), (118, [59, 60, 118]), (500, [500])):
            client.eval(CLOCK + SCRIPT, 2, LIST, USE, "charge", 0, 9, WINDOW, "calls", "", START // 1_000_000 + minutes * 60, 0)
            told: Any = client.hgetall(USE)
            assert sorted(int(name[1:]) - first for name in told if name[1:].isdigit()) == expected
