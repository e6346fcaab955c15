"""What is taken up, refused and given up has one record; workers that come, go and differ write none twice."""

import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway_addons.adapters.journal.journal_writer import JournalWriter
from gateway_addons.adapters.journal.stop_marker import resume, stop
from gateway_addons.adapters.journal.taken_up import TakenUp
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.journal.in_use import MAX_TOLD, UNKNOWN, InUse, Refusal
from tests.journal.settings import journal_settings


@dataclass
class Written:
    """A whole journal for `TakenUp`; it can be away."""

    events: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    away: bool = False

    async def note_durably(self, kind: str, about: Mapping[str, str]) -> None:
        if self.away:
            raise JournalUnavailable("away")
        self.events.append((kind, dict(about)))

    def take(self) -> list[str]:
        found = [f"{kind} {about.get('nom', '')}{about.get('empreinte', '')}<{about.get('remplace', '')}" for kind, about in self.events]
        self.events.clear()
        return found


def crl(digest: str, name: str = "a", **parts: str) -> InUse:
    return InUse("crl", "production", name, digest, {"numero": digest}, parts)


async def test_once_for_all_workers_and_over_a_restart(tmp_path: Path) -> None:
    written = Written()
    one, two = TakenUp(tmp_path, written), TakenUp(tmp_path, written)
    for worker in (one, two, one):
        await worker.look([crl("1")], [])
    assert written.take() == ["crl.prise a1<"]
    await one.look([crl("2")], [])
    await two.look([crl("2")], [])
    assert written.take() == ["crl.prise a2<1"]
    await TakenUp(tmp_path, written).look([crl("3")], [])  # changed while nothing ran
    await TakenUp(tmp_path, written).look([crl("3")], [])
    assert written.take() == ["crl.prise a3<2"]
    await TakenUp(tmp_path, written).look([], [])
    assert written.take() == ["crl.retiree a<3"]


async def test_two_that_differ_do_not_take_turns(tmp_path: Path) -> None:
    written = Written()
    old, new = TakenUp(tmp_path, written), TakenUp(tmp_path, written)
    await old.look([crl("1")], [])
    for _ in range(3):  # while the workers are replaced after a reload
        await new.look([crl("2"), crl("9", "b")], [])
        await old.look([crl("1")], [])
    assert written.take() == ["crl.prise a1<", "crl.prise a2<1", "crl.prise b9<"]


async def test_what_is_not_known_yet_neither_comes_nor_goes(tmp_path: Path) -> None:
    written = Written()
    for worker in (TakenUp(tmp_path, written), TakenUp(tmp_path, written)):
        await worker.look([crl(UNKNOWN)], [])
        await worker.look([crl("1")], [])
    assert written.take() == ["crl.prise a1<"]


async def test_refusals_are_told_once_and_so_is_their_end(tmp_path: Path) -> None:
    written = Written()
    one, two = TakenUp(tmp_path, written), TakenUp(tmp_path, written)
    for why in ("torn", "torn", "of another"):
        for worker in (one, two):
            await worker.look([crl("1")], [Refusal("confiance", "production", why)])
    assert [about.get("cause") for kind, about in written.events if kind == "confiance.refusee"] == ["torn", "of another"]
    written.events.clear()
    for worker in (one, two, TakenUp(tmp_path, written)):
        await worker.look([crl("1")], [])
    assert [kind for kind, _ in written.events] == ["confiance.retablie"]
    await one.look([crl("1")], [Refusal("confiance", "production", "torn")])
    written.events.clear()
    await TakenUp(tmp_path, written).look([crl("1")], [])  # mended while nothing ran
    assert [kind for kind, _ in written.events] == ["confiance.retablie"]


async def test_parts_are_told_by_what_became_of_them(tmp_path: Path) -> None:
    written = Written()
    worker = TakenUp(tmp_path, written)
    await worker.look([crl("1", x="1", y="1", z="1")], [])
    await worker.look([crl("2", y="2", z="1", v="1")], [])
    _, about = written.events[-1]
    assert (about["ajouts"], about["retraits"], about["modifications"], about["numeroPrecedent"]) == ("v", "x", "y", "1")
    await worker.look([crl("3", **{f"p{n}": "" for n in range(MAX_TOLD + 5)})], [])
    assert written.events[-1][1]["ajouts"].endswith(", et 5 autres")


async def test_what_could_not_be_written_is_written_later(tmp_path: Path) -> None:
    written = Written(away=True)
    worker = TakenUp(tmp_path, written)
    await worker.look([crl("1")], [])
    written.away = False
    await worker.look([crl("1")], [])
    assert written.take() == ["crl.prise a1<"]


async def test_another_worker_is_at_it(tmp_path: Path) -> None:
    written = Written()
    worker = TakenUp(tmp_path, written)
    held = os.open(tmp_path / "in-use.lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    await worker.look([crl("1")], [])
    os.close(held)
    assert written.take() == []
    await worker.look([crl("1")], [])
    assert written.take() == ["crl.prise a1<"]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"inUse": {"a": 1}, "refused": {}}', "\udcff"])
async def test_a_file_that_cannot_be_understood_tells_everything_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / "in-use.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    written = Written()
    await TakenUp(tmp_path, written).look([crl("1")], [])
    assert written.take() == ["crl.prise a1<"]


async def test_in_the_journal_itself_and_while_it_is_stopped(tmp_path: Path) -> None:
    settings = journal_settings(tmp_path)
    journal = JournalWriter(settings, "worker-0")
    journal.open()
    worker = TakenUp(tmp_path / "state", journal)
    stop(settings.folder, "essai")
    await worker.look([crl("1")], [])
    assert b"crl.prise" not in b"".join(f.read_bytes() for f in journal.folder.glob("*.jsonl"))
    resume(settings.folder)
    await worker.look([crl("1")], [])
    journal.close()
    assert b"".join(f.read_bytes() for f in journal.folder.glob("*.jsonl")).count(b'"crl.prise"') == 1
