"""The table of mutants still fits the code: every patch applies, every named test exists, every way has its mutant."""

import subprocess
import sys

import pytest

from tests.mutants.__main__ import KILLED, SURVIVED, copy_of_the_code, put_in, try_one
from tests.mutants.mutant import ROOT, DoesNotApply, Mutant, Patch, mutated
from tests.mutants.page import page
from tests.mutants.table import mutants
from tests.mutants.ways import WAYS


def test_every_patch_applies() -> None:
    told = []
    for mutant in mutants():
        try:
            mutated(mutant.patches, ROOT)
        except DoesNotApply as e:
            told.append(f"{mutant.name}: {e}")
    assert told == []


def test_every_way_that_fails_open_has_a_mutant() -> None:
    assert {m.way for m in mutants()} == set(WAYS)
    names = [m.name for m in mutants()]
    assert len(names) == len(set(names))


def test_every_named_test_exists() -> None:
    named = sorted({m.test for m in mutants()})
    found = subprocess.run([sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", *named], cwd=ROOT, text=True,
                           capture_output=True, timeout=120, check=False)
    assert found.returncode == 0, found.stderr[-2000:]


def test_the_page_is_the_table() -> None:
    """To mend it: python -m tests.mutants --write docs/fail-open.md"""
    assert (ROOT / "docs/fail-open.md").read_text(encoding="utf-8") == page(mutants())


def test_a_patch_that_does_not_fit_is_told() -> None:
    for old, new in (("nowhere to be found", "x"), ("def ", "x"), ('"""A mutant:', '"""Another mutant:' '"""('), ("ROOT = Path", "ROOT =  Path")):
        with pytest.raises(DoesNotApply):
            mutated([Patch("tests/mutants/mutant.py", old, new)], ROOT)


def test_a_mutant_is_killed_or_survives_in_the_copy_alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The runner itself: a mutant that its test sees, and one that its test cannot see."""
    folder = tmp_path_factory.mktemp("copy")
    copy_of_the_code(folder)
    test = "tests/unit/test_body_framing.py::test_the_number_of_chunks_is_bounded"
    patches = next(m for m in mutants() if m.test == test).patches
    before = (ROOT / patches[0].file).read_bytes()
    assert try_one(Mutant("seen", "6", "", patches, test), folder)[0] == KILLED
    unseen = Mutant("unseen", "6", "", patches, "tests/unit/test_body_framing.py::test_a_body_of_known_length_leaves_what_follows")
    assert try_one(unseen, folder)[0] == SURVIVED
    with put_in(unseen, folder):
        assert (folder / patches[0].file).read_bytes() != before
    assert (folder / patches[0].file).read_bytes() == before == (ROOT / patches[0].file).read_bytes()
