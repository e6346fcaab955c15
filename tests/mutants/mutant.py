"""A mutant: the code with one protection taken out, and the test that must fail then."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Patch:
    """One piece of a file replaced by another; the piece is there exactly once."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """`way` is the fail-open way that the protection closes; `protection` names it as `file: symbol`; `test` must fail without it.

    Where several layers stand behind one another, `patches` takes out all of them: the test fails for the last one.
    """

    name: str
    way: str
    protection: str
    patches: tuple[Patch, ...]
    test: str


class DoesNotApply(AssertionError):
    """The code has moved: the mutant must be written anew."""


def patched(text: str, patch: Patch) -> str:
    """The file's text with the patch applied.

    Raises:
        DoesNotApply: the piece is not there exactly once, nothing changes, or what comes out is no Python.
    """
    if (times := text.count(patch.old)) != 1:
        raise DoesNotApply(f"{patch.file}: found {times} times: {patch.old!r}")
    changed = text.replace(patch.old, patch.new)
    try:
        same = ast.dump(ast.parse(changed)) == ast.dump(ast.parse(text))
    except SyntaxError as e:
        raise DoesNotApply(f"{patch.file}: {e}") from e
    if same:
        raise DoesNotApply(f"{patch.file}: the patch changes nothing: {patch.old!r}")
    return changed


def mutated(patches: Iterable[Patch], folder: Path) -> dict[Path, str]:
    """The texts of a mutant's files below `folder`, by file.

    Raises:
        DoesNotApply: see `patched`.
    """
    texts: dict[Path, str] = {}
    for patch in patches:
        file = folder / patch.file
        texts[file] = patched(texts.get(file) or file.read_text(encoding="utf-8"), patch)
    return texts
