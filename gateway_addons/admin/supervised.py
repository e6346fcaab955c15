"""A worker's end of its line to the supervisor: it says when it serves, answers questions, and leaves when it is told to.

The line is a socket that the worker inherited. When it breaks, the supervisor is gone, and the worker leaves too.
"""

import asyncio
import ctypes
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry

from gateway_addons.admin.control_channel import ControlChannel
from gateway_addons.admin.health import Readiness
from gateway_addons.admin.metrics_snapshot import snapshot

PR_SET_PDEATHSIG = 1  # linux/prctl.h

type Leave = Callable[[float, float], Coroutine[Any, Any, None]]
"""Drain: seconds for calls in flight, seconds after which idle connections end."""


class SupervisorGone(Exception):
    """Nobody is at the other end."""


@dataclass(frozen=True, slots=True)
class Station:
    """What a worker is given by its supervisor.

    `writer` names its part of the journal, which no other living worker has; `slot` its place among the workers.
    """

    slot: int
    writer: str
    control: socket.socket
    listening: dict[str, list[socket.socket]]


class SupervisorLine:
    """The worker's end of the line."""

    def __init__(self, channel: ControlChannel) -> None:
        self._channel = channel

    async def settings(self) -> str:
        """The text of the settings that the supervisor has checked. Raises `SupervisorGone`."""
        message = await self._channel.receive()
        if message is None or not isinstance(message.get("settings"), str):
            raise SupervisorGone("no settings came")
        text: str = message["settings"]
        return text

    async def serving(self) -> None:
        """Say that every listener accepts connections."""
        await self._channel.send({"event": "serving"})

    async def failed(self, why: str) -> None:
        """Say why the start fails."""
        await self._channel.send({"event": "failed", "why": why})

    async def obey(self, readiness: Readiness, registry: CollectorRegistry, leave: Leave,
                   when_alone: tuple[float, float]) -> None:
        """Answer and obey until the line breaks; then leave, with the bounds `when_alone`."""
        async with asyncio.TaskGroup() as under_way:
            while (message := await self._channel.receive()) is not None:
                if message.get("tell") == "leave":
                    under_way.create_task(leave(message["calls_s"], message["idle_s"]))
                elif "ask" in message:
                    under_way.create_task(self._answer(message, readiness, registry))
            await leave(*when_alone)

    async def farewell(self, registry: CollectorRegistry) -> None:
        """Hand over the last counts, so that the sum over all workers never falls."""
        await self._channel.send({"event": "farewell", "metrics": [family.document() for family in snapshot(registry)]})

    async def _answer(self, message: dict[str, Any], readiness: Readiness, registry: CollectorRegistry) -> None:
        answer: Any = None
        if message["ask"] == "health":
            ready, dependencies = await readiness.look()
            answer = {"ready": ready, "dependencies": dependencies}
        elif message["ask"] == "metrics":
            answer = [family.document() for family in snapshot(registry)]
        await self._channel.send({"answer": message["id"], "of": answer})


def end_with_parent() -> None:
    """Ask the kernel for a SIGTERM when the supervisor dies, however it dies (prctl(2)).

    Raises:
        SupervisorGone: it is dead already.
    """
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SupervisorGone("the supervisor died before the worker began")
