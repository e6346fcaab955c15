"""Questions to Redis that follow each other on one kept connection: each is written at once, the answers come in that order.

The connection is redis-py's own: where the master is, TLS, authentication and the reading of answers stay the library's. What
is left out is what it does for every command besides: to take a connection, look at it and give it back (docs/performance.md).
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from hiredis import pack_command
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import ResponseError

MAX_WAITING = 10_000
"""Questions on one connection that have no answer yet; more are not asked."""
MAX_IN_CLUSTER = 32
"""Questions to a cluster at once; the next waits for its turn, within its time. Fewer than `redis_client.MAX_CONNECTIONS`."""


class Line(Protocol):
    """A way to ask Redis."""

    async def ask(self, until: float, *command: str | int) -> Any:
        """The answer to one command.

        Raises:
            TimeoutError: there was none `until` then, by the loop's clock.
            RedisError, OSError: Redis could not be reached, or its answer is an error.
        """

    async def close(self) -> None:
        """End its connections; the client stays its owner's to close."""


def line_to(client: "Redis | RedisCluster") -> Line:
    """The line to this server, master or cluster; nothing is opened before the first question."""
    return _ToCluster(client) if isinstance(client, RedisCluster) else _ToServer(client)


class _ToCluster:
    """Which node has the key is the library's knowledge; implements `Line`."""

    def __init__(self, client: RedisCluster) -> None:
        self._redis = client
        self._turns = asyncio.Semaphore(MAX_IN_CLUSTER)

    async def ask(self, until: float, *command: str | int) -> Any:
        async with asyncio.timeout_at(until), self._turns:
            return await self._redis.execute_command(*command)

    async def close(self) -> None:
        """Its connections are the client's."""


class _ToServer:
    """One connection at a time takes questions; implements `Line`."""

    def __init__(self, client: Redis) -> None:
        self._pool = client.connection_pool
        self._kept: _Connection | None = None
        self._lives: set[asyncio.Task[None]] = set()

    async def ask(self, until: float, *command: str | int) -> Any:
        connection = self._kept
        if connection is None or not connection.takes_questions:
            connection = self._another()
        packed = pack_command(command)  # type: ignore[arg-type]  # its stub says one value; it packs all
        answer = connection.send(packed)
        timer = asyncio.get_running_loop().call_at(until, connection.overdue, answer)
        try:
            return await answer
        finally:
            if not answer.cancelled():  # the timer of a call that was given up stays: it sees whether Redis hangs
                timer.cancel()

    def _another(self) -> "_Connection":
        self._kept = another = _Connection(self._pool)
        self._lives.add(another.life)
        another.life.add_done_callback(self._lives.discard)
        return another

    async def close(self) -> None:
        for life in (lives := tuple(self._lives)):
            life.cancel()
        await asyncio.gather(*lives, return_exceptions=True)


class _Connection:
    """One connection, and who waits for an answer on it, in the order of the questions.

    The answer to a call that was given up is read and is nobody's. Once an answer is overdue no more questions are taken, so
    a Redis that hangs is left; the others on it are not given up with it, and it ends when nobody waits on it any more.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self.takes_questions = True
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._unsent: list[bytes] = []
        self._writer: asyncio.StreamWriter | None = None
        self.life = asyncio.create_task(self._live(pool))
        """From its opening to its end; to cancel it is to end it."""

    def send(self, packed: bytes) -> "asyncio.Future[Any]":
        """Write a question, now or once it is open; returns the place of its answer. Raises `ConnectionLost`."""
        if len(self._waiting) >= MAX_WAITING:
            raise ConnectionLost("too many questions have no answer")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        if self._writer is None:
            self._unsent.append(packed)
        else:
            self._writer.write(packed)
        return answer

    def overdue(self, answer: "asyncio.Future[Any]") -> None:
        """The time of this question is over, whether somebody still waits or not."""
        if answer not in self._waiting:
            return
        self.takes_questions = False
        if not answer.done():
            answer.set_exception(TimeoutError("no answer in time"))
        if all(one.done() for one in reversed(self._waiting)):  # the youngest waits longest
            self.life.cancel()

    async def _live(self, pool: ConnectionPool) -> None:
        failure: Exception = ConnectionLost("the connection was closed")
        try:
            async with _taken(pool) as connection:
                self._begin(connection)
                while self.takes_questions or self._waiting:
                    await self._read_one(connection)
        except Exception as e:  # noqa: BLE001 - whatever it is, who waits is told
            failure = e
        finally:
            self.takes_questions = False
            for answer in self._waiting:
                if not answer.done():
                    answer.set_exception(failure)

    def _begin(self, connection: AbstractConnection) -> None:
        self._writer = connection._writer
        if self._writer is None:  # pragma: no cover - the library has connected it
            raise ConnectionLost("not connected")
        self._writer.writelines(self._unsent)
        self._unsent.clear()

    async def _read_one(self, connection: AbstractConnection) -> None:
        told, error = None, None
        try:
            told = await connection.read_response(timeout=math.inf)
        except ResponseError as e:  # an answer like another
            error = e
        if not self._waiting:
            raise ConnectionLost("an answer that nobody asked for")
        answer = self._waiting.popleft()
        if answer.done():  # its call was given up
            return
        if error is None:
            answer.set_result(told)
        else:
            answer.set_exception(error)


@asynccontextmanager
async def _taken(pool: ConnectionPool) -> AsyncIterator[AbstractConnection]:
    """A connection of the pool's, made and checked by the library; whatever may still lie on it goes with its socket."""
    connection: AbstractConnection = pool.get_available_connection()  # type: ignore[no-untyped-call]
    try:
        await pool.ensure_connection(connection)
        yield connection
    finally:
        await connection.disconnect(nowait=True)
        await ConnectionPool.release(pool, connection)
