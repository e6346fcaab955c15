"""What the commands of `poterne policy` do, with the settings of one gateway."""

import tempfile
from pathlib import Path
from typing import Any

from gateway_addons.adapters.policy.activation import Activation, By, now_text
from gateway_addons.adapters.policy.bundle import Content, Signer, Sources, read_sources, write_bundle
from gateway_addons.adapters.policy.opa_admin import OpaAdministration
from gateway_addons.adapters.policy.opa_binary import BundleError
from gateway_addons.adapters.policy.revision_store import Active, Built, RevisionStore, StoreError
from gateway_addons.core.errors import PolicyUnavailable
from gateway_addons.core.revision import Revision
from gateway_addons.settings.gateway import Settings


class PolicyDesk:
    """Checks, builds, activates and rolls back revisions. Raises what `bundle`, `revision_store` and `activation` raise."""

    def __init__(self, settings: Settings) -> None:
        policy = settings.policy
        self._settings = settings
        self.store = RevisionStore(policy.store_folder)
        self.sources = Sources(policy.opa_file, policy.rego_folder, policy.contracts_folder, policy.readings_file,
                               policy.schemas_folder)
        self._opa = OpaAdministration(settings.opa.address)

    def check(self) -> Content:
        """The content of the files, after everything that can be checked without an OPA that runs."""
        content = read_sources(self.sources)
        with tempfile.TemporaryDirectory(prefix="poterne-check-") as scratch:
            write_bundle(content, Path(scratch) / "bundle.tar.gz", 1, self.sources, None)
        return content

    def build(self, author: str) -> Revision:
        """A signed revision of the files as they are."""
        with self.store.exclusively():
            return self._build(author)

    def _build(self, author: str) -> Revision:
        content = read_sources(self.sources)
        revision = Revision(self.store.next_sequence(), content.digest)
        write_bundle(content, self.store.bundle(revision), revision.sequence, self.sources, self._signer())
        contracts = sum(len(room["by_id"]) for room in content.data["contracts"].values())
        self.store.add(revision, Built(str(revision), author, now_text(), "files", contracts))
        return revision

    def first(self, author: str) -> Revision:
        """Build the files and offer them, where no OPA runs yet: it takes them up when it starts."""
        with self.store.exclusively():
            revision = self._build(author)
            self._activation().offer(revision, By(author, "first start"))
            return revision

    async def activate(self, name: str | None, author: str, reason: str) -> Active:
        """Make a built revision decide, or build the files and make them decide."""
        with self.store.exclusively():
            revision = self.store.find(name) if name else self._build(author)
            return await self._activation().activate(revision, By(author, reason))

    async def rollback(self, name: str | None, author: str, reason: str) -> Active:
        """Make the content of an old revision decide again."""
        with self.store.exclusively():
            active = self.store.active()
            wanted = name or (active.previous if active else None)
            if wanted is None:
                raise StoreError("there is no revision before the active one; `poterne policy history` lists them")
            activation = self._activation()
            by = By(author, reason)
            return await activation.activate(activation.resign(self.store.find(wanted), by), by)

    async def status(self) -> dict[str, Any]:
        """What is offered, what decides, and what went wrong."""
        active, highest = self.store.active(), self.store.highest()
        try:
            told = await self._opa.status()
            decides, problem, since = told.active, told.problem, told.activated_at
        except PolicyUnavailable as e:
            decides, problem, since = None, str(e), None
        offered = active.revision if active else None
        in_order = decides is not None and decides == offered and problem is None
        return {"in_order": in_order, "offered": offered, "decides": decides, "decides_since": since, "problem": problem,
                "highest_seen": str(highest) if highest else None}

    def history(self) -> list[dict[str, Any]]:
        """Every built revision with its offers and refusals, oldest first."""
        events = self.store.history()
        active = self.store.active()
        rows = []
        for built in self.store.built():
            own = [e for e in events if e["revision"] == built.revision]
            refused = next((e["reason"] for e in own if e["what"] == "refused"), None)
            offered = next((e["since"] for e in own if e["what"] == "offered"), None)
            is_active = active is not None and active.revision == built.revision
            rows.append({"revision": built.revision, "at": built.at, "author": built.author, "source": built.source,
                         "contracts": built.contracts, "offered": offered or "never",
                         "outcome": "active" if is_active else refused or ("replaced" if offered else "not activated")})
        return rows

    def _activation(self) -> Activation:
        return Activation(self.store, self._opa, self.sources, self._signer(), self._settings.policy.activation_timeout_s)

    def _signer(self) -> Signer:
        signing = self._settings.policy.signing
        if signing.signing_key_file is None:
            raise BundleError("policy.signing.signing_key_file is not set: this place cannot sign revisions")
        return Signer(signing.signing_key_file, signing.key_id, signing.scope)

