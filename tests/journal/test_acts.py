"""Acts of operators: whole lines in one chain, whatever else writes or crashed; nothing is done that cannot be written."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway_addons.adapters.journal.acts import act_now, record_act
from gateway_addons.adapters.journal.reader import records
from gateway_addons.adapters.journal.segments import segments
from gateway_addons.core.errors import JournalUnavailable


def test_many_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: record_act(tmp_path / "j", act_now("quota.reset", "moi", "é" * 5000, {"n": str(n)})), range(40)))
    acts = list(records(tmp_path / "j"))
    assert sorted(int(a.fields["sujet"]["n"]) for a in acts) == list(range(40))
    assert {(a.kind, a.writer, a.fields["acte"], a.fields["acteur"]["type"], a.fields["acteur"]["nom"]) for a in acts} == {
        ("acte", "operator", "quota.reset", "humain", "moi")}
    assert all(a.fields["acteur"]["machine"] for a in acts)
    assert [a.seq for a in acts] == list(range(2, 42))


def test_a_torn_line_does_not_spoil_the_next(tmp_path: Path) -> None:
    record_act(tmp_path, act_now("a.b", "moi", "x", {}))
    with segments(tmp_path / "operator")[0].open("ab") as file:
        file.write(b'{"seq":3,"ha')
    act = act_now("a.c", "moi", "y", {"objet": "o"})
    record_act(tmp_path, act.told("annonce"))
    record_act(tmp_path, act.told("fait", nombre="3"))
    assert [r.fields.get("acte", r.kind) for r in records(tmp_path)] == ["a.b", "reprise", "a.c", "a.c"]
    *_, first, second = records(tmp_path)
    assert first.fields["acteId"] == second.fields["acteId"]
    assert second.fields["sujet"] == {"objet": "o", "etat": "fait", "nombre": "3"}


def test_not_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "operator").write_text("a file where a folder should be")
    with pytest.raises(JournalUnavailable):
        record_act(tmp_path, act_now("a.b", "moi", "x", {}))


def test_a_broken_chain_takes_no_act(tmp_path: Path) -> None:
    record_act(tmp_path, act_now("a.b", "moi", "x", {}))
    (file,) = segments(tmp_path / "operator")
    file.write_bytes(file.read_bytes().replace(b"a.b", b"a.c"))
    with pytest.raises(JournalUnavailable):
        record_act(tmp_path, act_now("a.b", "moi", "x", {}))
