"""haproxy, which stands in front of the gateway in one test: the machine's own, else out of Debian's packages."""

from pathlib import Path

from deploy.setup import debian
from deploy.setup.commands import answer
from deploy.setup.layout import Layout, find_command, link
from deploy.setup.progress import SetupError, Step


def ensure(layout: Layout) -> Path:
    """Provide `.tools/bin/haproxy`; not a part of `make setup`, since only the test needs it.

    Raises:
        SetupError: there is none and Debian's packages cannot be had.
    """
    place = layout.bin / "haproxy"
    if runs(place):
        return place
    found = find_command("haproxy")
    if found is not None and runs(found):
        link(found, place)
        return place
    with Step("haproxy") as step:
        debian.provide(step, layout, "haproxy", "haproxy", version="-v")
        step.done("out of Debian's packages, in .tools")
    if not runs(place):
        raise SetupError("the haproxy that was unpacked does not run")
    return place


def runs(command: Path) -> bool:
    """Does it tell its version?"""
    return command.exists() and answer([str(command), "-v"]) is not None
