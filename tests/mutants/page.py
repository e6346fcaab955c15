"""docs/fail-open.md, made of the table."""

from collections.abc import Sequence
from pathlib import Path

from tests.mutants.mutant import Mutant
from tests.mutants.ways import WAYS

HEAD = """# What fails open in the engine, and what shows that it does not here

Made of `tests/mutants/table.py` by `python -m tests.mutants --write docs/fail-open.md`; do not edit. Each row is a protection, what the gate
would do without it, and the test that fails then. `make mutants` takes out each protection in a copy of the code and runs that test;
`make test` checks that every row still fits the code. How the parts fit together: [engine.md](engine.md).
"""


def page(mutants: Sequence[Mutant]) -> str:
    """The page's text."""
    lines = [HEAD]
    for way, told in WAYS.items():
        lines += [f"## {way if way[0].isupper() or way.isdigit() else way[0].upper() + way[1:]}: {told}", "",
                  "| without the protection | protection | test that fails then |", "|---|---|---|"]
        lines += [f"| {m.name} | {_code(m.protection)} | `{m.test.removeprefix('tests/').replace('|', '/')}` |" for m in mutants if m.way == way]
        lines.append("")
    return "\n".join(lines)


def _code(protection: str) -> str:
    return f"`{protection}`"


def write_page(file: Path, mutants: Sequence[Mutant]) -> None:
    """Write it."""
    file.write_text(page(mutants), encoding="utf-8")
