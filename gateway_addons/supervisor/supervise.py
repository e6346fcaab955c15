"""The supervisor's composition root and its life: it serves nobody itself, so it has nothing to crash on.

It owns the listening sockets, the operator's window and the workers. SIGTERM and SIGINT stop the gateway, SIGHUP reads
the settings again.
"""

import asyncio
import signal
import socket
from pathlib import Path
from typing import Any

import structlog

from gateway_addons.adapters.journal.checkpoints import CheckpointMaker
from gateway_addons.admin.app import admin_app, admin_server, serve
from gateway_addons.admin.json_log import configure_logging
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.settings.gateway import Settings, parse, read
from gateway_addons.settings.values import Listen, SettingsError
from gateway_addons.supervisor.acts import GatewayActs
from gateway_addons.supervisor.counts import FleetCounts
from gateway_addons.supervisor.errors import ReloadRefused, StartFailed
from gateway_addons.supervisor.fleet import Fleet
from gateway_addons.supervisor.generation import Generation
from gateway_addons.supervisor.listening import ListeningSockets
from gateway_addons.supervisor.orders import OrderDesk
from gateway_addons.supervisor.place import held, listen_for_orders
from gateway_addons.supervisor.signs_of_life import watch
from gateway_addons.supervisor.window import Window
from gateway_addons.supervisor.writers import Writers

FIXED = ("admin", "state", "journal")
"""Sections that a reload cannot change."""

log = structlog.get_logger("poterne.supervisor")


def supervise(config: Path) -> None:
    """Run the gateway until SIGTERM.

    Raises:
        SettingsError, StartFailed, JournalUnavailable: it does not start; nothing is left running.
    """
    text = read(config)
    settings = parse(text, config)
    with held(settings.state.run):
        configure_logging(worker="supervisor")
        asyncio.run(Supervisor(config, settings).run(text))


class Supervisor:
    """One gateway."""

    def __init__(self, config: Path, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._sockets = ListeningSockets()
        self._counts = FleetCounts()
        writers = Writers(settings.journal)
        self._checkpoints = CheckpointMaker(settings.journal)
        self._acts = GatewayActs(settings.journal)
        self._recovered = writers.recover()
        self._fleet = Fleet(config, self._sockets, writers, self._counts)
        self._stop = asyncio.Event()

    async def run(self, text: str) -> None:
        """Start, serve, stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        window = Window(self._fleet, self._counts)
        desk = OrderDesk({"reload": self._reload_told, "workers": self._workers})
        admin = admin_server(admin_app(window.ready, window.metrics), self._settings.admin)
        try:
            door = _bind(self._settings.admin)
            loop.add_signal_handler(signal.SIGHUP, lambda: asyncio.ensure_future(self._reload_told()))
            await asyncio.to_thread(self._checkpoints.last)  # before any call, so that a journal without a seal is no journal
            await self._fleet.start(Generation.of(self._settings, text))
            await asyncio.to_thread(self._acts.began, text, len(self._fleet.current))
            log.info("start", workers=len(self._fleet.current), concluded_after_crash=self._recovered)
            await self._serve([serve(admin, door), desk.serve(listen_for_orders(self._settings.state.run)),
                               watch(self._fleet.current.values), self._checkpoints.run()])
        finally:
            await self._fleet.stop()
            self._acts.ended()
            self._checkpoints.last()
            self._sockets.close()
        log.info("stop")

    async def _serve(self, parts: list[Any]) -> None:
        """Until the stop is asked for; the gateway does not go on without one of its parts."""
        aside = [asyncio.create_task(part) for part in parts]
        for task in aside:
            task.add_done_callback(self._stop_on_failure)
        await self._stop.wait()
        await self._fleet.stop()
        for task in aside:
            task.cancel()
        await asyncio.gather(*aside, return_exceptions=True)

    def _stop_on_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            log.error("a part of the supervisor ended, stopping", exc_info=task.exception())
            self._stop.set()

    # --- reload ---

    async def reload(self) -> None:
        """Read the settings again, check them, and roll the workers; an act of the journal, however it ends.

        Raises:
            ReloadRefused: they cannot be used, a worker does not start with them, or the journal does not take it; the old
                ones stay.
        """
        try:
            text, settings = self._read_again()
        except ReloadRefused as e:
            await asyncio.to_thread(self._acts.unread, str(e))
            raise
        try:
            act = await asyncio.to_thread(self._acts.reload, text)
        except JournalUnavailable as e:
            raise ReloadRefused(f"the journal does not take it: {e}") from e
        try:
            await self._fleet.roll(Generation.of(settings, text))
        except ReloadRefused as e:
            await asyncio.to_thread(self._acts.reloaded, act, str(e))
            raise
        self._settings = settings
        await asyncio.to_thread(self._acts.reloaded, act)

    def _read_again(self) -> tuple[str, Settings]:
        try:
            text = read(self._config)
            settings = parse(text, self._config)
        except SettingsError as e:
            raise ReloadRefused(str(e)) from e
        for name in FIXED:
            if getattr(settings, name) != getattr(self._settings, name):
                raise ReloadRefused(f"{self._config}: {name} cannot change while the gateway runs; restart it for that")
        return text, settings

    async def _reload_told(self) -> dict[str, Any]:
        """Reload, and say what came of it: to the log, the metrics and who asked."""
        try:
            await self.reload()
        except ReloadRefused as e:
            log.error("reload_refused", why=str(e))
            self._counts.reloaded("refused")
            return {"done": False, "why": str(e)}
        log.info("reloaded", workers=len(self._fleet.current))
        self._counts.reloaded("done")
        return {"done": True} | await self._workers()

    async def _workers(self) -> dict[str, Any]:
        return {"workers": [worker.document() | {"restarts": self._fleet.restarts.get(worker.slot, 0)}
                            for worker in self._fleet.workers()]}


def _bind(listen: Listen) -> socket.socket:
    """The operator's window's socket. Raises `StartFailed`."""
    try:
        return socket.create_server((listen.host, listen.port), backlog=64)
    except OSError as e:
        raise StartFailed(f"admin {listen.host}:{listen.port} cannot be used ({e.strerror})") from e
