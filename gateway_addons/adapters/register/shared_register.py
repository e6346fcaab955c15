"""A small set of dated entries that every worker of every gateway knows within a second.

Three copies: this process's memory, which is what a call is decided on; Redis, which all gateways share; and a file on this
machine (the mirror), through which entries survive a restart and an emptied Redis, and reach the other workers of this machine
while Redis is away. Each copy is brought together with the others several times a second; of two records under one key the
newer stays, so no copy, however old, undoes what came after it. What cannot be read is told, and what is known is kept.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

from gateway_addons.adapters.register.mirror_file import MirrorDamaged, Mirrored, MirrorFile, Signature
from gateway_addons.adapters.register.register_in_redis import RegisterInRedis, Seen, Shared
from gateway_addons.core.errors import RegisterUnavailable
from gateway_addons.core.ports import RegisterWatch
from gateway_addons.core.register import Entry, Record, in_force, is_over, micros, newer, put, removal

type Copy = Literal["redis", "mirror"]

POLL_S = 0.2
SWEEP_S = 60.0
"""How often records that are over are looked for."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Who knows of a change now: `shared`, every gateway (within a poll); `durable`, this machine, also after a restart."""

    shared: bool
    durable: bool


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _nonce() -> int:
    return secrets.randbelow(1 << 31)


