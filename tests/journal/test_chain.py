"""A chain on the disk: segments follow each other, what a crash tore is cut off and said, what was altered stops the start."""

import base64
import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gateway_addons.adapters.journal.chain import Chain
from gateway_addons.adapters.journal.segment_state import BrokenChain
from gateway_addons.adapters.journal.segments import last_line, segments
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.journal.line import GENESIS, Line, read_line


def all_lines(folder: Path) -> list[Line]:
    return [read_line(raw) for file in segments(folder) for raw in file.read_bytes().splitlines(keepends=True)]


def written(folder: Path, count: int, **options: Any) -> Path:
    chain = Chain(folder, **options)
    chain.open()
    for n in range(count):
        chain.append({"type": "appel", "requestId": str(n), "libelle": "x" * 50})
    chain.sync()
    chain.close()
    return folder


def assert_one_chain(folder: Path) -> None:
    previous, seq = GENESIS, 0
    for line in all_lines(folder):
        assert (line.seq, line.previous) == (seq + 1, previous)
        seq, previous = line.seq, line.hash


def test_lines_follow_each_other_over_segments_and_starts(tmp_path: Path) -> None:
    for _ in range(3):
        written(tmp_path / "w", 40, segment_bytes=2000)
    assert_one_chain(tmp_path / "w")
    files = segments(tmp_path / "w")
    assert len(files) > 5
    for before, file in pairwise(files):
        header = read_line(file.read_bytes().splitlines(keepends=True)[0])
        assert header.fields()["precedent"] == before.name
        assert header.seq == int(file.stem)
        assert last_line(before) == before.read_bytes().splitlines(keepends=True)[-1]
    assert len([line for line in all_lines(tmp_path / "w") if line.kind == "appel"]) == 120


def test_a_new_day_is_a_new_segment(tmp_path: Path) -> None:
    clock = [datetime(2026, 3, 31, 23, 59, tzinfo=UTC)]
    chain = Chain(tmp_path / "w", now=lambda: clock[0])
    chain.open()
    chain.append({"type": "appel"})
    clock[0] += timedelta(minutes=2)
    chain.append({"type": "appel"})
    chain.append({"type": "appel"})
    chain.close()
    assert [f.read_bytes().count(b"\n") for f in segments(tmp_path / "w")] == [2, 3]


@pytest.mark.parametrize("cut", [1, 2, 40, 200])
def test_a_torn_last_line_is_cut_off_and_said(tmp_path: Path, cut: int) -> None:
    folder = written(tmp_path / "w", 3)
    (file,) = segments(folder)
    whole = file.read_bytes()
    torn = whole[:-1].rpartition(b"\n")[2][:-cut] if cut < 200 else whole[:-1].rpartition(b"\n")[2][:30]
    kept = whole[:whole[:-1].rfind(b"\n") + 1]
    file.write_bytes(kept + torn)
    chain = Chain(folder)
    recovered = chain.open()
    chain.append({"type": "appel", "requestId": "later"})
    chain.close()
    assert recovered.torn == torn
    assert_one_chain(folder)
    *_, said, later = all_lines(folder)
    told = said.fields()["dechire"]
    assert (said.kind, later.kind) == ("reprise", "appel")
    assert told["octets"] == len(torn)
    assert told["empreinte"] == f"sha256:{hashlib.sha256(torn).hexdigest()}"
    assert base64.b64decode(told["debut"]) == torn


def test_zeros_after_a_power_cut_are_torn_too(tmp_path: Path) -> None:
    folder = written(tmp_path / "w", 3)
    with segments(folder)[0].open("ab") as file:
        file.write(b"\0" * 512)
    chain = Chain(folder)
    assert chain.open().torn == b"\0" * 512
    chain.close()
    assert_one_chain(folder)


@pytest.mark.parametrize("rest", [b"", b'{"seq":5,"hash'])
def test_a_segment_without_its_first_line_is_begun_again(tmp_path: Path, rest: bytes) -> None:
    folder = written(tmp_path / "w", 3)
    (folder / "000000000000005.jsonl").write_bytes(rest)
    chain = Chain(folder)
    assert chain.open().torn == rest
    chain.append({"type": "appel"})
    chain.close()
    assert_one_chain(folder)


def _first_line_gone(file: Path) -> None:
    file.write_bytes(file.read_bytes().partition(b"\n")[2])


def _altered(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b'"requestId":"1"', b'"requestId":"7"'))


def _line_gone(file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:2] + lines[3:]))


def _swapped(file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0], lines[2], lines[1], *lines[3:]]))


def _garbage_with_an_end(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"nonsense\n")


@pytest.mark.parametrize("bend", [_first_line_gone, _altered, _line_gone, _swapped, _garbage_with_an_end])
def test_a_broken_chain_is_not_written_on(tmp_path: Path, bend: Callable[[Path], None]) -> None:
    folder = written(tmp_path / "w", 5)
    bend(segments(folder)[0])
    before = segments(folder)[0].read_bytes()
    with pytest.raises(BrokenChain, match="w/0000"):
        Chain(folder).open()
    assert segments(folder)[0].read_bytes() == before


def test_the_segment_before_must_be_the_one_that_is_named(tmp_path: Path) -> None:
    folder = written(tmp_path / "w", 40, segment_bytes=2000)
    files = segments(folder)
    files[-2].write_bytes(files[-2].read_bytes()[:-300])
    with pytest.raises(BrokenChain):
        Chain(folder).open()
    files[-2].unlink()
    with pytest.raises(BrokenChain, match="does not follow"):
        Chain(folder).open()


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    chain = Chain(tmp_path / "w")
    chain.open()
    with pytest.raises(JournalUnavailable, match="in use"):
        Chain(tmp_path / "w").open()
    chain.close()
    Chain(tmp_path / "w").open(0.1)


def test_a_write_that_fails_half_way_leaves_the_chain_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = Chain(tmp_path / "w")
    chain.open()
    chain.append({"type": "appel", "requestId": "a"})
    write = os.write
    calls: list[int] = []

    def half(fd: int, data: Any) -> int:
        calls.append(1)
        if len(calls) == 1:
            return write(fd, data[:20])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space"):
        chain.append({"type": "appel", "requestId": "b"})
    monkeypatch.undo()
    chain.append({"type": "appel", "requestId": "c"})
    chain.close()
    assert_one_chain(tmp_path / "w")
    assert [line.fields().get("requestId") for line in all_lines(tmp_path / "w")] == [None, "a", "c"]


def test_files_are_the_owner_s(tmp_path: Path) -> None:
    folder = written(tmp_path / "j" / "w", 1)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(f.stat().st_mode & 0o777 == 0o600 for f in folder.iterdir())
