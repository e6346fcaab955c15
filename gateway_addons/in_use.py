"""Everything that a worker believes and decides by, looked at together every second: what changed goes into the journal."""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog
import yaml

from gateway_addons.adapters.identity.keys_in_use import CLIENTS
from gateway_addons.adapters.identity.token_parts import TokenParts
from gateway_addons.adapters.journal.taken_up import TakenUp
from gateway_addons.adapters.policy.bundle_watch import BundleWatch
from gateway_addons.adapters.policy.revision_floor import RevisionFloor
from gateway_addons.core.journal.in_use import UNKNOWN, InUse, Refusal
from gateway_addons.core.journal.masking import Masking
from gateway_addons.listener_trust import CurrentTls

LOOK_S = 1.0
"""How often the trust material is looked at for changes."""

log = structlog.get_logger("poterne.run")


@dataclass(frozen=True)
class Inventory:
    """What one worker has in use. `fixed` is what cannot change while it lives."""

    fixed: Sequence[InUse]
    tls: Mapping[str, CurrentTls]
    tokens: Mapping[str, TokenParts]
    revisions: RevisionFloor
    bundles: BundleWatch
    masking: Masking

    def now(self) -> list[InUse]:
        """All of it, as the journal names it."""
        tokens = [_masked(one, self.masking) for parts in self.tokens.values() for one in parts.in_use()]
        revision = InUse("revision", "", "", self.revisions.highest or UNKNOWN)
        return [*self.fixed, revision, *(one for tls in self.tls.values() for one in tls.in_use()), *tokens]

    def refusals(self) -> list[Refusal]:
        """What changed outside and was not taken up."""
        found = [one for tls in self.tls.values() for one in tls.refusals()]
        found += [Refusal("jetons", name, why) for name, parts in self.tokens.items() if (why := parts.alert())]
        return found + ([Refusal("revision", "", self.bundles.problem)] if self.bundles.problem else [])


def settings_in_use(config: Path, text: str) -> InUse:
    """The settings: a digest of the text, and one of each section; no value, since some of them are secrets."""
    parts: dict[str, str] = {}
    for section, value in yaml.safe_load(text).items():
        named = {f"{section}.{k}.{s}": v for k, own in value.items() for s, v in own.items()} if section == "environments" else {
            section: value}
        parts |= {name: _sha256(json.dumps(v, sort_keys=True, default=str).encode())[:16] for name, v in named.items()}
    return InUse("reglages", "", "", f"sha256:{_sha256(text.encode())}", {"fichier": str(config)}, parts)


def apis_in_use(files: Sequence[Path]) -> list[InUse]:
    """The files of the APIs. Raises `OSError`."""
    return [InUse("api", "", file.name, f"sha256:{_sha256(file.read_bytes())}", {"fichier": str(file)}) for file in files]


async def keep_current(inventory: Inventory, journal: TakenUp) -> None:
    """Take up changed files of trust, and write down whatever changed, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_S)
        for context in inventory.tls.values():
            if await asyncio.to_thread(context.refresh):
                log.info("trust material taken up")
            context.look()
        await journal.look(inventory.now(), inventory.refusals())


def _masked(one: InUse, masking: Masking) -> InUse:
    """Clients as the records name them; where they are masked nobody is named."""
    if one.of != CLIENTS:
        return one
    named = {masking.client(name): digest for name, digest in one.parts.items()}
    return replace(one, parts={name: digest for name, digest in named.items() if name is not None})


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
