"""OPA: the one on PATH when it is recent enough, else built from the Go module pinned in `deploy/opa/`."""

import os
import re
from pathlib import Path

from deploy.setup.commands import answer, run
from deploy.setup.layout import Layout, find_command, link
from deploy.setup.progress import SetupError, Step
from deploy.setup.version import at_least, short

MINIMUM = "1.21.3"
MINIMUM_GO = "1.21"
"""The first Go that fetches the newer toolchain a go.mod asks for."""
MODULE = "github.com/open-policy-agent/opa"
LIMIT_S = 1800.0


def ensure(layout: Layout) -> None:
    """Provide `.tools/bin/opa`.

    Raises:
        SetupError: there is no fitting OPA and it cannot be built.
    """
    with Step("opa") as step:
        place, pinned = layout.bin / "opa", pinned_version(layout.root / "deploy" / "opa" / "go.mod")
        if is_current(place, pinned):
            step.done(f"{short(version_of(place))}  {place}")
            return
        found = _on_path(place)
        if found is not None:
            link(found, place)
            step.done(f"{short(version_of(found))}  {found}")
            return
        _build(step, layout, place, pinned)
        step.done(f"{short(version_of(place))}  built from deploy/opa (go.sum)")


def pinned_version(go_mod: Path) -> str:
    """The version that `go.mod` pins.

    Raises:
        SetupError: it pins none.
    """
    found = re.search(rf"^(?:require )?\s*{re.escape(MODULE)} v(\S+)", go_mod.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise SetupError(f"{go_mod} does not pin {MODULE}; restore it from the repository")
    return found[1]


def is_current(place: Path, pinned: str) -> bool:
    """Is the OPA in place the pinned one or, when it is a link to the machine's own, recent enough?"""
    version = version_of(place)
    return at_least(version, MINIMUM) if place.is_symlink() else version is not None and short(version) == short(pinned)


def version_of(command: Path) -> str | None:
    """What `opa version` says; None when it does not run."""
    return answer([str(command), "version"]) if command.exists() else None


def _on_path(place: Path) -> Path | None:
    found = find_command("opa")
    if found is None or found.resolve() == place.resolve():
        return None
    return found if at_least(version_of(found), MINIMUM) else None


def _build(step: Step, layout: Layout, place: Path, pinned: str) -> None:
    go = _go(pinned)
    fresh = place.with_name(".opa.new")
    place.parent.mkdir(parents=True, exist_ok=True)
    step.doing(f"building OPA {pinned} with {go} (about a minute, once)")
    try:
        run(step, [str(go), "build", "-C", str(layout.root / "deploy" / "opa"), "-trimpath", "-tags", "timetzdata",
                   "-o", str(fresh), MODULE], layout.log("opa"), limit_s=LIMIT_S, environment=go_environment(layout))
    except SetupError as e:
        raise SetupError(f"OPA could not be built. {e}\n{_advice(pinned)}") from e
    if short(version_of(fresh)) != short(pinned):
        raise SetupError(f"the OPA that was built says {short(version_of(fresh))}, not {pinned}; see {layout.log('opa')}")
    fresh.replace(place)


def go_environment(layout: Layout) -> dict[str, str]:
    """A build that depends on nothing but the pinned module; Go's caches are in the project where there is no home folder."""
    environment = {"GOFLAGS": "-buildvcs=false -mod=readonly", "CGO_ENABLED": "0", "GOWORK": "off"}
    if not os.access(os.environ.get("HOME", "/nonexistent"), os.W_OK):
        cache = layout.tools / "go"
        environment |= {"GOPATH": str(cache), "GOCACHE": str(cache / "build"), "GOENV": "off"}
    return environment


def _go(pinned: str) -> Path:
    go = find_command("go")
    if go is None:
        raise SetupError(f"there is no opa >= {MINIMUM} and no go to build it with.\n{_advice(pinned)}")
    if not at_least(answer([str(go), "version"]), MINIMUM_GO):
        raise SetupError(f"{go} is older than Go {MINIMUM_GO} and cannot build OPA {pinned}.\n{_advice(pinned)}")
    return go


def _advice(pinned: str) -> str:
    return (f"Do one of these, then run make again:\n"
            f"  put an opa >= {MINIMUM} on PATH (openpolicyagent.org, Releases: one static file)\n"
            f"  install Go >= {MINIMUM_GO} (go.dev/dl) and let it reach a Go module proxy, so that OPA {pinned} can be built")
