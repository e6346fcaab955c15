"""Verification finds whatever was done to a journal, names the first bad line, and tells the kinds apart."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway_addons.adapters.journal.acts import act_now, record_act
from gateway_addons.adapters.journal.chain import Chain
from gateway_addons.adapters.journal.checkpoint_reader import lost_seal
from gateway_addons.adapters.journal.checkpoints import append_sealed, change_key
from gateway_addons.adapters.journal.key_files import load_key, new_key_pem
from gateway_addons.adapters.journal.segments import last_line, segments
from gateway_addons.adapters.journal.verifier import Report, journal_bytes, verify
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.journal.findings import Finding
from gateway_addons.core.journal.line import make_line, read_line
from tests.journal.making import Made, append, make


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("journal"))


@pytest.fixture
def journal(original: Made, tmp_path: Path) -> Made:
    return original.copy(tmp_path / "journal")


def read(journal: Made) -> Report:
    return verify(journal.folder, [journal.public])


def first(journal: Made) -> Finding:
    findings = read(journal).findings
    assert findings, "nothing was found"
    return findings[0]


def lines_of(file: Path) -> list[bytes]:
    return file.read_bytes().splitlines(keepends=True)


def test_a_whole_journal(journal: Made) -> None:
    told: list[int] = []
    report = verify(journal.folder, [journal.public], told.append)
    assert report.findings == []
    assert [c.chain for c in report.chains] == ["checkpoints", "operator", "worker-0", "worker-1"]
    assert {c.chain: c.unsealed for c in report.chains} == {"checkpoints": 0, "operator": 0, "worker-0": 4, "worker-1": 0}  # with a segment's first line
    assert report.checkpoints == 4
    assert all(c.lines == c.last_seq and c.segments >= 1 for c in report.chains)
    assert sum(told) == journal_bytes(journal.folder)


def test_another_key_vouches_for_nothing(journal: Made) -> None:
    (finding,) = verify(journal.folder, [Ed25519PrivateKey.generate().public_key()]).findings
    assert (finding.chain, finding.kind) == ("checkpoints", "signature")


def test_no_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalUnavailable):
        verify(tmp_path, [])


# --- the kinds, each by its own hand ---

def middle(journal: Made, writer: str = "worker-1") -> Path:
    return segments(journal.folder / writer)[1]


def alter(journal: Made) -> None:
    file = middle(journal)
    rows = lines_of(file)
    file.write_bytes(b"".join([*rows[:2], rows[2].replace(b'"convention":"C"', b'"convention":"D"'), *rows[3:]]))


def alter_and_hash_anew(journal: Made) -> None:
    file = middle(journal)
    rows = lines_of(file)
    line = read_line(rows[2])
    fields = {k: v for k, v in line.fields().items() if k not in {"seq", "hashPrecedent", "hash"}} | {"convention": "D"}
    rows[2], _ = make_line(line.seq, line.previous, fields)
    file.write_bytes(b"".join(rows))


def rewrite_from_here_on(journal: Made) -> None:
    """What somebody does who knows how the chain works, but has no key."""
    files = segments(journal.folder / "worker-1")
    previous = ""
    for file in files:
        rows = lines_of(file)
        for n, raw in enumerate(rows):
            line = read_line(raw)
            fields = {k: v for k, v in line.fields().items() if k not in {"seq", "hashPrecedent", "hash"}}
            if (file, n) == (files[1], 2):
                fields["convention"] = "D"
                previous = line.previous
            if previous:
                rows[n], previous = make_line(line.seq, previous, fields)
        file.write_bytes(b"".join(rows))


def delete(journal: Made) -> None:
    file = middle(journal)
    rows = lines_of(file)
    file.write_bytes(b"".join(rows[:2] + rows[3:]))


def delete_first_of_a_segment(journal: Made) -> None:
    file = middle(journal)
    file.write_bytes(b"".join(lines_of(file)[1:]))


def swap(journal: Made) -> None:
    file = middle(journal)
    rows = lines_of(file)
    rows[2], rows[3] = rows[3], rows[2]
    file.write_bytes(b"".join(rows))


def move_to_another_segment(journal: Made) -> None:
    one, two = segments(journal.folder / "worker-1")[1:3]
    rows = lines_of(one)
    one.write_bytes(b"".join(rows[:2] + rows[3:]))
    two.write_bytes(two.read_bytes() + rows[2])


def truncate_a_segment(journal: Made) -> None:
    file = middle(journal)
    file.write_bytes(b"".join(lines_of(file)[:-1]))


def truncate_within_a_line(journal: Made) -> None:
    file = middle(journal)
    file.write_bytes(file.read_bytes()[:-20])


def truncate_the_end(journal: Made) -> None:
    file = segments(journal.folder / "worker-1")[-1]
    file.write_bytes(b"".join(lines_of(file)[:-1]))


def truncate_the_end_within_a_line(journal: Made) -> None:
    file = segments(journal.folder / "worker-1")[-1]
    file.write_bytes(file.read_bytes()[:-20])


def drop_a_segment(journal: Made) -> None:
    middle(journal).unlink()


def drop_the_first_segment(journal: Made) -> None:
    segments(journal.folder / "worker-1")[0].unlink()


def drop_the_last_segment(journal: Made) -> None:
    segments(journal.folder / "worker-1")[-1].unlink()


def drop_a_writer(journal: Made) -> None:
    for file in (journal.folder / "worker-1").iterdir():
        file.unlink()
    (journal.folder / "worker-1").rmdir()


def duplicate(journal: Made) -> None:
    file = middle(journal)
    rows = lines_of(file)
    file.write_bytes(b"".join(rows[:3] + rows[2:]))


def duplicate_later(journal: Made) -> None:
    file = middle(journal)
    rows = lines_of(file)
    file.write_bytes(b"".join([*rows, lines_of(segments(journal.folder / "worker-1")[0])[1]]))


def insert_a_line(journal: Made) -> None:
    file = middle(journal)
    rows = lines_of(file)
    line = read_line(rows[1])
    forged, _ = make_line(line.seq, line.previous, {"type": "appel", "horodatage": "2026-03-31T16:04:11Z", "requestId": "forged"})
    file.write_bytes(b"".join([*rows[:2], forged, *rows[2:]]))


def insert_nonsense(journal: Made) -> None:
    file = middle(journal)
    rows = lines_of(file)
    file.write_bytes(b"".join([*rows[:2], b"nonsense\n", *rows[2:]]))


def swap_segments(journal: Made) -> None:
    one, two = segments(journal.folder / "worker-1")[1:3]
    a, b = one.read_bytes(), two.read_bytes()
    one.write_bytes(b)
    two.write_bytes(a)


HANDS: list[tuple[Callable[[Made], None], str, int]] = [
    (alter, "alteration", 3), (alter_and_hash_anew, "alteration", 3), (rewrite_from_here_on, "alteration", 0), (delete, "deletion", 3),
    (delete_first_of_a_segment, "deletion", 1), (swap, "reordering", 3), (move_to_another_segment, "reordering", 3),
    (truncate_a_segment, "truncation", 0), (truncate_within_a_line, "truncation", 0), (truncate_the_end, "truncation", 0),
    (truncate_the_end_within_a_line, "truncation", 0), (drop_a_segment, "missing_segment", 1), (drop_the_first_segment, "missing_segment", 1),
    (drop_the_last_segment, "missing_segment", 0), (drop_a_writer, "missing_segment", 0), (duplicate, "duplication", 4),
    (duplicate_later, "duplication", 0), (insert_a_line, "insertion", 3), (insert_nonsense, "insertion", 3), (swap_segments, "reordering", 1)]


@pytest.mark.parametrize(("hand", "kind", "line"), [pytest.param(*row, id=row[0].__name__) for row in HANDS])
def test_each_kind_is_told_from_the_others(journal: Made, hand: Callable[[Made], None], kind: str, line: int) -> None:
    hand(journal)
    finding = first(journal)
    assert (finding.chain, finding.kind) == ("worker-1", kind), finding
    if line:
        assert finding.line == line
    assert {c.chain for c in read(journal).chains if c.findings} == {"worker-1"}


def test_what_was_rewritten_is_between_two_checkpoints(journal: Made) -> None:
    rewrite_from_here_on(journal)
    seq = read_line(lines_of(middle(journal))[2]).seq
    assert first(journal).seq <= seq
    assert f"{seq}" in first(journal).text or first(journal).seq < seq


def test_the_first_bad_line_is_named(journal: Made) -> None:
    file = middle(journal)
    seq = read_line(lines_of(file)[2]).seq
    alter(journal)
    finding = first(journal)
    assert (finding.segment, finding.line, finding.seq) == (file.name, 3, seq)


def test_the_checkpoints_are_a_chain_too(journal: Made) -> None:
    (file,) = segments(journal.folder / "checkpoints")
    rows = lines_of(file)
    file.write_bytes(b"".join(rows[:2] + rows[3:]))
    assert (first(journal).chain, first(journal).kind) == ("checkpoints", "deletion")
    file.write_bytes(b"".join([*rows[:2], rows[2].replace(b'"signature":"', b'"signature":"A', 1)]))
    assert first(journal).chain == "checkpoints"


def test_a_journal_without_any_checkpoint_is_not_whole(journal: Made) -> None:
    """Whoever deletes them could have written the rest anew; only acts from before the first start have none."""
    shutil.rmtree(journal.folder / "checkpoints")
    assert [(f.chain, f.kind) for f in read(journal).findings] == [("checkpoints", "missing_segment")]
    for writer in ("worker-0", "worker-1"):
        shutil.rmtree(journal.folder / writer)
    assert read(journal).findings == []


def test_every_byte_of_a_small_journal(tmp_path: Path) -> None:
    """Each flipped in turn: found, or told as the torn end of an unsealed chain (its last newline)."""
    small = make(tmp_path, rounds=1, calls=1, unsealed=1, segment_bytes=1 << 20)
    files = [f for w in ("worker-0", "worker-1", "operator", "checkpoints") for f in segments(small.folder / w)]
    good, unseen, torn = read(small), [], 0
    assert good.findings == []
    for file in files:
        content = bytearray(file.read_bytes())
        for place in range(len(content)):
            content[place] ^= (0x01, 0x20, 0x80)[place % 3]
            file.write_bytes(content)
            report = read(small)
            if not report.findings:
                torn += any(c.torn_bytes for c in report.chains)
                if not any(c.torn_bytes for c in report.chains) or place != len(content) - 1:
                    unseen.append((file, place))
            content[place] ^= (0x01, 0x20, 0x80)[place % 3]
        file.write_bytes(content)
    assert unseen == []
    assert torn == 1, "the end of worker-0, which no checkpoint covers yet"


def test_a_checkpoint_without_the_key_is_found(journal: Made) -> None:
    """The writer's chain rewritten, and the checkpoints with it."""
    rewrite_from_here_on(journal)
    for file in segments(journal.folder / "checkpoints"):
        file.unlink()
    _, other = new_key_pem()
    chain = Chain(journal.folder / "checkpoints", sign=other.sign)
    chain.open()
    heads = {w: _head(journal, w) for w in ("worker-0", "worker-1", "operator")}
    chain.append({"type": "scellement", "horodatage": "2026-03-31T16:04:11Z", "redacteurs": heads, "cle": other.id})
    chain.close()
    assert [(f.chain, f.kind) for f in read(journal).findings] == [("checkpoints", "signature")]


