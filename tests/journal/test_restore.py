"""The way back: damage is declared and stays visible, nothing is removed, the chain goes on, and new damage is found again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_addons.adapters.journal.acts import act_now
from gateway_addons.adapters.journal.chain import Chain
from gateway_addons.adapters.journal.reader import records
from gateway_addons.adapters.journal.restoring import Restored, restore
from gateway_addons.adapters.journal.segments import segments
from gateway_addons.adapters.journal.stop_marker import stop, stopped
from gateway_addons.adapters.journal.verifier import Report, verify
from gateway_addons.core.errors import JournalUnavailable
from tests.journal.making import Made, append, make
from tests.journal.settings import journal_settings
from tests.journal.test_verify import HANDS, alter


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("journal"))


@pytest.fixture
def journal(original: Made, tmp_path: Path) -> Made:
    return original.copy(tmp_path / "journal")


def back(journal: Made) -> Restored:
    return restore(journal_settings(journal.folder, journal.key_file), act_now("journal.restore", "rssi", "panne du disque", {}))


def read(journal: Made) -> Report:
    return verify(journal.folder, [journal.public])


@pytest.mark.parametrize("hand", [pytest.param(row[0], id=row[0].__name__) for row in HANDS])
def test_whatever_was_done_is_declared_and_the_chain_goes_on(journal: Made, hand: Callable[[Made], None]) -> None:
    hand(journal)
    evidence = {f: f.read_bytes() for f in segments(journal.folder / "worker-1")}
    stop(journal.folder, "worker-1 is broken")
    done = back(journal)
    assert (done.declared, "worker-1 is broken" in (done.stopped_because or "")) == (["worker-1"], True)
    assert stopped(journal.folder) is None
    assert all(f.read_bytes() == content for f, content in evidence.items())
    append(journal.folder / "worker-1", ["after"])
    report = read(journal)
    assert report.findings, "declared damage stays visible"
    assert report.open_findings == [], report.open_findings
    assert all("rssi" in (f.declared or "") and "panne" in (f.declared or "") for f in report.findings)
    assert "after" in {r.fields.get("requestId") for r in records(journal.folder)}, "what is readable is read"
    file = segments(journal.folder / "worker-1")[-1]
    file.write_bytes(file.read_bytes().replace(b'"requestId":"after"', b'"requestId":"AFTER"'))
    assert [f.kind for f in read(journal).open_findings] == ["alteration"]


def test_a_stop_without_damage_is_journaled_and_over(journal: Made) -> None:
    stop(journal.folder, "I/O")
    assert back(journal).declared == []
    assert stopped(journal.folder) is None
    (act,) = [r.fields for r in records(journal.folder) if r.fields.get("acte") == "journal.restore"]
    assert (act["acteur"]["nom"], act["motif"], "I/O" in act["sujet"]["arret"]) == ("rssi", "panne du disque", True)
    assert all(c.unsealed == 0 for c in read(journal).chains)


def test_damage_that_nobody_signed_for_is_not_declared(journal: Made) -> None:
    alter(journal)
    last = segments(journal.folder / "worker-1")[-1]
    Chain(journal.folder / "worker-1").begin_anew(int(last.stem) + 100, "sha256:" + "0" * 64)
    assert len(read(journal).open_findings) >= 2


def test_damaged_checkpoints_leave_the_stop(journal: Made) -> None:
    (file,) = segments(journal.folder / "checkpoints")
    file.write_bytes(file.read_bytes().replace(b'"seq":3', b'"seq":4', 1))
    stop(journal.folder, "x")
    with pytest.raises(JournalUnavailable, match=r"docs/journal\.md"):
        back(journal)
    assert stopped(journal.folder)


def test_a_damaged_chain_in_use_leaves_the_stop(journal: Made) -> None:
    chain = Chain(journal.folder / "worker-1")
    chain.open()
    alter(journal)
    stop(journal.folder, "x")
    with pytest.raises(JournalUnavailable, match="in use"):
        back(journal)
    assert stopped(journal.folder)
    chain.close()
    assert back(journal).declared == ["worker-1"]
    assert read(journal).open_findings == []
