"""The very text of the script beside a plain exact model, with the clock under the test's control.

The clock is given by a function that is put in front of the script here, and answers TIME; production runs the script
without it and so has no way to be told the time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from gateway_addons.adapters.quota.redis_quota import SCRIPT, window_keys
from tests.support.servers import redis_server

CLOCK = """
local real, told_s, told_us = redis, ARGV[4], ARGV[5]
local redis = {call = function(name, ...)
  if name == 'TIME' then return {told_s, told_us} end
  return real.call(name, ...)
end}
"""
WINDOW = 60_000_000
HOUR_MINUTES = 60
LIST, USE = window_keys("production:C")
START = 1_790_000_000_000_000


class Model:
    """What the window means, in the plainest words: every acceptance is kept for ever and counted each time."""

    def __init__(self) -> None:
        self.accepted: list[int] = []
        self.calls: list[tuple[int, bool]] = []
        self.behind = 0

    def now(self, raw: int) -> int:
        newest = self.accepted[-1] if self.accepted else 0
        return max(raw + self.behind, newest)

    def counted(self, now: int) -> list[int]:
        return [t for t in self.accepted if now - WINDOW < t <= now]

    def charge(self, raw: int, limit: int) -> tuple[int, int, int, int, int]:
        now = self.now(raw)
        self.behind = now - raw
        accepted = len(self.counted(now)) < limit
        if accepted:
            self.accepted.append(now)
        self.calls.append((raw // 60_000_000, accepted))
        return int(accepted), *self.tell(now, limit)

    def tell(self, now: int, limit: int) -> tuple[int, int, int, int]:
        counted = self.counted(now)
        next_us = counted[-limit] + WINDOW - now if len(counted) >= limit else 0
        whole_us = counted[-1] + WINDOW - now if counted else 0
        return len(counted), next_us, whole_us, now

    def last_hour(self, minute: int) -> dict[bytes, int]:
        told: dict[bytes, int] = {}
        for at, accepted in self.calls:
            if minute - HOUR_MINUTES < at <= minute:
                name = f"{'a' if accepted else 'r'}{at}".encode()
                told[name] = told.get(name, 0) + 1
        return told


class Window(RuleBasedStateMachine):
    """Charges, looks, waits of every length, clock steps, limits lowered and raised."""

    client: redis.Redis

    @initialize(limit=st.integers(1, 8))
    def fresh(self, limit: int) -> None:
        self.client.flushall()
        self.model, self.raw, self.limit = Model(), START, limit
        self.highest = limit
        self.stepped_back = False

    def run_script(self, purpose: str) -> tuple[int, ...]:
        told: Any = self.client.eval(CLOCK + SCRIPT, 2, LIST, USE, self.limit, WINDOW, purpose,
                                     self.raw // 1_000_000, self.raw % 1_000_000)
        return tuple(int(x) for x in told)

    @rule(times=st.integers(1, 12), apart=st.sampled_from([0, 1, 1000, 900_000]))
    def charge(self, times: int, apart: int) -> None:
        for _ in range(times):
            assert self.run_script("charge") == self.model.charge(self.raw, self.limit)
            self.raw += apart

    @rule()
    def look_changes_nothing(self) -> None:
        before = self.client.dump(LIST), self.client.hgetall(USE)
        assert self.run_script("look") == (0, *self.model.tell(self.model.now(self.raw), self.limit))
        assert (self.client.dump(LIST), self.client.hgetall(USE)) == before

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
        told = self.model.charge(self.raw, self.limit)
        assert self.run_script("charge") == told
        if not told[0]:
            self.raw += told[2] - 1
            early = self.model.charge(self.raw, self.limit)
            assert (self.run_script("charge"), early[0]) == (early, 0)
            self.raw += 1
            assert self.run_script("charge") == self.model.charge(self.raw, self.limit)
            assert self.model.calls[-1][1]

    @rule()
    def who_waits_for_the_whole_window_has_all_of_it(self) -> None:
        told = self.model.charge(self.raw, self.limit)
        assert self.run_script("charge") == told
        self.raw += told[3]
        for _ in range(self.limit):
            told = self.model.charge(self.raw, self.limit)
            assert (self.run_script("charge"), told[0]) == (told, 1)

    @invariant()
    def never_more_than_the_limit_in_any_window(self) -> None:
        times = self.model.accepted
        assert times == sorted(times)
        for first, last in zip(times, times[self.highest:], strict=False):
            assert last - first >= WINDOW

    @invariant()
    def memory_is_bounded_and_expires(self) -> None:
        assert int(self.client.llen(LIST)) <= self.highest
        if self.client.exists(LIST):
            assert 0 < int(self.client.pttl(LIST)) <= WINDOW // 1000 + 1000
            assert int(self.client.pttl(USE)) >= int(self.client.pttl(LIST))

    @invariant()
    @precondition(lambda self: not self.stepped_back)
    def the_hour_is_told_by_the_minute(self) -> None:
        kept: Any = self.client.hgetall(USE)
        minutes = {int(name[1:]) for name in kept if name[1:].isdigit()}
        assert len(kept) <= 2 * HOUR_MINUTES + 5
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
            max_examples=150, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)))


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
            told: Any = client.eval(CLOCK + SCRIPT, 2, LIST, USE, limit, WINDOW, "charge", START // 1_000_000, START % 1_000_000)
            assert (int(told[0]), int(told[1])) == ((1, limit - left + 1) if left else (0, limit))
            stats: Any = client.info("commandstats")
            assert stats["cmdstat_lindex"]["calls"] <= 40
            assert stats["cmdstat_eval"]["usec"] < 50_000


def test_a_minute_is_told_for_sixty_minutes() -> None:
    with on_a_real_redis() as machine:
        client, first = machine.client, START // WINDOW
        for minutes, expected in ((0, [0]), (59, [0, 59]), (60, [59, 60]), (118, [59, 60, 118]), (500, [500])):
            client.eval(CLOCK + SCRIPT, 2, LIST, USE, 9, WINDOW, "charge", START // 1_000_000 + minutes * 60, 0)
            told: Any = client.hgetall(USE)
            assert sorted(int(name[1:]) - first for name in told if name[1:].isdigit()) == expected
