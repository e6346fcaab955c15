"""One worker as its supervisor sees it: a process, the line to it, and how far it is."""

import asyncio
import contextlib
import itertools
import signal
import socket
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from gateway_addons.admin.control_channel import ControlChannel
from gateway_addons.admin.metrics_snapshot import Family
from gateway_addons.supervisor.errors import WorkerSilent

type State = Literal["starting", "serving", "leaving", "ended"]


class Worker:
    """One process, from its start to its end. `writer` is its part of the journal."""

    def __init__(self, slot: int, writer: str) -> None:
        self.slot = slot
        self.writer = writer
        self.state: State = "starting"
        self.since = datetime.now(UTC)
        self.failure = ""
        self.metrics: list[Family] = []
        self.changed = asyncio.Event()
        self.over = asyncio.Event()
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}

    async def start(self, config: Path, text: str, listening: Mapping[str, list[socket.socket]]) -> None:
        """Start the process; it gets the text of the settings that was checked, not whatever the file says by then."""
        ours, theirs = socket.socketpair()
        listeners = [(name, s.fileno()) for name, sockets in listening.items() for s in sockets]
        command = [sys.executable, "-m", "gateway_addons", "worker", "--config", str(config), "--slot", str(self.slot),
                   "--writer", self.writer, "--control", str(theirs.fileno())]
        for name, descriptor in listeners:
            command += ["--listener", f"{name}={descriptor}"]
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, pass_fds=(theirs.fileno(), *(d for _, d in listeners)))
        self._channel = await ControlChannel.over(ours)
        await self._channel.send({"settings": text})
        self._follower = asyncio.create_task(self._follow())

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """As `subprocess` has it: negative for a signal."""
        return self._process.returncode

    async def _follow(self) -> None:
        while (message := await self._channel.receive()) is not None:
            if message.get("event") == "serving" and self.state == "starting":
                self._enter("serving")
            elif message.get("event") == "failed":
                self.failure = str(message.get("why"))
            elif message.get("event") == "farewell":
                self.metrics = [Family.of(d) for d in message["metrics"]]
            elif (future := self._asked.pop(message.get("answer", 0), None)) is not None and not future.done():
                future.set_result(message.get("of"))
        await self._process.wait()
        self._channel.close()
        for future in self._asked.values():
            if not future.done():
                future.set_exception(WorkerSilent(f"{self.writer} ended"))
        self._enter("ended")
        self.over.set()

    def _enter(self, state: State) -> None:
        self.state, self.since = state, datetime.now(UTC)
        self.changed.set()

    async def settle(self, limit_s: float) -> bool:
        """Wait until the start is decided; True when it serves."""
        try:
            async with asyncio.timeout(limit_s):
                await self.changed.wait()
        except TimeoutError:
            self.failure = f"not serving after {limit_s:.0f} s"
        return self.state == "serving"

    async def ask(self, question: str, limit_s: float) -> Any:
        """What the worker answers. Raises `WorkerSilent`."""
        number = next(self._numbers)
        future = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            if self.state == "ended":
                raise WorkerSilent(f"{self.writer} ended")
            async with asyncio.timeout(limit_s):
                await self._channel.send({"ask": question, "id": number})
                return await future
        except TimeoutError as e:
            raise WorkerSilent(f"{self.writer} (pid {self.pid}) did not answer in {limit_s:.0f} s") from e
        finally:
            self._asked.pop(number, None)

    async def count(self, limit_s: float) -> list[Family]:
        """Its metrics now; as they were last known when it does not answer."""
        with contextlib.suppress(WorkerSilent):
            self.metrics = [Family.of(d) for d in await self.ask("metrics", limit_s)]
        return self.metrics

    async def leave(self, calls_s: float, idle_s: float) -> None:
        """Tell it to drain and end; see `settings.workers.Drain`."""
        self.leaves()
        if self.state == "leaving":
            await self._channel.send({"tell": "leave", "calls_s": calls_s, "idle_s": idle_s})

    def leaves(self) -> None:
        """From now on it is on its way out."""
        if self.state not in ("leaving", "ended"):
            self._enter("leaving")

    async def end(self, limit_s: float) -> None:
        """Wait for its end, and kill it when that takes too long."""
        try:
            async with asyncio.timeout(limit_s):
                await self.over.wait()
        except TimeoutError:
            self.kill()
            await self.over.wait()

    def kill(self) -> None:
        """End it at once."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)

    def document(self) -> dict[str, Any]:
        """What the operator is told of it."""
        return {"slot": self.slot, "writer": self.writer, "pid": self.pid, "state": self.state,
                "since": self.since.isoformat(timespec="milliseconds")}
