"""`make lock`: writes requirements.lock and requirements-dev.lock anew from pyproject.toml, each package with its hashes.

uv resolves for every platform at once; it lives in a throw-away environment, since nothing else here needs it.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

COMMON = ("--universal", "--python-version", "3.12", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links",
          "--no-header", "--quiet", "--custom-compile-command", "make lock", "pyproject.toml")
TARGETS = (("requirements.lock", ()), ("requirements-dev.lock", ("--group", "dev", "-c", "requirements.lock")))
_ADDRESS = re.compile(r"https?://|^\s*(?:-i|--index-url|--extra-index-url|--find-links|-f)\b", re.MULTILINE)


class LockError(Exception):
    """A lock that must not be written."""


def main() -> int:
    """Resolve both lists aside, then replace both.

    From nothing each time: with the old list at hand, uv would take one version of a package for all Pythons where the
    list had two, and the newest Python would be left without a wheel.
    """
    root = Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory(prefix="poterne-lock-") as folder:
        scratch = Path(folder)
        uv = _uv(scratch)
        shutil.copy(root / "pyproject.toml", scratch)
        for name, options in TARGETS:
            subprocess.run([str(uv), "pip", "compile", *COMMON, *options, "--output-file", name], cwd=scratch, check=True)
            check((scratch / name).read_text(encoding="utf-8"), name)
        for name, _ in TARGETS:
            shutil.copy(scratch / name, root / name)
            print(f"  {name}: {(root / name).read_text(encoding='utf-8').count('==')} packages")
    return 0


def check(lock: str, name: str) -> None:
    """No address of a registry may enter a lock: it would name a machine of whoever made it.

    Raises:
        LockError: with the line.
    """
    if found := _ADDRESS.search(lock):
        line = lock.count("\n", 0, found.start()) + 1
        raise LockError(f"{name}, line {line}: names an address; it must hold names, versions and hashes only")


def _uv(scratch: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", str(scratch / "venv")], check=True)
    python = scratch / "venv" / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv"], check=True)
    return scratch / "venv" / "bin" / "uv"


if __name__ == "__main__":
    sys.exit(main())
