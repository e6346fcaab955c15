"""What the documentation names is there: files, tests, links, commands of make and of poterne."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from gateway_addons.__main__ import app
from gateway_addons.commands.later import LaterGroup

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").rglob("*.md"))]
FOLDERS = ("gateway_addons/", "policies/", "config/", "tests/", "deploy/", "backend/", "benchmarks/", "docs/")
PATH = re.compile(r"`((?:" + "|".join(FOLDERS) + r")[A-Za-z0-9_./-]*[A-Za-z0-9_/])(?:::([A-Za-z_]\w*))?")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
MADE = ("config/contracts/production/<", "benchmarks/results/")


def named(document: Path) -> list[tuple[str, str | None]]:
    """The paths in backquotes, with the test that is named in them."""
    return [(path, test or None) for path, test in PATH.findall(document.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_what_a_document_names_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    missing = [path for path, _ in named(document) if not (ROOT / path).exists() and not path.startswith(MADE)]
    missing += [f"{path}::{test}" for path, test in named(document) if test and (ROOT / path).is_file()
                and f"def {test}(" not in (ROOT / path).read_text(encoding="utf-8")]
    missing += [link for link in LINK.findall(text) if "://" not in link and not (document.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("document", [d for d in DOCUMENTS if "adr" not in d.parts], ids=lambda d: str(d.relative_to(ROOT)))
def test_the_commands_that_a_document_shows_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    shown = set(re.findall(r"`make ([a-z]+)", text)) | set(re.findall(r"^make ([a-z]+)", text, re.MULTILINE))
    assert shown <= targets
    groups = get_command(app).every_command()  # type: ignore[attr-defined]
    words = re.findall(r"(?:`|^)poterne ([a-z-]+)(?: ([a-z-]+))?", text, re.MULTILINE)
    unknown = [f"poterne {group} {command}" for group, command in words
               if group not in groups or (command and hasattr(groups[group], "commands") and command not in groups[group].commands)]
    assert unknown == []


def test_every_command_helps() -> None:
    """`--help` of every command, at every depth, without a single import that fails."""
    runner = CliRunner()
    groups = get_command(app).every_command()  # type: ignore[attr-defined]
    for name, group in groups.items():
        for command in getattr(group, "commands", {None: None}):
            done = runner.invoke(app, [name, *([command] if command else []), "--help"])
            assert done.exit_code == 0, f"{name} {command}: {done.output}"


def test_the_overview_says_of_each_command_what_the_command_says_of_itself() -> None:
    group = get_command(app)
    assert isinstance(group, LaterGroup)
    told = {name: group.later[name].help.removesuffix(".") for name in group.later}
    own = {name: " ".join((command.help or "").split()) for name, command in group.every_command().items()}
    assert {name: own[name].startswith(line) for name, line in told.items()} == dict.fromkeys(told, True)


def test_the_overview_reads_no_command() -> None:
    """`poterne --help`, and a command that is asked for by itself: no engine, no web server, no client of Redis is read."""
    seen = "import sys; heavy = {'mitmproxy', 'aiohttp', 'redis', 'starlette', 'joserfc'} & set(sys.modules); sys.exit(str(heavy) if heavy else 0)"
    code = f"from typer.testing import CliRunner; from gateway_addons.__main__ import app; CliRunner().invoke(app, ['--help']); {seen}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