def _head(journal: Made, writer: str) -> dict[str, object]:
    file = segments(journal.folder / writer)[-1]
    line = read_line(last_line(file) or b"")
    return {"segment": file.name, "seq": line.seq, "hash": line.hash}


def test_the_tail_after_the_last_checkpoint_is_not_sealed_yet(journal: Made) -> None:
    append(journal.folder / "worker-1", ["later"])
    record_act(journal.folder, act_now("a.b", "moi", "x", {}))
    assert {c.chain: c.unsealed for c in read(journal).chains if c.unsealed} == {"operator": 1, "worker-0": 4, "worker-1": 2}
    assert journal.maker().make()
    assert all(c.unsealed == 0 for c in read(journal).chains)
    assert read(journal).findings == []


def test_what_a_crash_tore_is_no_fault(journal: Made) -> None:
    file = segments(journal.folder / "worker-0")[-1]
    file.write_bytes(file.read_bytes()[:-20])
    report = read(journal)
    assert report.findings == []
    assert [c.torn_bytes > 0 for c in report.chains if c.chain == "worker-0"] == [True]
    append(journal.folder / "worker-0", ["after the crash"])
    assert read(journal).findings == []


def test_a_changed_key_is_followed(journal: Made) -> None:
    old_public, old_private = journal.public, journal.key_file.read_bytes()
    try:
        old, new = change_key(journal.folder, journal.key_file)
        assert load_key(journal.key_file).id == new.id != old.id
        append(journal.folder / "worker-0", ["later"])
        journal.maker().make()
        for keys in ([old_public], [new.public], [old_public, new.public]):
            report = verify(journal.folder, keys)
            assert report.findings == []
            assert set(report.keys) <= {old.id, new.id}
        journal.key_file.write_bytes(old_private)  # the old key in other hands
        append_sealed(journal.folder, journal.key_file, {"type": "scellement", "horodatage": "2026-03-31T16:04:11Z", "redacteurs": {}})
        assert [f.kind for f in verify(journal.folder, [old_public, new.public]).findings] == ["signature"]
    finally:
        journal.key_file.write_bytes(old_private)


