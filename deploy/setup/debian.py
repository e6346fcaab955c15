"""Programs out of Debian's packages, unpacked inside the project: nothing is installed, no service started, no root needed."""

import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from deploy.setup.commands import answer, ask, run
from deploy.setup.layout import Layout
from deploy.setup.progress import SetupError, Step

LIMIT_S = 600.0
NEVER = frozenset({"libc6", "libc-bin", "libgcc-s1", "gcc-12-base"})
"""Never unpacked beside the machine's own: a second C library would not match its loader."""
_INST = re.compile(r"^Inst (\S+) \((\S+)")
"""A package that is not installed yet (`Inst name [old] (new)` would be an upgrade)."""


def provide(step: Step, layout: Layout, package: str, program: str, version: str = "--version") -> None:
    """Provide `.tools/bin/<program>` out of a package and those it needs that the machine has not.

    `version` is the option that makes the program say its version and end well.

    Raises:
        SetupError: this is not Debian, or the packages cannot be had, or the program does not run.
    """
    if not all(shutil.which(tool) for tool in ("apt-get", "dpkg")):
        raise SetupError("this machine has no apt-get and dpkg")
    step.doing(f"fetching Debian's {package} into .tools (nothing is installed)")
    debs = layout.tools / "debs" / package
    shutil.rmtree(debs, ignore_errors=True)
    debs.mkdir(parents=True)
    try:
        _download(step, layout, package, debs, [])
    except SetupError:
        _download(step, layout, package, debs, _own_lists(step, layout))
    _unpack(step, layout, package, program, debs, version)


def missing(simulation: str) -> list[str]:
    """The packages that `apt-get --simulate install` would add, as `name=version`, without upgrades."""
    found = (_INST.match(line) for line in simulation.splitlines())
    return [f"{m[1]}={m[2]}" for m in found if m and m[1].partition(":")[0] not in NEVER]


def _download(step: Step, layout: Layout, package: str, debs: Path, options: list[str]) -> None:
    packages = missing(ask(["apt-get", *options, "--simulate", "--no-install-recommends", "install", package], limit_s=60,
                           environment={"LC_ALL": "C"}))
    if not packages:
        raise SetupError(f"apt-get says that {package} is installed, yet its program is not found or does not run")
    run(step, ["apt-get", *options, "download", *packages], layout.log("debian"), limit_s=LIMIT_S, folder=debs,
        environment={"LC_ALL": "C"})


def _own_lists(step: Step, layout: Layout) -> list[str]:
    """Options that give apt package lists of its own, fetched now; the machine's stay as they are."""
    state = layout.tools / "apt"
    for folder in ("lists/partial", "cache/archives/partial"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    options = [x for option in (f"Dir::State::Lists={state / 'lists'}", f"Dir::Cache={state / 'cache'}",
                                "Debug::NoLocking=true", "APT::Sandbox::User=root") for x in ("-o", option)]
    run(step, ["apt-get", *options, "update"], layout.log("debian"), limit_s=LIMIT_S, environment={"LC_ALL": "C"})
    return options


def _unpack(step: Step, layout: Layout, package: str, program: str, debs: Path, version: str) -> None:
    tree = layout.tools / "debian" / package
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    for deb in sorted(debs.glob("*.deb")):
        run(step, ["dpkg", "-x", str(deb), str(tree)], layout.log("debian"), limit_s=120)
    binary = next((tree / folder / program for folder in ("usr/bin", "usr/sbin", "bin") if (tree / folder / program).exists()),
                  None)
    if binary is None:
        raise SetupError(f"Debian's {package} holds no {program}")
    _wrapper(layout.bin / program, binary, os.pathsep.join(map(str, sorted(_libraries(tree)))))
    if answer([str(layout.bin / program), version]) is None:
        (layout.bin / program).unlink()
        raise SetupError(f"{binary} does not run here; see {layout.log('debian')}")


def _libraries(tree: Path) -> Iterator[Path]:
    return iter({library.parent for folder in ("usr/lib", "lib") for library in (tree / folder).rglob("*.so*")})


def _wrapper(place: Path, binary: Path, libraries: str) -> None:
    """A command that gives the program its libraries and becomes it (same process, so that a signal reaches it)."""
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_name(f".{place.name}.new")
    search = f'"{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"'
    fresh.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={search} exec "{binary}" "$@"\n', encoding="utf-8")
    fresh.chmod(fresh.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    fresh.replace(place)
