"""What all environments of one worker share: OPA, Redis, registers, journal, brake, trace. Made here, opened and closed here."""

import asyncio
from dataclasses import dataclass

from gateway_addons.adapters.identity.guess_guard import GuessBrake
from gateway_addons.adapters.identity.revoked_tokens import REGISTER as REVOKED
from gateway_addons.adapters.identity.single_use import SingleUseInRedis
from gateway_addons.adapters.identity.token_parts import Shared
from gateway_addons.adapters.journal.journal_writer import JournalWriter
from gateway_addons.adapters.journal.key_files import masking_of
from gateway_addons.adapters.policy.api_files import load_routes
from gateway_addons.adapters.policy.opa import OpaPolicy
from gateway_addons.adapters.policy.revision_floor import RevisionFloor
from gateway_addons.adapters.policy.revision_store import active_file
from gateway_addons.adapters.quota.guarded_quota import GuardedQuota
from gateway_addons.adapters.quota.redis_quota import RedisQuota
from gateway_addons.adapters.redis_client import connect
from gateway_addons.adapters.register.registers import register_of
from gateway_addons.adapters.register.shared_register import SharedRegister
from gateway_addons.adapters.register.switch_board import REGISTER as SWITCHES
from gateway_addons.adapters.register.switch_board import SwitchBoard
from gateway_addons.addons.brake import AddressBrake
from gateway_addons.addons.drain import Drain
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.policy_trace import PolicyTrace
from gateway_addons.addons.quota_trace import QuotaTrace
from gateway_addons.addons.register_trace import RegisterTrace
from gateway_addons.addons.trace import Trace
from gateway_addons.addons.trust_trace import TrustTrace
from gateway_addons.core.journal.masking import Masking
from gateway_addons.core.routes import Api, RouteTable
from gateway_addons.settings.gateway import Settings
from gateway_addons.settings.values import SettingsError
from gateway_addons.settings.workers import worker_count


@dataclass(frozen=True)
class SharedParts:
    """The adapters that all environments share; `revisions` is the floor that `policy` keeps."""

    policy: OpaPolicy
    revisions: RevisionFloor
    revoked: SharedRegister
    switches: SharedRegister
    switch_board: SwitchBoard
    single_use: SingleUseInRedis
    tokens: Shared
    quota: GuardedQuota
    journal: JournalWriter
    masking: Masking
    trace: Trace
    trust: TrustTrace
    brake: AddressBrake
    drain: Drain
    routes: RouteTable
    max_body_bytes: int

    async def open_registers(self) -> None:
        """Nothing is decided before it is known what is revoked and what is switched off."""
        await asyncio.gather(self.revoked.open(), self.switches.open())

    async def close(self) -> None:
        """Give back all connections; the journal last, when nothing writes any more."""
        await self.policy.close()
        await self.revoked.close()
        await self.switches.close()
        await self.single_use.close()
        await self.quota.close()
        self.journal.close()


def shared_parts(settings: Settings, writer: str) -> SharedParts:
    """Make them; `writer` names this worker's journal. The journal is not open yet.

    Raises:
        SettingsError, ApiFileError, PolicyUnavailable: what is wrong with a file.
    """
    routes, apis = load_routes(settings.apis)
    _check_backends(settings, apis)
    masking = masking_of(settings.journal.personal_data)
    trace, workers = Trace(masking), worker_count(settings.workers)
    revisions = RevisionFloor(settings.policy.store_folder / "highest")
    offered = active_file(settings.policy.store_folder) if settings.opa.keep_decisions else None
    policy = OpaPolicy(settings.opa.address, settings.opa.timeout_s, revisions, offered)
    trace.registry.register(PolicyTrace(policy))
    register_trace = RegisterTrace(trace.registry)
    revoked, switches = (register_of(settings, name, register_trace) for name in (REVOKED, SWITCHES))
    switch_board = SwitchBoard(switches)
    single_use = SingleUseInRedis(connect(settings.redis), settings.redis.timeout_s)
    journal = JournalWriter(settings.journal, writer)
    redis_quota = RedisQuota(connect(settings.redis), settings.redis.timeout_s)
    return SharedParts(
        policy=policy,
        revisions=revisions,
        revoked=revoked,
        switches=switches,
        switch_board=switch_board,
        single_use=single_use,
        tokens=Shared(policy, switch_board, revoked, single_use, GuessBrake(settings.brake, workers)),
        quota=GuardedQuota(redis_quota, settings.quota, QuotaTrace(trace.registry, settings.quota.warn_at)),
        journal=journal,
        masking=masking,
        trace=trace,
        trust=TrustTrace(trace.registry, journal.note, masking),
        brake=AddressBrake(settings.brake, trace.registry, workers, masking=masking),
        drain=Drain(),
        routes=routes,
        max_body_bytes=max(api.max_body_bytes for api in apis),
    )


def _check_backends(settings: Settings, apis: tuple[Api, ...]) -> None:
    named = {api for own in settings.environments.values() for api in own.backends}
    if strangers := named - {api.api for api in apis}:
        raise SettingsError(f"backends: no file under `apis` is for {sorted(strangers)}")
