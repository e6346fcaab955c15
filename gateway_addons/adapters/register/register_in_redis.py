"""The copy of a register that all gateways share: one hash and one version in Redis."""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import NoScriptError

from gateway_addons.adapters.redis_client import ask, close
from gateway_addons.core.errors import RegisterUnavailable
from gateway_addons.core.register import MAX_RECORDS, MalformedRecord, Record, read_record

MERGE = resources.files(__package__).joinpath("register_merge.lua").read_text(encoding="utf-8")
LOOK = "return {redis.call('GET', KEYS[2]), redis.call('HLEN', KEYS[1])}"
READ = "return {redis.call('GET', KEYS[2]), redis.call('HGETALL', KEYS[1])}"
MERGE_AT_ONCE = 500
"""Records in one merge, so that no merge stops Redis for long."""

type Seen = tuple[bytes | None, int]
"""Version and number of records: when one of them is another, something changed (or Redis was emptied)."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What Redis holds; `malformed` are the keys whose text is no record."""

    seen: Seen
    records: Mapping[str, Record]
    malformed: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Did somebody who knew the whole register write here since Redis was empty?"""
        return self.seen[0] is not None and self.seen[0].endswith(b"whole")


class RegisterInRedis:
    """Every question is one round trip and bounded in time; implements no port, `SharedRegister` uses it."""

    def __init__(self, client: "Redis | RedisCluster", name: str, timeout_s: float) -> None:
        self._redis = client
        self._keys = (f"poterne:register:{{{name}}}", f"poterne:register:{{{name}}}:version")
        self._timeout_s = timeout_s

    async def look(self) -> Seen:
        """Has anything changed? Raises `RegisterUnavailable`."""
        return _seen(await self._ask(LOOK))

    async def read(self) -> Shared:
        """All of it. Raises `RegisterUnavailable`."""
        answer = await self._ask(READ)
        try:
            version, told = answer[0], answer[1]
            pairs = list(told.items() if isinstance(told, dict) else zip(told[::2], told[1::2], strict=True))
        except (TypeError, LookupError, ValueError, AttributeError) as e:
            raise RegisterUnavailable("Redis: not the script's answer") from e
        records: dict[str, Record] = {}
        malformed: list[str] = []
        for key, text in pairs:
            try:
                records[key.decode()] = read_record(text.decode())
            except (UnicodeDecodeError, MalformedRecord):
                malformed.append(key.decode(errors="replace"))
        return Shared((version, len(pairs)), records, tuple(malformed))

    async def merge(self, records: Mapping[str, Record], over: Mapping[str, Record], *, whole: bool) -> None:
        """Bring records in, and take those out that are over; `whole`: the caller knows all of the register.

        Raises:
            RegisterUnavailable: it is not in Redis, or not all of it.
        """
        given, gone = list(records.items()), list(over.items())
        while True:
            part, given = given[:MERGE_AT_ONCE], given[MERGE_AT_ONCE:]
            leaving, gone = gone[:MERGE_AT_ONCE], gone[MERGE_AT_ONCE:]
            knows = "whole" if whole and not given else "additions"
            await self._ask(MERGE, knows, str(len(part)), *_texts(part), *_texts(leaving))
            if not given and not gone:
                return

    async def _ask(self, script: str, *given: str) -> Any:
        try:
            async with asyncio.timeout(self._timeout_s):
                try:
                    digest = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
                    return await ask(self._redis, "EVALSHA", digest, 2, *self._keys, *given)
                except NoScriptError:
                    return await ask(self._redis, "EVAL", script, 2, *self._keys, *given)
        except Exception as e:  # redis-py does not foresee all that a changing cluster does: TypeError, IndexError
            raise RegisterUnavailable(f"Redis: {type(e).__name__}: {e}".rstrip(": ")) from e

    async def close(self) -> None:
        """Give the connections back."""
        await close(self._redis)


def _seen(answer: Any) -> Seen:
    try:
        version, count = answer[0], int(answer[1])
    except (TypeError, LookupError, ValueError) as e:
        raise RegisterUnavailable("Redis: not the script's answer") from e
    if count > MAX_RECORDS:
        raise RegisterUnavailable(f"Redis: the register holds {count} records, more than {MAX_RECORDS}")
    return version, count


def _texts(records: Iterable[tuple[str, Record]]) -> Iterable[str]:
    for key, record in records:
        yield key
        yield record.text()
