"""What the commands share: how a failure is told, what a program is given, and what the journal has of an act."""

import json
from pathlib import Path

import pytest
from rich.table import Table

from gateway_addons.adapters.journal.reader import records
from gateway_addons.commands.terminal import announced, fail, operator_act, say, settings_of, show_table, told


def states(journal: Path) -> list[tuple[str, str | None]]:
    return [(r.fields["sujet"]["etat"], r.fields["sujet"].get("n")) for r in records(journal) if r.kind == "acte"]


def test_a_failure_is_one_sentence_and_a_status(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        fail("nothing there; make it", 1)
    assert ended.value.code == 1
    with pytest.raises(SystemExit) as ended, told(KeyError):
        raise KeyError("x")
    assert ended.value.code == 2
    with pytest.raises(ValueError, match="not foreseen"), told(KeyError):
        raise ValueError("not foreseen")
    with pytest.raises(SystemExit):
        settings_of(tmp_path / "gateway.yaml")
    first, second, third = capsys.readouterr().err.splitlines()
    assert (first, second) == ("poterne: nothing there; make it", "poterne: 'x'")
    assert str(tmp_path / "gateway.yaml") in third


def test_an_act_is_in_the_journal_before_and_after(tmp_path: Path) -> None:
    act = operator_act("quota.reset", " because ", "anne", convention="C")
    assert (act.reason, act.author) == ("because", "anne")
    with announced(tmp_path, act) as outcome:
        assert states(tmp_path) == [("annonce", None)]
        outcome["n"] = "3"
    assert states(tmp_path) == [("annonce", None), ("fait", "3")]


@pytest.mark.parametrize(("raised", "ends"), [(OSError("full"), SystemExit), (SystemExit(2), SystemExit),
                                              (KeyboardInterrupt(), KeyboardInterrupt), (TypeError("x"), TypeError)], ids=repr)
def test_an_act_that_fails_is_told_as_such(tmp_path: Path, raised: BaseException, ends: type[BaseException]) -> None:
    with pytest.raises(ends), announced(tmp_path, operator_act("quota.reset", "why", None), OSError):
        raise raised
    assert [state for state, _ in states(tmp_path)] == ["annonce", "echec"]


def test_without_the_journal_nothing_is_done(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("in the way")
    with pytest.raises(SystemExit), announced(tmp_path / "journal", operator_act("quota.reset", "why", None)):
        pytest.fail("it was done")


def test_no_reason_no_act(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        operator_act("quota.reset", "  ", None)
    assert "--reason must say why" in capsys.readouterr().err


def test_programs_are_given_json_and_people_a_table_without_colours_when_it_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("[bold]contract[/]")
    table.add_row("[red]é[/]")
    say(True, {"a": "é"}, "sentence")
    assert json.loads(capsys.readouterr().out) == {"a": "é"}
    say(False, {"a": "é"}, "sentence")
    assert capsys.readouterr().out == "sentence\n"
    show_table(True, [1], table)
    assert json.loads(capsys.readouterr().out) == [1]
    show_table(False, [1], table)
    shown = capsys.readouterr().out
    assert "é" in shown
    assert "\x1b" not in shown
