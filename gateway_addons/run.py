"""The composition root of one worker: settings, then adapters, then the engine with the gate in it. Nothing is global,
nothing is late: whatever is wrong with a file stops the start here, and the supervisor says so.

`worker/shared_parts.py` makes what all environments share, `worker/environment.py` what is each one's own.
"""

import asyncio
import signal
import sys
from pathlib import Path

import structlog
import uvloop
from OpenSSL import SSL

from gateway_addons.adapters.journal.taken_up import TakenUp
from gateway_addons.adapters.policy.api_files import ApiFileError
from gateway_addons.adapters.policy.bundle_watch import BundleWatch
from gateway_addons.adapters.policy.opa_admin import OpaAdministration
from gateway_addons.addons.bounds_trace import show_bounds
from gateway_addons.addons.gate import Gate
from gateway_addons.addons.listener import GateMaster
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.admin.control_channel import ControlChannel
from gateway_addons.admin.json_log import configure_logging
from gateway_addons.admin.supervised import Station, SupervisorGone, SupervisorLine, end_with_parent
from gateway_addons.core.errors import JournalUnavailable, PolicyUnavailable
from gateway_addons.core.journal.in_use import InUse
from gateway_addons.core.trust import TrustError
from gateway_addons.in_use import Inventory, apis_in_use, keep_current, settings_in_use
from gateway_addons.settings.gateway import Settings, parse
from gateway_addons.settings.values import SettingsError
from gateway_addons.worker.environment import Environment, build_environment
from gateway_addons.worker.readiness import readiness_of
from gateway_addons.worker.running import keep_to_one_core, run_with, tame_garbage_collection
from gateway_addons.worker.shared_parts import SharedParts, shared_parts

CANNOT_START = (SettingsError, ApiFileError, TrustError, JournalUnavailable, PolicyUnavailable, SSL.Error, OSError, ValueError)
"""What is wrong with a file, a port or the journal: told to the operator as a sentence."""

log = structlog.get_logger("poterne.run")


async def serve(settings: Settings, told: InUse, station: Station, line: SupervisorLine) -> None:
    """Serve as one worker until the supervisor, or SIGTERM, says leave; calls in flight are finished first.

    `told` is how the journal names the settings.
    """
    parts = shared_parts(settings, station.writer)
    recovered = parts.journal.open()
    environments: dict[str, Environment] = {
        name: build_environment(name, settings, parts) for name in settings.environments}
    gate = Gate({name: one.gate for name, one in environments.items()}, parts.journal, parts.trace, settings.quota.warn_at,
                parts.brake, parts.masking)
    master = _engine(settings, parts, environments, gate, station)
    alone = (settings.drain.stop_calls_s, settings.drain.stop_idle_s)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: asyncio.ensure_future(master.drain_and_stop(*alone)))
    bundles = BundleWatch(OpaAdministration(settings.opa.address), parts.trace.registry)
    inventory = _inventory(settings, told, parts, environments, bundles)
    taken_up = TakenUp(settings.state.folder / "trust", parts.journal)
    await taken_up.look(inventory.now(), [])
    readiness = readiness_of(settings, parts, environments)
    await parts.open_registers()
    log.info("start", environments=list(environments), concluded_after_crash=recovered)
    try:
        await run_with(master, [
            line.obey(readiness, parts.trace.registry, master.drain_and_stop, alone), keep_current(inventory, taken_up),
            _announce(master, line), bundles.run(), parts.revoked.run(), parts.switches.run(),
            *(one.tokens.run() for one in environments.values())])
    finally:
        await parts.close()
        await line.farewell(parts.trace.registry)
        log.info("stop")


def _engine(settings: Settings, parts: SharedParts, environments: dict[str, Environment], gate: Gate,
            station: Station) -> GateMaster:
    """The engine, with a listener for each environment."""
    entries = {name: one.entry for name, one in environments.items()}
    master = GateMaster(entries, [gate, parts.trace, parts.trust], gate.in_flight, station.listening, parts.brake)
    show_bounds(parts.trace.registry, master.connections, master.bodies)
    master.listen([f"poterne:{name}@{own.listen.host}:{own.listen.port}" for name, own in settings.environments.items()])
    return master


def _inventory(settings: Settings, told: InUse, parts: SharedParts, environments: dict[str, Environment],
               bundles: BundleWatch) -> Inventory:
    """What this worker believes and decides by, for the journal."""
    fixed = [told, *apis_in_use(settings.apis), *(one for e in environments.values() for one in e.fixed)]
    return Inventory(fixed, {name: e.tls for name, e in environments.items()},
                     {name: e.tokens for name, e in environments.items()}, parts.revisions, bundles, parts.masking)


async def _announce(master: GateMaster, line: SupervisorLine) -> None:
    await master.serving.wait()
    tame_garbage_collection()
    await line.serving()


def run_worker(config: Path, station: Station) -> None:
    """Be one worker until told to leave; exits with 2 when the start fails, after telling the supervisor why."""
    try:
        end_with_parent()
    except SupervisorGone:
        sys.exit(2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
    configure_logging(worker=station.writer)
    if not uvloop.run(_start(config, station)):
        sys.exit(2)


async def _start(config: Path, station: Station) -> bool:
    line = SupervisorLine(await ControlChannel.over(station.control))
    try:
        text = await line.settings()
        settings = parse(text, config)
        if settings.pin_workers:
            keep_to_one_core(station.slot)
        await serve(settings, settings_in_use(config, text), station, line)
    except CANNOT_START as e:
        await line.failed(str(e))
        return False
    except SupervisorGone:
        return False
    return True
