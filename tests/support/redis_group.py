"""Real groups of Redis servers: a master with a replica and three sentinels, and a cluster of three masters, with or without a replica each."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import redis

from tests.support.servers import REDIS, RedisServer, await_port, free_port, redis_server

MASTER = "quota"
LIMIT_S = 30.0


@dataclass(frozen=True)
class Replicated:
    """A master, its replica, and the sentinels that watch them."""

    master: RedisServer
    replica: RedisServer
    sentinels: tuple[str, ...]

    def kill_master(self) -> None:
        """As a power cut would (SIGKILL)."""
        os.kill(self.master.process.pid, signal.SIGKILL)


@contextmanager
def replicated(folder: Path, *, down_after_ms: int = 500) -> Iterator[Replicated]:
    """A master, a replica that is in step, and three sentinels with a quorum of two."""
    with ExitStack() as stack:
        ports = free_port(), free_port()
        stack_of = [stack.enter_context(redis_server(_made(folder / str(p)), p, ("--masterauth", "essai"))) for p in ports]
        client = redis.Redis.from_url(stack_of[1].url)
        client.replicaof("127.0.0.1", str(ports[0]))
        until(lambda: _info(client)["master_link_status"] == "up")
        client.close()
        sentinels = [stack.enter_context(_sentinel(_made(folder / f"sentinel{n}"), ports[0], down_after_ms)) for n in range(3)]
        for port in sentinels:
            with redis.Redis(port=port, decode_responses=True) as one:
                until(partial(_sees_all, one))
        yield Replicated(stack_of[0], stack_of[1], tuple(f"127.0.0.1:{p}" for p in sentinels))


def _info(client: redis.Redis) -> dict[str, object]:
    told: dict[str, object] = client.info("replication")
    return told


def _sees_all(sentinel: redis.Redis) -> bool:
    state: Any = sentinel.sentinel_master(MASTER)
    return bool(int(state["num-slaves"]) == 1 and int(state["num-other-sentinels"]) == 2)


@contextmanager
def _sentinel(folder: Path, master_port: int, down_after_ms: int) -> Iterator[int]:
    port = free_port()
    file = folder / "sentinel.conf"
    file.write_text("\n".join((
        f"port {port}", "bind 127.0.0.1", f'dir "{folder}"', f"sentinel monitor {MASTER} 127.0.0.1 {master_port} 2",
        f"sentinel auth-pass {MASTER} essai", f"sentinel down-after-milliseconds {MASTER} {down_after_ms}",
        f"sentinel failover-timeout {MASTER} 5000", "")))
    process = subprocess.Popen([str(REDIS), str(file), "--sentinel"], stdout=subprocess.DEVNULL)
    try:
        await_port(port, process)
        yield port
    finally:
        process.kill()
        process.wait()


NODE_TIMEOUT_MS = 1000
SLOTS = 16384


@contextmanager
def cluster(folder: Path, *, with_replicas: bool = False) -> Iterator[list[RedisServer]]:
    """Three masters that share all slots; with replicas, the server three places further on in the list is a master's replica."""
    with ExitStack() as stack:
        buses = {free_port(): free_port() for _ in range(6 if with_replicas else 3)}
        ports = list(buses)
        more = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT_MS), "--masterauth", "essai",
                "--repl-diskless-sync-delay", "0")
        servers = [stack.enter_context(redis_server(_made(folder / str(p)), p, ("--cluster-port", str(bus), *more)))
                   for p, bus in buses.items()]
        clients: list[Any] = [stack.enter_context(redis.Redis.from_url(s.url)) for s in servers]
        bounds = (0, 5461, 10923, SLOTS)
        for number, client in enumerate(clients[:3]):
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
        for number, client in enumerate(clients):
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for port in ports[1:]:
            clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", port, buses[port])
        for client in clients:
            until(partial(_whole, client, len(ports)))
        for master, replica in zip(clients, clients[3:], strict=False):
            replica.execute_command("CLUSTER", "REPLICATE", master.execute_command("CLUSTER", "MYID").decode())
        for replica in clients[3:]:
            until(partial(_in_step, replica))
        for client in clients:
            until(partial(_knows_replicas, client, len(ports) - 3))
        yield servers


def owner_of(servers: list[RedisServer], key: str) -> int:
    """Which of the masters, by its place in the list, holds this key."""
    with redis.Redis.from_url(servers[0].url) as one:
        slot = int(one.execute_command("CLUSTER", "KEYSLOT", key))
    return next(number for number, last in enumerate((5460, 10922, SLOTS - 1)) if slot <= last)


def _whole(client: Any, number: int) -> bool:
    told = client.cluster("INFO")
    nodes = client.cluster("NODES")
    return bool(told["cluster_state"] == "ok" and len(nodes) == number)


def _in_step(replica: Any) -> bool:
    return _info(replica).get("master_link_status") == "up"


def _knows_replicas(client: Any, number: int) -> bool:
    return sum("slave" in node["flags"] for node in client.cluster("NODES").values()) == number


def until(true: Callable[[], bool]) -> None:
    """Wait until it is so, or fail when time is up."""
    deadline = time.monotonic() + LIMIT_S
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come about")
        time.sleep(0.05)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
