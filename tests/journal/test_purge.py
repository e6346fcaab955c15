"""Removal: only what is due, sealed and not held; the chain verifies before, after, and when the purge was cut short."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway_addons.__main__ import app
from gateway_addons.adapters.journal.chain import Chain
from gateway_addons.adapters.journal.checkpoints import append_sealed, head_on_disk
from gateway_addons.adapters.journal.key_files import load_key, write_new_key
from gateway_addons.adapters.journal.purge import plan
from gateway_addons.adapters.journal.segments import segments, writers
from gateway_addons.adapters.journal.verifier import verify
from gateway_addons.core.journal.retention import Hold, SegmentSpan, judge, keep_until
from gateway_addons.settings.gateway import load
from tests.support.settings_file import write_settings

NOW = datetime.now(UTC)


def days_ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Three years of a journal, a segment for each of some days, sealed each day."""
    key_file = tmp_path / "journal.key"
    write_new_key(key_file)
    for days in (1000, 900, 500, 400, 200, 1):
        for writer in ("worker-0", "worker-1", "operator"):
            chain = Chain(tmp_path / "journal" / writer, now=lambda days=days: days_ago(days))  # type: ignore[misc]
            chain.open()
            for n in range(3):
                chain.append({"type": "appel", "horodatage": days_ago(days).isoformat(), "requestId": f"{writer}-{days}-{n}"})
            chain.close()
        _seal(tmp_path, days)
    return write_settings(tmp_path)


def _seal(root: Path, days: int) -> None:
    heads = {w: head_on_disk(root / "journal" / w) for w in writers(root / "journal")}
    chain = Chain(root / "journal" / "checkpoints", sign=load_key(root / "journal.key").sign, now=lambda: days_ago(days))
    chain.open()
    chain.append({"type": "scellement", "horodatage": days_ago(days).isoformat(), "redacteurs": heads, "cle": "x"})
    chain.close()


def poterne(config: Path, *words: str, status: int = 0) -> str:
    done = CliRunner().invoke(app, ["journal", *words, "--config", str(config)])
    assert done.exit_code == status, done.output
    return done.output


def faults(config: Path) -> list[Any]:
    folder = config.parent
    return verify(folder / "journal", [load_key(folder / "journal.key").public]).findings


def names(config: Path, chain: str) -> int:
    return len(segments(config.parent / "journal" / chain))


def test_only_what_is_due_goes_and_the_chain_still_verifies(config: Path) -> None:
    assert faults(config) == []
    assert "6 due" in poterne(config, "purge", "--reason", "annuelle", "--dry-run")
    assert names(config, "worker-0") == 6
    told = json.loads(poterne(config, "purge", "--reason", "annuelle", "--by", "archiviste", "--json"))
    assert {(t["chain"], t["removed"]) for t in told if t["removed"]} == {("worker-0", True), ("worker-1", True)}
    assert (names(config, "worker-0"), names(config, "operator"), names(config, "checkpoints")) == (3, 7, 7)
    assert faults(config) == []
    assert "0 removed" in poterne(config, "purge", "--reason", "encore")
    acts = [json.loads(line)["sujet"]["etat"] for line in poterne(config, "search", "--act", "journal.purge", "--json").splitlines()]
    assert acts == ["annonce", "fait"]


def test_a_segment_that_goes_without_the_signed_line_is_missing(config: Path) -> None:
    segments(config.parent / "journal" / "worker-0")[0].unlink()
    assert [f.kind for f in faults(config)] == ["missing_segment"]
    poterne(config, "purge", "--reason", "x")
    assert [f.kind for f in faults(config)] == ["missing_segment"], "a purge does not hide what was missing before"


