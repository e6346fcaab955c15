"""`find-python.sh`: which Python is taken, and what is said when none fits."""

import os
import subprocess
from pathlib import Path

import pytest

from deploy.setup.layout import link

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "setup" / "find-python.sh"
NO_VENV = "echo \"ModuleNotFoundError: No module named 'ensurepip'\" >&2; exit 1"
SHIM = "echo 'pyenv: python3.13: command not found' >&2; exit 127"


def command(folder: Path, name: str, body: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    return file


def find(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    tools = tmp_path / "tools"
    tools.mkdir(exist_ok=True)
    for tool in ("ls", "sort", "tail", "cat", "sh"):
        link(next(p for p in (Path("/bin") / tool, Path("/usr/bin") / tool) if p.exists()), tools / tool)
    path = os.pathsep.join([str(tmp_path / "first"), str(tmp_path / "second"), str(tools)])
    return subprocess.run(["/bin/sh", str(SCRIPT)], capture_output=True, text=True, check=False, env={
        "PATH": path, "HOME": str(tmp_path / "home"), "POTERNE_PYTHON_FOLDERS": "", **environment})


@pytest.mark.parametrize(("offered", "taken"), [
    ({"first/python3.12": "echo 3.12", "second/python3.13": "echo 3.13"}, "second/python3.13"),
    ({"first/python3.14": "echo 3.14", "second/python3.12": "echo 3.12"}, "second/python3.12"),
    ({"first/python3.14": "echo 3.14"}, "first/python3.14"),
    ({"first/python3": "echo 3.13", "second/python3.12": "echo 3.12"}, "first/python3"),
    ({"first/python3.13": SHIM, "home/.pyenv/versions/3.13.9/bin/python3.13": "echo 3.13",
      "home/.pyenv/versions/3.13.10/bin/python3.13": "echo 3.13"}, "home/.pyenv/versions/3.13.10/bin/python3.13"),
    ({"first/python3.13": NO_VENV, "second/python3.13": "echo 3.13"}, "second/python3.13"),
    ({"first/python3.13": NO_VENV, "second/python3.12": "echo 3.12"}, "second/python3.12"),
    ({"elsewhere/python3.12": "echo 3.12"}, "elsewhere/python3.12"),
], ids=["3.13 before 3.12", "3.12 before 3.14", "3.14 if alone", "by version, not by name", "newest patch of pyenv, not its shim",
        "one without venv is passed over", "so is its version", "usual folders"])
def test_choice(tmp_path: Path, offered: dict[str, str], taken: str) -> None:
    for place, body in offered.items():
        command((tmp_path / place).parent, Path(place).name, body)
    found = find(tmp_path, POTERNE_PYTHON_FOLDERS=str(tmp_path / "elsewhere"))
    assert (found.returncode, found.stdout.strip()) == (0, str(tmp_path / taken)), found.stderr


def test_pyenv_root_is_honoured(tmp_path: Path) -> None:
    wanted = command(tmp_path / "root" / "versions" / "3.13.1" / "bin", "python3.13", "echo 3.13")
    assert find(tmp_path, PYENV_ROOT=str(tmp_path / "root")).stdout.strip() == str(wanted)


def test_the_named_one_and_no_other(tmp_path: Path) -> None:
    command(tmp_path / "first", "python3.13", "echo 3.13")
    named = command(tmp_path, "mine", "echo 3.12")
    assert find(tmp_path, POTERNE_PYTHON=str(named)).stdout.strip() == str(named)
    old = command(tmp_path, "old", "echo 'is Python 3.11' >&2; exit 1")
    refused = find(tmp_path, POTERNE_PYTHON=str(old))
    assert refused.returncode == 1
    assert "is Python 3.11; Poterne needs Python >= 3.12" in refused.stderr
    assert not refused.stdout


@pytest.mark.parametrize(("offered", "said"), [
    ({}, "pyenv install 3.13"),
    ({"first/python3.11": "echo 3.11", "first/python3": "echo 'is Python 3.11' >&2; exit 1"}, "found none"),
    ({"first/python3.13": NO_VENV}, "has no venv module (on Debian: apt install python3-venv)"),
], ids=["none at all", "too old", "without venv"])
def test_advice(tmp_path: Path, offered: dict[str, str], said: str) -> None:
    for place, body in offered.items():
        command((tmp_path / place).parent, Path(place).name, body)
    found = find(tmp_path)
    assert found.returncode == 1
    assert said in found.stderr
    assert not found.stdout
