"""`make mutants`: each protection is taken out of a copy of the code, and the test named for it must fail there.

A mutant that survives means that a protection could be lost without a test saying so. The copy is in a temporary folder: the
working tree is never touched.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.mutants.mutant import ROOT, Mutant, mutated
from tests.mutants.page import write_page
from tests.mutants.table import mutants

COPIED = ("gateway_addons", "tests", "config", "policies", "deploy", "backend", "benchmarks", "pyproject.toml")
LINKED = (".venv", ".tools")
TEST_TIMEOUT_S = 120.0
KILLED, TOO_LONG, SURVIVED, UNUSABLE = "killed", "killed by the time-out", "survived", "the test does not run"


def copy_of_the_code(folder: Path) -> None:
    """A copy that a mutant may be put into, with the tools of the original."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "results", "*.png"))
        else:
            shutil.copy(source, folder / name)
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)


@contextmanager
def put_in(mutant: Mutant, folder: Path) -> Iterator[None]:
    """The mutant's patches in the copy, until the block ends."""
    changed = mutated(mutant.patches, folder)
    before = {file: file.read_text(encoding="utf-8") for file in changed}
    try:
        for file, text in changed.items():
            file.write_text(text, encoding="utf-8")
        yield
    finally:
        for file, text in before.items():
            file.write_text(text, encoding="utf-8")


def run_tests(names: Sequence[str], folder: Path, timeout_s: float) -> tuple[int | None, str]:
    """pytest's exit code (None: ended by the time-out), and its last words."""
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider", *names]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            code: int | None = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = None
        said.seek(0)
        return code, said.read()[-2000:]


def try_one(mutant: Mutant, folder: Path) -> tuple[str, str]:
    """What came of a mutant, and what its test said."""
    with put_in(mutant, folder):
        code, said = run_tests([mutant.test], folder, TEST_TIMEOUT_S)
    # 1: tests failed; anything else than 0 and 1 is a test that could not be run, which shows nothing
    return {None: TOO_LONG, 0: SURVIVED, 1: KILLED}.get(code, UNUSABLE), said


def main() -> int:
    """Try the mutants; the exit code says whether all were killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="mutants whose name, way or file has this text")
    parser.add_argument("--part", default="1/1", help="N/M: the Nth of M parts, for several runs")
    parser.add_argument("--list", action="store_true", help="show the table and end")
    parser.add_argument("--write", type=Path, default=None, help="write the table as Markdown and end")
    given = parser.parse_args()
    part, parts = map(int, given.part.split("/"))
    chosen = [m for m in mutants() if given.only in f"{m.name} {m.way} {m.protection}"][part - 1 :: parts]
    console = Console(width=180)
    if given.write:
        write_page(given.write, mutants())
        return 0
    if given.list:
        console.print(shown(chosen))
        return 0
    return _try(chosen, console)


def _try(chosen: Sequence[Mutant], console: Console) -> int:
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="poterne-mutants-") as name:
        folder = Path(name)
        copy_of_the_code(folder)
        unchanged, said = run_tests(sorted({m.test for m in chosen}), folder, TEST_TIMEOUT_S + 10 * len(chosen))
        if unchanged != 0:
            console.print(f"[red]without a mutant the tests do not pass[/red]; mend them first\n{said}", markup=True)
            return 2
        for number, mutant in enumerate(chosen, 1):
            start = time.monotonic()
            outcome, said = try_one(mutant, folder)
            counts[outcome] += 1
            console.print(f"{number}/{len(chosen)}  {outcome:24}{mutant.way}: {mutant.name}  ({time.monotonic() - start:.0f} s)", markup=False)
            if outcome in (SURVIVED, UNUSABLE):
                console.print(f"    {mutant.protection}\n    {mutant.test}\n{said if outcome == UNUSABLE else ''}", markup=False)
    console.print(", ".join(f"{n} {outcome}" for outcome, n in counts.items()))
    return 1 if counts[SURVIVED] or counts[UNUSABLE] else 0


def shown(chosen: Sequence[Mutant]) -> Table:
    """The table, for people."""
    table = Table("way", "without the protection", "protection", "test that fails then")
    for m in chosen:
        table.add_row(m.way, m.name, m.protection, m.test)
    return table


if __name__ == "__main__":
    sys.exit(main())