class SharedRegister:
    """One register. `open` once, `run` keeps it fresh; `entries` costs nothing."""

    def __init__(
        self, redis: "Redis | RedisCluster", name: str, mirror_file: Path, *, timeout_s: float, watch: RegisterWatch,
        poll_s: float = POLL_S, clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._name, self._poll_s, self._watch, self._clock = name, poll_s, watch, clock
        self._redis = RegisterInRedis(redis, name, timeout_s)
        self._mirror = MirrorFile(mirror_file, name)
        self._records: dict[str, Record] = {}
        self._in_force: Mapping[str, Entry] = MappingProxyType({})
        self._first_end: int | None = None
        self._readable = False
        # what the other copies held when they were read last
        self._mirrored = Mirrored({}, whole=False)
        self._signature: Signature | Literal["unread"] = "unread"
        self._shared = Shared((None, 0), {}, ())
        self._seen: Seen | None = None
        self._mirror_turn = asyncio.Lock()
        self._refreshed: float | None = None
        self._next_sweep: dict[Copy, float] = {"redis": 0.0, "mirror": 0.0}
        self._failing: dict[Copy, str] = {}

    # --- reading: no I/O ---

    def entries(self) -> Mapping[str, Entry]:
        """The entries in force now.

        Raises:
            RegisterUnavailable: neither the mirror nor Redis could be read since the start, so nothing is known.
        """
        if not self._readable:
            raise RegisterUnavailable(f"register {self._name}: never read since the start; {'; '.join(self._failing.values())}")
        if self._first_end is not None and micros(self._clock()) >= self._first_end:
            self._renew()
        return self._in_force

    def age_s(self) -> float:
        """Seconds since it was last compared with Redis whole and well; infinite before the first time."""
        return float("inf") if self._refreshed is None else time.monotonic() - self._refreshed

    async def healthy(self) -> None:
        """Is it known, and are both other copies well? Raises `RegisterUnavailable`."""
        self.entries()
        if self._failing:
            raise RegisterUnavailable(f"register {self._name}: {'; '.join(self._failing.values())}")

    # --- changing ---

    async def put(self, key: str, value: Mapping[str, Any], *, by: str, expires_at: datetime | None = None) -> Reach:
        """Put an entry in force: here at once, elsewhere within a poll.

        Raises:
            RegisterUnavailable: it is neither on the disk nor in Redis, and so not in force.
            RegisterFull: there is no place.
            ValueError: key or value cannot be kept.
        """
        record = put(self._records, key, value, by=by, expires_at=expires_at, now=self._clock(), nonce=_nonce())
        return await self._publish(key, record)

    async def remove(self, key: str, *, by: str) -> Reach:
        """End an entry; the mark of it stays so that no old copy brings it back. Raises `RegisterUnavailable`."""
        return await self._publish(key, removal(self._records, key, by=by, now=self._clock(), nonce=_nonce()))

    async def _publish(self, key: str, record: Record) -> Reach:
        durable, shared = await asyncio.gather(self._write_mirror({key: record}, {}), self._write_redis({key: record}))
        if not durable and not shared:
            raise RegisterUnavailable(f"register {self._name}: put down nowhere; {'; '.join(self._failing.values())}")
        self._learn({key: record})
        return Reach(shared=shared, durable=durable)

    # --- keeping the copies together ---

    async def open(self) -> None:
        """Read both copies once; what fails is told, and tried again by `run`."""
        await self._look_at_mirror()
        await self._look_at_redis()

    async def run(self) -> None:
        """Keep it fresh until cancelled; a Redis that hangs does not keep the mirror from being read."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._repeat(self._look_at_mirror))
            both.create_task(self._repeat(self._look_at_redis))

    async def _repeat(self, look: Callable[[], Any]) -> None:
        while True:
            await asyncio.sleep(self._poll_s)
            await look()

    async def _look_at_mirror(self) -> None:
        try:
            damaged = not await self._read_mirror()
            over = self._over("mirror", self._mirrored.records)
            behind = damaged or self._signature is None or not self._mirrored.whole or self._newer(self._mirrored.records)
            if self._readable and (behind or over):
                await self._write_mirror({}, over)
            elif not damaged:
                self._well("mirror")
        except Exception as e:  # noqa: BLE001 - whatever it is, what is known is kept, and it is tried again
            self._fail("mirror", e)

    async def _read_mirror(self) -> bool:
        """Take up what is new in the file; False when it is damaged."""
        async with self._mirror_turn:
            signature = self._mirror.signature()
            if signature == self._signature:
                return True
            try:
                self._mirrored = await asyncio.to_thread(self._mirror.read)
            except MirrorDamaged as e:
                self._fail("mirror", e)
                return False
            self._signature = signature
        self._readable = self._readable or self._mirrored.whole
        self._learn(self._mirrored.records)
        return True

    async def _look_at_redis(self) -> None:
        try:
            if await self._redis.look() != self._seen:
                await self._read_redis()
            behind, over = self._newer(self._shared.records), self._over("redis", self._shared.records)
            if behind or over or (self._readable and not self._shared.whole):
                await self._redis.merge(behind, over, whole=self._readable)
                await self._read_redis()
            if wrong := self._shared.malformed:
                raise RegisterUnavailable(f"Redis: {len(wrong)} entries are no records, the first under {wrong[0]!r}")
        except Exception as e:  # noqa: BLE001 - as above
            self._seen = None
            self._fail("redis", e)
            return
        if self._readable:
            self._well("redis")
            self._refreshed = time.monotonic()
            self._watch.refreshed(self._name, len(self._in_force))

    async def _read_redis(self) -> None:
        self._shared = told = await self._redis.read()
        self._seen = told.seen
        # an emptied Redis says nothing of what a mirror held that cannot be read; where no copy ever was whole, there is no more
        first_of_all = self._signature != "unread" and not self._mirrored.whole
        self._readable = self._readable or (not told.malformed and (told.whole or first_of_all))
        self._learn(told.records)

    async def _write_mirror(self, records: Mapping[str, Record], over: Mapping[str, Record]) -> bool:
        try:
            async with self._mirror_turn:
                all_of_it = {**self._records, **records}
                self._mirrored, self._signature = await asyncio.to_thread(
                    self._mirror.merge, all_of_it, over, whole=self._readable)
        except Exception as e:  # noqa: BLE001 - as above
            self._fail("mirror", e)
            return False
        self._learn(self._mirrored.records)
        self._well("mirror")
        return True

    async def _write_redis(self, records: Mapping[str, Record]) -> bool:
        try:
            await self._redis.merge(records, {}, whole=self._readable)
        except Exception as e:  # noqa: BLE001 - as above
            self._fail("redis", e)
            return False
        return True

    def _learn(self, records: Mapping[str, Record]) -> None:
        if better := newer(records, self._records):
            self._records.update(better)
            self._renew()

    def _newer(self, theirs: Mapping[str, Record]) -> dict[str, Record]:
        """What another copy should hold and does not."""
        now_us = micros(self._clock())
        return {key: record for key, record in newer(self._records, theirs).items() if not is_over(record, now_us)}

    def _over(self, copy: Copy, records: Mapping[str, Record]) -> dict[str, Record]:
        """What may leave a copy, looked for once a minute."""
        if time.monotonic() < self._next_sweep[copy]:
            return {}
        self._next_sweep[copy] = time.monotonic() + SWEEP_S
        self._renew()
        return {key: record for key, record in records.items() if is_over(record, micros(self._clock()))}

    def _renew(self) -> None:
        now_us = micros(self._clock())
        self._records = {key: record for key, record in self._records.items() if not is_over(record, now_us)}
        self._in_force, self._first_end = in_force(self._records.items(), now_us)

    def _fail(self, copy: Copy, error: Exception) -> None:
        why = str(error) if isinstance(error, RegisterUnavailable) else f"{type(error).__name__}: {error}"
        self._failing[copy] = why
        self._watch.failed(self._name, copy, why)

    def _well(self, copy: Copy) -> None:
        if self._failing.pop(copy, None) is not None:
            self._watch.recovered(self._name, copy)

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.close()

