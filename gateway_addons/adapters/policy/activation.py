"""Making a revision the one that decides: offered to OPA, waited for, and taken back when OPA does not take it.

OPA swaps the whole bundle at once, so that every decision comes from one revision. Here is what stands around that: the
offer is not done until OPA says that it serves the revision; and what is taken back never goes down in sequence, since the
gateway refuses decisions of a lower revision than it has seen.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway_addons.adapters.policy.bundle import Signer, Sources, read_bundle, write_bundle
from gateway_addons.adapters.policy.opa_admin import OpaAdministration
from gateway_addons.adapters.policy.opa_binary import BundleError
from gateway_addons.adapters.policy.revision_store import Active, Built, RevisionStore, StoreError, write_bytes_whole
from gateway_addons.core.errors import PolicyUnavailable
from gateway_addons.core.facts import rfc3339
from gateway_addons.core.revision import Revision

LOOK_S = 0.1


class ActivationFailed(Exception):
    """OPA does not serve the revision; the message says why, and what serves instead."""


@dataclass(frozen=True, slots=True)
class By:
    """Who asks for it, and why; both go into the journal."""

    author: str
    reason: str


def now_text() -> str:
    """The present moment, as the journal writes it."""
    return rfc3339(datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Activation:
    """Activates revisions of one store in one OPA."""

    store: RevisionStore
    opa: OpaAdministration
    sources: Sources
    signer: Signer
    timeout_s: float

    def resign(self, old: Revision, by: By) -> Revision:
        """The content of an old revision under a new sequence: what a rollback activates.

        Raises:
            BundleError: the old bundle is damaged, or cannot be built any more.
        """
        content = read_bundle(self.store.bundle(old))
        if content.digest != old.content:
            raise BundleError(f"{self.store.bundle(old)}: its content is not that of {old}: it was changed after it was built")
        fresh = Revision(self.store.next_sequence(), content.digest)
        write_bundle(content, self.store.bundle(fresh), fresh.sequence, self.sources, self.signer)
        contracts = sum(len(room["by_id"]) for room in content.data["contracts"].values())
        self.store.add(fresh, Built(str(fresh), by.author, now_text(), str(old), contracts))
        if self.store.guard_report(old).exists():
            write_bytes_whole(self.store.guard_report(fresh), self.store.guard_report(old).read_bytes())
        return fresh

    def offer(self, revision: Revision, by: By) -> Active:
        """Offer a revision to OPA without waiting for it. Raises `StoreError` when its sequence does not rise."""
        before = self.store.active()
        if before and Revision.parse(before.revision).sequence >= revision.sequence:
            raise StoreError(f"{revision} is not newer than the active {before.revision}; use `poterne policy rollback`")
        active = Active(str(revision), now_text(), by.author, by.reason, before.revision if before else None)
        self.store.offer(active)
        return active

    async def activate(self, revision: Revision, by: By) -> Active:
        """Offer a revision, and return when OPA serves it.

        Raises:
            ActivationFailed: OPA refused it or did not take it in time; the content before it is active again, or will be
                as soon as OPA answers.
            StoreError: the sequence does not rise.
        """
        before = self.store.active()
        active = self.offer(revision, by)
        try:
            await self._served(revision)
        except ActivationFailed as e:
            self.store.remember_refusal(str(revision), now_text(), str(e))
            raise ActivationFailed(f"{e}; {await self._restore(before, by, str(e))}") from e
        return active

    async def _served(self, revision: Revision) -> None:
        offered, deadline, last = datetime.now(UTC), time.monotonic() + self.timeout_s, "OPA did not answer"
        while time.monotonic() < deadline:
            try:
                status = await self.opa.status()
            except PolicyUnavailable as e:
                last = str(e)
            else:
                if status.active == str(revision):
                    return
                if refused := status.refused_since(offered):
                    raise ActivationFailed(f"OPA refused {revision}: {refused}")
                last = status.problem or f"OPA still serves {status.active}"
            await asyncio.sleep(LOOK_S)
        raise ActivationFailed(f"{revision} was not active after {self.timeout_s:.0f} s ({last})")

    async def _restore(self, before: Active | None, by: By, why: str) -> str:
        """Offer what was active before, under a new sequence: OPA may still take the failed revision late."""
        if before is None:
            return "there was no revision before it"
        old = Revision.parse(before.revision)
        again = By(by.author, f"restored after a failed activation: {why}"[:500])
        try:
            fresh = await asyncio.to_thread(self.resign, old, again)
            self.offer(fresh, again)
            await self._served(fresh)
        except (BundleError, ActivationFailed, StoreError) as e:
            serving = await self._serving()
            if serving == before.revision:
                self.store.offer(Active(before.revision, now_text(), by.author, again.reason, before.previous))
            return f"OPA serves {serving} (restoring {old} as a new revision failed: {e})"
        return f"its predecessor is active again, as {fresh}"

    async def _serving(self) -> str:
        try:
            return str((await self.opa.status()).active)
        except PolicyUnavailable:
            return "what it served last; it does not answer"
