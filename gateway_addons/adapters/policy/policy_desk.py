"""What the commands of `poterne policy` do, with the settings of one gateway."""

import asyncio
import json
import tempfile
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway_addons.adapters.journal.acts import act_now, record_act
from gateway_addons.adapters.policy.activation import Activation, By, now_text
from gateway_addons.adapters.policy.api_files import load_routes
from gateway_addons.adapters.policy.bundle import (
    CODE_ROOTS,
    Content,
    Signer,
    Sources,
    exceptions_of,
    read_bundle,
    read_sources,
    write_bundle,
)
from gateway_addons.adapters.policy.contract_files import load_contracts
from gateway_addons.adapters.policy.explain import explain
from gateway_addons.adapters.policy.guard import ContractName, Guard, GuardReport
from gateway_addons.adapters.policy.guard_reports import GuardReports, key_of
from gateway_addons.adapters.policy.opa_admin import OpaAdministration
from gateway_addons.adapters.policy.opa_binary import BundleError, opa
from gateway_addons.adapters.policy.revision_store import Active, Built, RevisionStore, StoreError, write_whole
from gateway_addons.core.errors import PolicyUnavailable
from gateway_addons.core.explanation import Explanation
from gateway_addons.core.guard.judge import Finding
from gateway_addons.core.revision import Revision
from gateway_addons.core.revision_diff import RevisionChange, revision_changes
from gateway_addons.settings.gateway import Settings

PARIS = ZoneInfo("Europe/Paris")

type Say = Callable[[str], None]


class GuardRefused(Exception):
    """The guard found calls that the revision does not refuse as it must."""

    def __init__(self, revision: Revision, findings: Sequence[Finding]) -> None:
        first = findings[0]
        super().__init__(f"{revision} is not activated: the guard has {len(findings)} findings, the first: {first.question} "
                         f"({first.environment} {first.contract}): {first.what}")
        self.revision = revision
        self.findings = tuple(findings)