def test_a_checkpoint_never_names_what_is_not_on_the_disk(journal: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    synced: set[int] = set()
    sync = os.fdatasync

    def watched(fd: int) -> None:
        synced.add(os.fstat(fd).st_ino)
        sync(fd)

    monkeypatch.setattr(os, "fdatasync", watched)
    journal.maker().make()
    assert {segments(journal.folder / w)[-1].stat().st_ino for w in ("worker-0", "worker-1", "operator")} <= synced


def test_a_sealed_line_that_goes_while_the_gateway_runs_stops_it(journal: Made) -> None:
    from gateway_addons.adapters.journal.stop_marker import stopped
    maker = journal.maker()
    maker.make()
    truncate_the_end(journal)
    with pytest.raises(JournalUnavailable, match="sealed and is gone"):
        maker.make()
    assert "worker-1" in (stopped(journal.folder) or "")


# --- every byte, every line, in any combination ---

@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_change_of_sealed_bytes_goes_unseen(original: Made, tmp_path: Path, data: st.DataObject) -> None:
    journal = original.copy(tmp_path / "bent")
    files = [f for w in ("worker-1", "operator", "checkpoints") for f in segments(journal.folder / w)]
    file = data.draw(st.sampled_from(files))
    content = file.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    kind = data.draw(st.sampled_from(("flip", "drop", "put in", "cut", "swap")))
    if kind == "flip":
        bent = content[:place] + bytes([content[place] ^ data.draw(st.integers(1, 255))]) + content[place + 1:]
    elif kind == "drop":
        bent = content[:place] + content[place + data.draw(st.integers(1, 400)):]
    elif kind == "put in":
        bent = content[:place] + data.draw(st.binary(min_size=1, max_size=40)) + content[place:]
    elif kind == "cut":
        bent = content[:place]
    else:
        rows = content.splitlines(keepends=True)
        one, two = data.draw(st.tuples(st.integers(0, len(rows) - 1), st.integers(0, len(rows) - 1)))
        rows[one], rows[two] = rows[two], rows[one]
        bent = b"".join(rows)
    file.write_bytes(bent)
    changed = hashlib.sha256(bent).digest() != hashlib.sha256(content).digest()
    report = read(journal)
    seen = bool(report.findings) or report.last_checkpoint_hash != read(original).last_checkpoint_hash
    assert seen == changed, (kind, file, place)


def test_a_sealed_line_that_went_while_the_gateway_was_down_is_seen_at_its_start(journal: Made) -> None:
    assert lost_seal(journal.folder) is None
    file = segments(journal.folder / "worker-1")[-1]
    file.write_bytes(b"".join(lines_of(file)[:-1]))
    assert "worker-1" in (lost_seal(journal.folder) or "")
    file.unlink()
    assert "worker-1" in (lost_seal(journal.folder) or "")
    assert lost_seal(journal.folder / "none") is None
