"""Acts of operators: whole lines, whatever else writes or crashed; nothing is done that cannot be written."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway_addons.adapters.journal.acts_file import acts_file_of, append_act
from gateway_addons.core.errors import JournalUnavailable


def test_many_at_once(tmp_path: Path) -> None:
    file = acts_file_of(tmp_path / "new" / "journal.jsonl")
    assert file.name == "journal.acts.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: append_act(file, {"n": i, "motif": "é" * 5000}), range(40)))
    assert sorted(json.loads(line)["n"] for line in file.read_text().splitlines()) == list(range(40))
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_torn_line_does_not_spoil_the_next(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"n": 1}\n{"n": ')
    append_act(file, {"n": 2})
    assert file.read_text().splitlines()[-1] == '{"n":2}'


def test_not_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").mkdir()
    with pytest.raises(JournalUnavailable):
        append_act(tmp_path / "a.jsonl", {})