class PolicyDesk:
    """Checks, builds, activates and rolls back revisions. Raises what `bundle`, `revision_store` and `activation` raise."""

    def __init__(self, settings: Settings, say: Say = lambda _: None) -> None:
        self._say = say
        policy = settings.policy
        self._settings = settings
        self.store = RevisionStore(policy.store_folder)
        self.sources = Sources(policy.opa_file, policy.rego_folder, policy.contracts_folder, policy.readings_file,
                               policy.schemas_folder, policy.exceptions_file)
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
        report = self._guarded(content, author)
        revision = Revision(self.store.next_sequence(), content.digest)
        write_bundle(content, self.store.bundle(revision), revision.sequence, self.sources, self._signer())
        contracts = sum(len(room["by_id"]) for room in content.data["contracts"].values())
        self.store.add(revision, Built(str(revision), author, now_text(), "files", contracts))
        write_whole(self.store.guard_report(revision), report.document())
        return revision

    def unit_tests(self) -> None:
        """OPA's own tests, with every line covered. Raises `BundleError` with OPA's report."""
        rooms = [str(self.sources.rego / name) for name in CODE_ROOTS]
        opa(self.sources.opa, "test", *rooms)
        report = json.loads(opa(self.sources.opa, "test", "--coverage", "--format=json", *rooms))
        left = {file: [row["start"]["row"] for row in cover["not_covered"]]
                for file, cover in report["files"].items() if cover.get("not_covered")}
        if left:
            raise BundleError(f"lines that no test covers: {left}")

    def guard(self, author: str) -> GuardReport:
        """What the guard says of the files as they are, if `author` builds them; of every contract, also unchanged ones."""
        return self._guarded(read_sources(self.sources), author, everything=True)

    def _guarded(self, candidate: Content, author: str, *, everything: bool = False) -> GuardReport:
        schemas = self.sources.schemas or self._settings.policy.schemas_folder
        running, now = self.running(), datetime.now(UTC)
        reports = GuardReports(self._settings.policy.guard_folder or self.store.folder / "guard")
        key = key_of(candidate, running, [*schemas.glob("*_input.json"), *self._settings.apis])
        report = reports.find(key, now)
        if report is None or (everything and report.unchanged):
            _, apis = load_routes(self._settings.apis)
            contracts = [contract for _, contract in load_contracts(self.sources.contracts)]
            report = Guard(self.sources.opa, schemas, apis, self._say).run(
                candidate, contracts, now, running, frozenset() if everything else self._unchanged(candidate, running))
            reports.keep(key, report, now)
        report.findings = exceptions_of(self.sources).applied(report.findings, now.astimezone(PARIS).date(), author)
        return report

    def _unchanged(self, candidate: Content, running: Content | None) -> frozenset[ContractName]:
        """The contracts that need not be asked about again: the running revision has them too, under equal policies and
        readings, and passed the guard.
        """
        active = self.store.active()
        if running is None or active is None or running.modules != candidate.modules:
            return frozenset()
        if {**running.data, "contracts": None} != {**candidate.data, "contracts": None}:
            return frozenset()
        try:
            self._passed(Revision.parse(active.revision))
        except (GuardRefused, StoreError):
            return frozenset()
        before, after = running.data["contracts"], candidate.data["contracts"]
        return frozenset((environment, name) for environment, room in after.items() for name, contract in room["by_id"].items()
                         if before[environment]["by_id"].get(name) == contract)

    def changes(self, name: str | None) -> list[RevisionChange]:
        """What the files (or a built revision) change against what is offered to OPA now."""
        running = self.running()
        if running is None:
            raise StoreError("no revision is active yet: there is nothing to compare with")
        new = read_bundle(self.store.bundle(self.store.find(name))) if name else read_sources(self.sources)
        return revision_changes(running.data, running.modules, new.data, new.modules)

    def explain(self, document: Mapping[str, Any], name: str | None) -> Explanation:
        """What the active revision (or another) says to a question, with rules and lines."""
        active = self.store.active()
        if name is None and active is None:
            raise StoreError("no revision is active yet")
        revision = self.store.find(name) if name else Revision.parse(active.revision if active else "")
        return explain(self.sources.opa, self.store.bundle(revision), document)

    def running(self) -> Content | None:
        """The content of the revision that is offered now."""
        active = self.store.active()
        return read_bundle(self.store.bundle(Revision.parse(active.revision))) if active else None

    def _passed(self, revision: Revision) -> None:
        """Raises `GuardRefused` unless the guard passed this revision when it was built."""
        try:
            report = json.loads(self.store.guard_report(revision).read_text(encoding="utf-8"))
            findings = [Finding(**finding) for finding in report["findings"]]
        except (OSError, ValueError, KeyError, TypeError) as e:
            raise StoreError(f"{revision}: the guard has not said anything of it ({e}); build it again") from e
        if left := [finding for finding in findings if finding.exception is None]:
            raise GuardRefused(revision, left)

    def first(self, author: str) -> Revision:
        """Build the files and offer them, where no OPA runs yet: it takes them up when it starts."""
        with self.store.exclusively():
            revision = self._build(author)
            self._passed(revision)
            self._activation().offer(revision, By(author, "first start"))
            return revision

    async def activate(self, name: str | None, author: str, reason: str) -> Active:
        """Make a built revision decide, or build the files and make them decide."""
        with self.store.exclusively():
            revision = self.store.find(name) if name else await asyncio.to_thread(self._build, author)
            self._passed(revision)
            by = By(author, reason)
            return await self._journaled("policy.activate", by, revision, self._activation().activate(revision, by))

    async def _journaled(self, kind: str, by: By, revision: Revision, doing: Coroutine[Any, Any, Active]) -> Active:
        """Do it, with its announcement and its outcome in the journal (8-h1): no activation without a trace."""
        folder = self._settings.journal.folder
        before = self.store.active()
        act = act_now(kind, by.author, by.reason, {"revision": str(revision), "avant": before.revision if before else ""})
        try:
            record_act(folder, act.told("annonce"))
        except BaseException:
            doing.close()
            raise
        try:
            active = await doing
        except Exception as e:
            record_act(folder, act.told("echec", detail=str(e)[:500]))
            raise
        record_act(folder, act.told("fait"))
        return active

    async def rollback(self, name: str | None, author: str, reason: str) -> Active:
        """Make the content of an old revision decide again."""
        with self.store.exclusively():
            active = self.store.active()
            wanted = name or (active.previous if active else None)
            if wanted is None:
                raise StoreError("there is no revision before the active one; `poterne policy history` lists them")
            activation = self._activation()
            by = By(author, reason)
            fresh = activation.resign(self.store.find(wanted), by)
            return await self._journaled("policy.rollback", by, fresh, activation.activate(fresh, by))

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

