"""The virtual environment, installed from the hash-locked list and from nothing else."""

import hashlib
import shutil
import sys
from pathlib import Path

from deploy.setup.commands import answer, run
from deploy.setup.layout import Layout
from deploy.setup.progress import SetupError, Step

LOCK = "requirements-dev.lock"
LIMIT_S = 1800.0


def ensure(layout: Layout) -> None:
    """Make or bring up to date `.venv`; nothing is done, and no network needed, while the lock is the one installed.

    Raises:
        SetupError: venv or pip fails.
    """
    with Step("python") as step:
        step.done(f"{sys.version.split()[0]}  {sys.executable}")
    with Step("venv") as step:
        lock, stamp = layout.root / LOCK, layout.venv / "poterne-lock.sha256"
        wanted = fingerprint(lock)
        if is_current(layout.venv, stamp, wanted):
            step.done("as locked")
            return
        stamp.unlink(missing_ok=True)
        if not _works(layout.venv):
            _create(step, layout)
        _install(step, layout, lock)
        stamp.write_text(wanted + "\n", encoding="ascii")
        step.done(f"{_count(lock)} packages, each with its hash ({LOCK})")


def fingerprint(lock: Path) -> str:
    """What must be the same for nothing to be done: the lock's content and the Python's minor version."""
    return f"{sys.version_info[0]}.{sys.version_info[1]} {hashlib.sha256(lock.read_bytes()).hexdigest()}"


def is_current(venv: Path, stamp: Path, wanted: str) -> bool:
    """Was exactly this installed, to the end, and does its Python still run?"""
    try:
        return stamp.read_text(encoding="ascii").strip() == wanted and _version(venv) is not None
    except OSError:
        return False


def _version(venv: Path) -> str | None:
    printed = answer([str(venv / "bin" / "python"), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
    return printed.strip() if printed else None


def _works(venv: Path) -> bool:
    """Is there an environment of this Python's version with a pip that runs?"""
    same = _version(venv) == f"{sys.version_info[0]}.{sys.version_info[1]}"
    return same and answer([str(venv / "bin" / "python"), "-m", "pip", "--version"]) is not None


def _create(step: Step, layout: Layout) -> None:
    if layout.venv.exists():
        shutil.rmtree(layout.venv)
    step.doing("making .venv")
    run(step, [sys.executable, "-m", "venv", str(layout.venv)], layout.log("venv"), limit_s=300)


def _install(step: Step, layout: Layout, lock: Path) -> None:
    step.doing(f"installing {_count(lock)} packages")
    pip = [str(layout.venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    try:
        run(step, [*pip, "install", "--require-hashes", "--no-deps", "--only-binary", ":all:", "--progress-bar", "off",
                   "-r", str(lock)], layout.log("pip"), limit_s=LIMIT_S)
        run(step, [*pip, "check"], layout.log("pip"), limit_s=300)
    except SetupError as e:
        raise SetupError(f"the packages could not be installed. {e}\n"
                         "Let pip reach a package index (pip config list shows which), then run make again.") from e


def _count(lock: Path) -> int:
    return sum("==" in line and not line[:1].isspace() for line in lock.read_text(encoding="utf-8").splitlines())
