"""Revisions by name and number, the store that survives, the floor that only rises, and the watch that tells of refusals."""

import json
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from gateway_addons.adapters.policy.bundle_watch import BundleWatch
from gateway_addons.adapters.policy.opa_admin import BundleStatus, read_status
from gateway_addons.adapters.policy.revision_floor import RevisionFloor
from gateway_addons.adapters.policy.revision_store import Active, Built, RevisionStore, StoreBusy, StoreError
from gateway_addons.core.errors import PolicyUnavailable
from gateway_addons.core.revision import Revision, RevisionError

ONE, TWO = Revision(1, "0" * 16), Revision(2, "1" * 16)


@pytest.mark.parametrize("text", ["", "r-1", "r-00000000-0000000000000000", "r-00000001-000000000000000G", "r-00000001-0000000000000000x",
                                  "R-00000001-0000000000000000", "r-0000001-0000000000000000", " r-00000001-0000000000000000"])
def test_what_is_no_revision(text: str) -> None:
    with pytest.raises(RevisionError):
        Revision.parse(text)


def test_a_revision_reads_back_and_orders_by_its_number() -> None:
    assert Revision.parse(str(TWO)) == TWO
    assert Revision(10, "0" * 16) > Revision(9, "f" * 16)


@pytest.fixture
def store(tmp_path: Path) -> RevisionStore:
    store = RevisionStore(tmp_path / "store")
    for revision in (ONE, TWO):
        store.bundle(revision).parent.mkdir(parents=True)
        store.add(revision, Built(str(revision), "essai", "2026-11-24T00:00:00Z", "files", 1))
    return store


def test_a_revision_is_found_by_name_or_number(store: RevisionStore) -> None:
    assert store.find(str(TWO)) == store.find("2") == TWO
    with pytest.raises(StoreError, match="history"):
        store.find("3")


def test_the_next_number_is_above_all_that_was_built_offered_or_seen(store: RevisionStore) -> None:
    assert store.next_sequence() == 3
    store.offer(Active("r-00000007-0000000000000000", "now", "essai", "x"))
    assert store.next_sequence() == 8
    (store.folder / "highest").write_text("r-00000041-0000000000000000\n")
    assert store.next_sequence() == 42


@pytest.mark.parametrize("text", ["", "{", "[]", '{"revision": "r-1"}', json.dumps({"revision": "x", "since": "", "author": "", "reason": ""})])
def test_a_damaged_note_of_the_active_revision_is_told(store: RevisionStore, text: str) -> None:
    (store.folder / "active.json").write_text(text)
    with pytest.raises(StoreError, match=r"active.json: damaged"):
        store.active()


def test_only_one_command_at_a_time(store: RevisionStore) -> None:
    with store.exclusively(), pytest.raises(StoreBusy), store.exclusively():
        pass


def test_the_floor_rises_and_outlives_its_process(tmp_path: Path) -> None:
    floor = RevisionFloor(tmp_path / "highest")
    floor.check(str(TWO), floor.sequence)
    with pytest.raises(PolicyUnavailable):
        floor.check(str(ONE), floor.sequence)
    with pytest.raises(PolicyUnavailable):
        RevisionFloor(tmp_path / "highest").check(str(ONE), RevisionFloor(tmp_path / "highest").sequence)


def test_an_answer_asked_for_before_the_swap_still_counts(tmp_path: Path) -> None:
    floor = RevisionFloor(tmp_path / "highest")
    floor.check(str(ONE), 0)
    asked = floor.sequence
    floor.check(str(TWO), asked)
    floor.check(str(ONE), asked)
    assert floor.sequence == 2


def test_two_workers_keep_the_higher_one(tmp_path: Path) -> None:
    first, second = RevisionFloor(tmp_path / "highest"), RevisionFloor(tmp_path / "highest")
    first.check(str(TWO), 0)
    second.check(str(ONE), 0)
    assert (tmp_path / "highest").read_text().strip() == str(TWO)


@pytest.mark.parametrize("text", ["", "x", "r-1", "r-00000001-0000000000000000 r-00000002-0000000000000000", "\u00e9"])
def test_a_damaged_floor_stops_the_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "highest").write_text(text, encoding="utf-8")
    with pytest.raises(PolicyUnavailable, match="highest"):
        RevisionFloor(tmp_path / "highest")


class Told:
    def __init__(self) -> None:
        self.problem: str | None = None
        self.away = False

    async def status(self) -> BundleStatus:
        if self.away:
            raise PolicyUnavailable("away")
        return BundleStatus(str(ONE), self.problem, None, None)


async def test_a_refused_bundle_is_an_alert_until_one_is_taken() -> None:
    told, registry = Told(), CollectorRegistry()
    watch = BundleWatch(told, registry)
    seen = []
    for problem, away in ((None, False), ("digest mismatch", False), ("digest mismatch", True), (None, False)):
        told.problem, told.away = problem, away
        await watch.look()
        seen.append(registry.get_sample_value("poterne_policy_bundle_refused"))
    assert seen == [0, 1, 1, 0]


@pytest.mark.parametrize("answer", [None, [], {"result": []}, {"result": {"bundles": []}},
                                    {"result": {"bundles": {"poterne": {"last_request": "never"}}}}])
def test_a_status_that_is_none(answer: object) -> None:
    with pytest.raises(PolicyUnavailable):
        read_status(answer)
