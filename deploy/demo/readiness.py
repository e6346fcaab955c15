"""Waits, for a bounded time, until a process does its work and not only runs."""

import time
from collections.abc import Callable
from pathlib import Path

import httpx
import redis

from deploy.demo.processes import Process, StartFailed, Supervisor

LIMIT_S = 45.0
PAUSE_S = 0.05

type Probe = Callable[[], str | None]
"""None when ready, else what is missing."""


def await_ready(supervisor: Supervisor, process: Process, probe: Probe, limit_s: float = LIMIT_S) -> None:
    """Return when the probe is content.

    Raises:
        StartFailed: the process ended, or the time is over; with what was missing and the end of its log.
    """
    deadline = time.monotonic() + limit_s
    missing = probe()
    while missing is not None:
        what = "ended instead of starting" if not process.running() else f"was not ready after {limit_s:.0f} s ({missing})"
        if not process.running() or time.monotonic() > deadline:
            raise StartFailed(f"{process.name} {what}. The end of its log:\n{supervisor.log_tail(process.name)}")
        time.sleep(PAUSE_S)
        missing = probe()


def http_ready(url: str, socket: Path | None = None) -> Probe:
    """Ready when a GET is answered with 200, over TCP or over a unix socket."""

    def probe() -> str | None:
        if socket is not None and not socket.exists():
            return f"{socket} is not there yet"
        transport = httpx.HTTPTransport(uds=str(socket)) if socket else None
        try:
            with httpx.Client(transport=transport, trust_env=False, timeout=2.0) as client:
                answer = client.get(url)
        except httpx.HTTPError as e:
            return f"{url}: {e or type(e).__name__}"
        return None if answer.status_code == httpx.codes.OK else f"{url}: {answer.status_code} {answer.text[:300]}"

    return probe


def redis_ready(url: str) -> Probe:
    """Ready when PING is answered with our password."""

    def probe() -> str | None:
        client = redis.Redis.from_url(url, socket_timeout=2.0, socket_connect_timeout=2.0)
        try:
            return None if client.ping() else "no PONG"
        except redis.RedisError as e:
            return str(e)
        finally:
            client.close()

    return probe