def test_a_purge_that_was_cut_short_verifies_and_is_finished_by_the_next(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unlinked: list[str] = []
    unlink = Path.unlink

    def twice(self: Path, missing_ok: bool = False) -> None:
        if self.suffix == ".jsonl" and len(unlinked) >= 3:
            raise OSError(5, "Input/output error")
        unlinked.append(self.name)
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", twice)
    assert "run it again" in poterne(config, "purge", "--reason", "x", status=2)
    monkeypatch.undo()
    assert names(config, "worker-0") + names(config, "worker-1") == 9
    assert faults(config) == []
    poterne(config, "purge", "--reason", "x")
    assert names(config, "worker-0") + names(config, "worker-1") == 6
    assert faults(config) == []


def test_a_hold_stops_the_removal_of_its_period_only(config: Path) -> None:
    held = poterne(config, "hold", "--from", f"{days_ago(950):%Y-%m-%d}", "--to", f"{days_ago(850):%Y-%m-%d}", "--reason", "litige", "--by", "juriste")
    (stands,) = json.loads(poterne(config, "holds", "--json"))
    assert (stands["reason"], stands["author"]) == ("litige", "juriste")
    assert stands["id"] in held
    told = json.loads(poterne(config, "purge", "--reason", "x", "--json"))
    assert sum(t["removed"] for t in told) == 2
    assert sum(t["why"] == "held" for t in told) == 4
    assert faults(config) == []
    assert "no hold" in poterne(config, "release", "nobody", "--reason", "x", status=2)
    poterne(config, "release", stands["id"], "--reason", "jugement rendu")
    assert json.loads(poterne(config, "holds", "--json")) == []
    assert sum(t["removed"] for t in json.loads(poterne(config, "purge", "--reason", "x", "--json"))) == 4
    assert faults(config) == []
    assert "must come after" in poterne(config, "hold", "--from", "2026-03-02", "--to", "2026-03-01", "--reason", "x", status=2)


def test_old_checkpoints_and_acts_go_too(config: Path) -> None:
    poterne(config, "purge", "--reason", "x")
    text = config.read_text().replace("months: 60", "months: 12").replace("months: 61", "months: 12")
    config.write_text(text)
    told = json.loads(poterne(config, "purge", "--reason", "x", "--json"))
    assert {t["chain"] for t in told if t["removed"]} == {"operator", "checkpoints"}
    assert names(config, "checkpoints") < 6
    assert faults(config) == []


def test_what_is_not_sealed_stays(config: Path) -> None:
    for file in segments(config.parent / "journal" / "checkpoints"):
        file.unlink()
    append_sealed(config.parent / "journal", config.parent / "journal.key", {"type": "cle_prise", "horodatage": NOW.isoformat()})
    assert {j.why for j in plan(load(config).journal, NOW) if j.chain == "worker-0"} == {"not sealed", "young", "last"}


def test_nothing_is_removed_under_another_key(config: Path) -> None:
    (config.parent / "journal.key").unlink()
    write_new_key(config.parent / "journal.key")
    assert "does not verify" in poterne(config, "purge", "--reason", "x", status=2)


def test_months_are_calendar_months() -> None:
    assert keep_until(datetime(2026, 1, 31, tzinfo=UTC), 1) == datetime(2026, 2, 28, tzinfo=UTC)
    assert keep_until(datetime(2027, 12, 31, tzinfo=UTC), 2) == datetime(2028, 2, 29, tzinfo=UTC)
    assert keep_until(datetime(2026, 11, 23, tzinfo=UTC), 72) == datetime(2032, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(("start", "end", "held"), [(10, 20, True), (0, 5, False), (30, None, False), (0, None, True), (19, 21, True), (20, 30, False), (0, 10, False)])
def test_a_hold_and_a_segment_that_touch(start: int, end: int | None, held: bool) -> None:
    at = [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(40)]
    spans = [SegmentSpan("a", 1, 2, at[10], at[20]), SegmentSpan("b", 3, 4, at[20], at[20])]
    hold = Hold("h", at[start], at[end] if end is not None else None, "", "")
    assert judge(spans, 1, NOW, 4, [hold])[0][1] == ("held" if held else "due")
