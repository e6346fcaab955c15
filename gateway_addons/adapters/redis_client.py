"""How Redis is reached: one server, the master that the sentinels name, or a cluster. One attempt, a short time-out."""

import math
from typing import Any
from urllib.parse import urlsplit

from hiredis import pack_command
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff

from gateway_addons.settings.quota import Redis as RedisSettings

MAX_CONNECTIONS = 40
"""More than `redis_line.MAX_IN_CLUSTER`, so that a health check finds one free."""


def connect(settings: RedisSettings) -> "Redis | RedisCluster":
    """The client for these settings; nothing is sent before the first command."""
    if settings.cluster is not None:
        return _cluster(settings)
    if settings.sentinel is not None:
        return _by_sentinel(settings)
    return single(settings.url, settings.timeout_s)


async def ask(client: "Redis | RedisCluster", *command: str | int) -> Any:
    """Send one command and return its answer: `execute_command` without what it adds for every other use of the library
    (a retry that is off, observability, a time-out for each direction), which costs twice the command itself.

    The connection is the library's, checked and replaced by the library. The caller bounds the whole by one time-out of its
    own; a question that is given up ends its connection, so that its answer is never taken for another's.
    """
    if isinstance(client, RedisCluster):  # which node has the key is the library's knowledge
        return await client.execute_command(*command)
    pool = client.connection_pool
    connection = pool.get_available_connection()  # type: ignore[no-untyped-call]
    try:
        await pool.ensure_connection(connection)
        packed = pack_command(command)  # type: ignore[arg-type]  # its stub says one value; it packs all
        await connection.send_packed_command([packed], check_health=False)
        return await connection.read_response(timeout=math.inf)
    finally:
        await ConnectionPool.release(pool, connection)


async def close(client: "Redis | RedisCluster") -> None:
    """Give all connections back, those to the sentinels too."""
    pool = getattr(client, "connection_pool", None)
    if isinstance(pool, SentinelConnectionPool):
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose()
    await client.aclose()


def single(url: str, timeout_s: float) -> Redis:
    """One server."""
    pool = BlockingConnectionPool.from_url(
        url, max_connections=MAX_CONNECTIONS, timeout=timeout_s, socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s, retry=_once(), protocol=3,
    )
    return Redis.from_pool(pool)


def _by_sentinel(settings: RedisSettings) -> Redis:
    """The master of the moment; each new connection asks the sentinels anew."""
    assert settings.sentinel is not None  # noqa: S101 - the caller looked
    timeouts = {"socket_timeout": settings.timeout_s, "socket_connect_timeout": settings.timeout_s, "retry": _once()}
    sentinels = Sentinel(  # type: ignore[no-untyped-call]
        [address(node) for node in settings.sentinel.nodes],
        sentinel_kwargs={**timeouts, "password": settings.sentinel.password},
        **timeouts, **_credentials(settings.url), max_connections=MAX_CONNECTIONS, protocol=3,
    )
    master: Redis = sentinels.master_for(settings.sentinel.master)
    return master


def _cluster(settings: RedisSettings) -> RedisCluster:
    """All masters; a window's two keys share one slot by their hash tag."""
    assert settings.cluster is not None  # noqa: S101 - the caller looked
    credentials = _credentials(settings.url)
    credentials.pop("db", None)
    return RedisCluster(
        startup_nodes=[ClusterNode(*address(node)) for node in settings.cluster.nodes],
        socket_timeout=settings.timeout_s, socket_connect_timeout=settings.timeout_s, retry=Retry(NoBackoff(), 1),
        max_connections=MAX_CONNECTIONS, require_full_coverage=False, protocol=3, **credentials,
        dynamic_startup_nodes=False,  # else a cluster that once named no node would never be found again
    )


def _credentials(url: str) -> dict[str, Any]:
    """User, password, database and TLS out of the URL; its host is not used."""
    found: dict[str, Any] = dict(parse_url(url))
    kept = {name: found[name] for name in ("username", "password", "db") if name in found}
    return kept | ({"ssl": True} if urlsplit(url).scheme == "rediss" else {})


def address(node: str) -> tuple[str, int]:
    """`host:port`, as settings have checked it."""
    host, _, port = node.rpartition(":")
    return host, int(port)


def _once() -> Retry:
    return Retry(NoBackoff(), 0)
